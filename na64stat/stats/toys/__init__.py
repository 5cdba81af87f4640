"""Inference from simulated experiments."""
