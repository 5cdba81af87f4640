"""One limit by several methods, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from na64stat.arguments import several
from na64stat.errors import InputError, Na64StatError
from na64stat.files.saved import SavedByFields
from na64stat.progress import Track
from na64stat.stats.asymptotic import Asymptotic
from na64stat.stats.exact.exact import Exact
from na64stat.stats.likelihood.model import Model, check_model
from na64stat.stats.limits import check_cl, check_combination, limit_of_model
from na64stat.stats.method import Method
from na64stat.stats.results import Limit
from na64stat.stats.toys.toys import Toys


@dataclass(frozen=True)
class Comparison(SavedByFields):
    """Limits on the signal strength of one model by several methods.

    Attributes
    ----------
    regions
        Channels of the model.
    cl
        Confidence level.
    rows
        One entry per method, in the given order.
    notes
        Caveats of all of them.
    """

    kind: ClassVar[str] = "comparison"

    regions: tuple[str, ...]
    cl: float
    rows: tuple[ComparisonRow, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComparisonRow:
    """Limit by one method, or the reason why there is none.

    Attributes
    ----------
    method
        Name of the method.
    limit
        The limit; None if the method cannot treat the model.
    reason
        Reason for a missing limit; empty otherwise.
    """

    method: str
    limit: Limit | None
    reason: str = ""


def compare(
    model: Model, cl: float = 0.90, methods: Method | Sequence[Method] | None = None, *, track: Track = iter
) -> Comparison:
    """Observed and expected upper limits on the signal strength mu by several methods.

    Parameters
    ----------
    model
        The likelihood.
    cl
        Confidence level, between 0 and 1.
    methods
        One method, or several; default `Exact()`, `Toys()`, `Asymptotic()` and `FeldmanCousins()`.
    track
        Wrapper of the methods, for a progress bar.

    Raises
    ------
    InputError
        For `cl` outside (0, 1), no methods, or a refused combination of regions. An error of a single method is in its row.
    """
    check_model(model)
    check_cl(cl)
    check_combination(model)
    from na64stat.stats.exact.feldman_cousins import FeldmanCousins

    chosen: tuple[Method, ...] = (Exact(), Toys(), Asymptotic(), FeldmanCousins())
    if methods is not None:
        chosen = several("methods", methods, Method, "expected objects, such as [Exact(), Asymptotic()]")
    if not chosen:
        raise InputError("methods: none given; name at least one")
    # Without a row of its own the exact limit is in the warning about low counts.
    alone = not any(method.sums_over_counts for method in chosen)
    rows = tuple(_row(method, model, cl, alone) for method in track(chosen))
    notes = ("projection: no observed counts, expected limits only",) if model.observed is None else ()
    return Comparison(model.channels, cl, rows, (*notes, *model.remarks))


def _row(method: Method, model: Model, cl: float, alone: bool) -> ComparisonRow:
    try:
        if alone and method.needs_many_counts:
            return ComparisonRow(method.name, limit_of_model(model, method, cl))
        return ComparisonRow(method.name, method.upper_limit(model, cl))
    except Na64StatError as error:
        return ComparisonRow(method.name, None, reason_of(error, method.name))


def reason_of(error: Na64StatError, method: str) -> str:
    """Error message of a method without the name of the method."""
    return str(error).removeprefix(f"{method}: ").removeprefix("exact method: ")
