"""The public names of na64stat.export."""

from .curves.limit_curve import LimitCurve as LimitCurve
from .likelihood.hs3 import hs3 as hs3
from .likelihood.patchset import Likelihood as Likelihood
from .likelihood.patchset import background_only as background_only
from .likelihood.patchset import patchset as patchset
from .tables.reader import read_table as read_table
from .tables.submission import Illustrated as Illustrated
from .tables.submission import Submission as Submission
from .tables.submission import hepdata as hepdata
from .tables.submission import hepdata_json as hepdata_json
from .tables.submission import read_submission as read_submission
from .tables.table import Table as Table
