"""From the published inputs of the NA64 muon experiment to limits on new physics.

The public names stand in `__init__.pyi`; nothing is imported until it is used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
