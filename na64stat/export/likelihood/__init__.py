"""Public likelihoods: patchsets of pyhf, and HS3."""
