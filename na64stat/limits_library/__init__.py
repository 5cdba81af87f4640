"""Existing limits of other experiments: tables, references, conversions.

`existing_limits` gives the records behind a scenario's figure, `excluded`, `excluded_by` and `strongest` ask them,
`coupling_bound`, `favoured_band` and `g_minus_2_limit` compute what the muon's (g-2) says, `read_limits` reads a table of
yours. `references` holds the BibTeX entries, `keys_in` finds those that a text names. The tables and their origin are in
`data/`.
"""

from na64stat.limits_library.citations import keys_in as keys_in
from na64stat.limits_library.citations import references as references
from na64stat.limits_library.existing import ExistingLimit as ExistingLimit
from na64stat.limits_library.g_minus_2 import axion_muon_bound as axion_muon_bound
from na64stat.limits_library.g_minus_2 import coupling_bound as coupling_bound
from na64stat.limits_library.g_minus_2 import favoured_band as favoured_band
from na64stat.limits_library.g_minus_2 import g_minus_2_limit as g_minus_2_limit
from na64stat.limits_library.g_minus_2 import load_g_minus_2 as load_g_minus_2
from na64stat.limits_library.library import excluded as excluded
from na64stat.limits_library.library import excluded_by as excluded_by
from na64stat.limits_library.library import existing_limits as existing_limits
from na64stat.limits_library.library import known_limits as known_limits
from na64stat.limits_library.library import read_limits as read_limits
from na64stat.limits_library.library import strongest as strongest
