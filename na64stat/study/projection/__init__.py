"""Expected reach of later exposures, and the exposure that a reach needs."""
