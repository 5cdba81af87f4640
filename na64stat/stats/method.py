"""Interface of the statistical methods: CL_s of a hypothesis, and an upper limit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, ClassVar

import numpy as np

from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array
from na64stat.stats.results import ClsResult, Limit


class Method(ABC):
    """A statistical method; its settings are its attributes.

    Class attributes
    ----------------
    name
        As the command line and records have it.
    label
        In tables of limits.
    needs_many_counts
        True for formulas that hold in the limit of many counts only.
    sums_over_counts
        True where the expected limits are those of possible counts, computed without random numbers.
    """

    name: ClassVar[str]
    label: ClassVar[str] = "CL_s"
    needs_many_counts: ClassVar[bool] = False
    sums_over_counts: ClassVar[bool] = False

    def seconds_of_limit(self, model: Model) -> float:
        """About how long a limit takes [s]; 0 where it is not worth telling.

        Parameters
        ----------
        model
            The likelihood.
        """
        del model
        return 0.0

    @property
    def settings(self) -> dict[str, Any]:
        """Name and JSON form of every setting that affects results, by which methods are compared."""
        names = [item.name for item in fields(self) if item.compare] if is_dataclass(self) else sorted(vars(self))
        settings = {"name": self.name, **{name: _plain(getattr(self, name)) for name in names}}
        if settings.get("hold", ()) is None:
            del settings["hold"]  # the default rule; records from before this setting lack it
        return settings

    @abstractmethod
    def cl_s(self, model: Model, mu: Sequence[float]) -> list[ClsResult]:
        """CL_s of each signal strength in `mu`, observed and expected.

        Parameters
        ----------
        model
            The likelihood.
        mu
            Signal strengths [1], shape (N,).
        """

    def cl_s_of_signals(self, model: Model, factors: Array) -> list[ClsResult]:
        """CL_s at mu = 1 with the signal of each channel multiplied by its factor, for N rows of factors.

        Parameters
        ----------
        model
            The likelihood, with C channels.
        factors
            One factor for each channel [1], shape (N, C).
        """
        return [self.cl_s(model.with_signal_scaled(row), [1.0])[0] for row in factors]

    @abstractmethod
    def upper_limit(self, model: Model, cl: float) -> Limit:
        """Upper limit on the signal strength at confidence level `cl`, observed and expected.

        Parameters
        ----------
        model
            The likelihood.
        cl
            Confidence level, between 0 and 1.
        """


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)
