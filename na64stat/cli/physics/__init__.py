"""Commands that show a run and what it expects: spectra, cross sections, counts."""
