"""Faults of the surroundings of a command, each produced for real: what is tried, how, and what must come of it."""
