"""Probabilities averaged over the constraints of nuisance parameters."""
