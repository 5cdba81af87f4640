"""Inference on bare numbers: signals, backgrounds and observed counts in bins; it knows no scenario and no run."""
