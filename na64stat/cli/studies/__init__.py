"""Commands that study a scenario over masses, couplings and exposures."""
