"""Limits that others published, read from a table of HEPData."""
