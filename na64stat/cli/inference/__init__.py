"""Commands that infer from a workspace or a scenario: limits, fits, significance, posteriors."""
