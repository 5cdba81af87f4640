"""Property tests draw the same examples in every run of CI, and new ones everywhere else."""

import os

from hypothesis import Phase, settings

# Models are slow to build, compiled code too the first time, and a smaller example of a wrong likelihood explains little more:
# no deadline, no shrinking.
settings.register_profile("new", phases=(Phase.explicit, Phase.reuse, Phase.generate), deadline=None)
settings.register_profile("repeatable", settings.get_profile("new"), derandomize=True)
settings.load_profile("repeatable" if os.environ.get("CI") else "new")
