"""Where scenarios, runs and statistics meet.

`limits` gives the excluded couplings at each mass, `maps` scans and exclusions, `projection` the reach of later exposures,
`bayes` posteriors, `sensitivity` what assumptions do; `signal_test` is what all of them ask.
"""
