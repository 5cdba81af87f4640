"""Scenario and experiment in, expected events out.

`predict` gives the Template that statistics needs, `expected_events` the numbers before the response, `region_events` many
couplings at once for scans.
"""
