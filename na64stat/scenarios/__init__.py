"""Scenarios: how a new particle is made, how long it lives, and what it leaves.

`base` holds the interface, one file each scenario of the package, `tabulated` the user's own table, `registry` the names.
"""
