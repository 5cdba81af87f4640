"""Priors, posteriors, and the sampler."""
