"""Posteriors and credible limits of a scenario."""
