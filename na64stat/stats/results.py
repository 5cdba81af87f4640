"""Results of the statistical methods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import ClassVar, Final

from na64stat.files.saved import SavedByFields

BAND_QUANTILES = {
    "minus2": 0.022750131948179195,
    "minus1": 0.15865525393145707,
    "median": 0.5,
    "plus1": 0.8413447460685429,
    "plus2": 0.9772498680518208,
}
"""Probabilities of a Gaussian below -2, -1, 0, +1, +2 standard deviations."""

NO_SIGNAL: Final = "no signal: nothing is excluded"
NOTHING_EXCLUDED: Final = "no signal strength is excluded"
ALL_EXCLUDED: Final = "CL_sb of background alone is below 1 - cl: every signal strength is excluded"
"""Notes of a limit that is None or 0."""


@dataclass(frozen=True)
class Band:
    """Expected values under background alone: median, one and two standard deviations; None where undefined.

    Attributes
    ----------
    minus2, minus1, median, plus1, plus2
        Quantiles from -2 to +2 standard deviations.
    """

    minus2: float | None
    minus1: float | None
    median: float | None
    plus1: float | None
    plus2: float | None

    def __iter__(self) -> Iterator[float | None]:
        return (getattr(self, item.name) for item in fields(self))

    def as_dict(self) -> dict[str, float | None]:
        """Value of each level by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


@dataclass(frozen=True)
class NumericalError:
    """Estimates of the numerical error of a result.

    Attributes
    ----------
    cl_s
        Standard error of CL_s from the average over nuisance parameters (scatter of independent estimates), at the limit (for a
        projection, the median limit) or at the tested mu; 0 where it was not estimated (a map by enumeration).
    limit
        Corresponding relative error of the limit.
    counts_left_out
        Upper bound on the probability of the counts that were not summed.
    refitted
        Number of profile fits that needed iminuit.
    failed
        Number of fits that failed with iminuit, too; their data sets are left out.
    """

    cl_s: float = 0.0
    limit: float = 0.0
    counts_left_out: float = 0.0
    refitted: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Limit(SavedByFields):
    """Upper limit on the signal strength, or an interval.

    Attributes
    ----------
    observed
        Largest mu with CL_s(mu) > 1 - cl at the observed counts (or CL_sb, as `criterion` says); None for a projection, or
        where no mu is excluded.
    expected
        Quantiles of that limit under background alone.
    crossings
        Every mu at which the observed CL_s crosses 1 - cl (the median's for a projection), increasing.
    error
        Numerical errors.
    cl, method, regions
        Confidence level, name of the method, and channels of the model.
    notes
        Caveats of this result.
    lower
        Lower end of a Feldman-Cousins interval; None for an upper limit.
    criterion
        `cl_s`, `cl_sb`, or `interval`.
    held
        Channels or bins whose counts were held at their observed values by an exact method.
    """

    kind: ClassVar[str] = "limit"

    observed: float | None
    expected: Band
    crossings: tuple[float, ...]
    error: NumericalError
    cl: float
    method: str
    regions: tuple[str, ...]
    notes: tuple[str, ...] = ()
    lower: float | None = None
    criterion: str = "cl_s"
    held: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClsResult(SavedByFields):
    """CL_s of one hypothesis.

    Attributes
    ----------
    observed
        CL_s at the observed counts; None for a projection.
    expected
        Quantiles of CL_s under background alone.
    error
        Numerical errors.
    cl_sb, cl_b
        P(q >= q_obs | mu) and P(q >= q_obs | 0), whose ratio is CL_s; None for a projection.
    statistic
        Observed value of the test statistic; None for a projection, or if the method does not need it.
    notes
        Caveats of this result.
    """

    kind: ClassVar[str] = "cl_s"

    observed: float | None
    expected: Band
    error: NumericalError
    cl_sb: float | None = None
    cl_b: float | None = None
    statistic: float | None = None
    notes: tuple[str, ...] = ()
