"""Exact inference at low counts: outcomes enumerated, their probabilities summed."""
