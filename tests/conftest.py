"""Property tests draw the same examples in every run of CI, and new ones everywhere else."""

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("repeatable")
