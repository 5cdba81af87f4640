"""A wall clock that starts in 1970 and runs backwards: each look at it is an hour earlier than the one before."""

import itertools
import time

_HOURS = itertools.count(20)

time.time = lambda: 72_000.0 - 3600.0 * next(_HOURS)
time.time_ns = lambda: int(time.time() * 1e9)
