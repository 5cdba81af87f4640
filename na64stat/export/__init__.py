"""Exports: HEPData submissions and their reader, likelihoods (patchsets, HS3).

`hepdata` writes a submission, `read_submission` reads one, `read_table` any table of HEPData; `Table` is what they hold.
`patchset` makes a background-only workspace with its signals, `hs3` turns a workspace into HS3, `figure_of` draws a result.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
