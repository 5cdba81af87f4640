"""Scans of a grid and adaptive exclusions of a plane."""
