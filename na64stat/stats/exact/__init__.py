"""Exact inference at low counts: sums of the probabilities of all outcomes."""
