"""Inference on bare numbers: signals, backgrounds and observed counts in bins, independent of scenarios and runs."""
