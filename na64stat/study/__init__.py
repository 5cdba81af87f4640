"""Where scenarios, runs and statistics meet.

`limits` gives the excluded couplings at each mass, `scan` the CL_s map and its contours, `signal_test` is what both ask.
"""
