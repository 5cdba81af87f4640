"""Test statistics: how far data are from a signal strength, in units of twice the logarithm of a likelihood ratio."""

from __future__ import annotations

from enum import Enum
from typing import Final

import numpy as np

from na64stat.arguments import check
from na64stat.stats.likelihood.fit import Fits, fit_fixed, fit_free, lowest_mu
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array

TIE: Final = 1e-7
"""Values of a test statistic closer than this are equal."""


class Criterion(Enum):
    """What has to fall to 1 - cl for an exclusion.

    Attributes
    ----------
    CL_S
        CL_sb / CL_b, which does not exclude signals to which the experiment is blind.
    CL_SB
        CL_sb alone.
    """

    CL_S = "cl_s"
    CL_SB = "cl_sb"


class Statistic(Enum):
    """A test statistic of arXiv:1007.1727.

    Attributes
    ----------
    Q_TILDE
        For upper limits, with mu-hat >= 0, eq. (16).
    Q
        For upper limits, with any mu-hat that leaves the rates positive, eq. (14).
    Q0
        For a discovery: against mu = 0, eq. (12).
    T_TILDE
        For intervals (Feldman-Cousins), two-sided with mu-hat >= 0, eq. (11).
    """

    Q_TILDE = "q_tilde"
    Q = "q"
    Q0 = "q0"
    T_TILDE = "t_tilde"

    @property
    def one_sided(self) -> bool:
        """Whether data with a larger best-fit mu agree with the hypothesis."""
        return self in (Statistic.Q_TILDE, Statistic.Q)

    def lowest_mu(self, model: Model) -> float:
        """Where mu-hat ends.

        Parameters
        ----------
        model
            The likelihood.
        """
        return lowest_mu(model) if self is Statistic.Q else 0.0

    def of(self, fixed: Fits, free: Fits, mu: float | Array) -> Array:
        """Value for fits at mu and with mu free, shape (N,).

        Parameters
        ----------
        fixed, free
            Fits of N data sets with mu fixed, and with mu free.
        mu
            The signal strength of the fixed fits [1], a number or shape (N,).
        """
        with np.errstate(invalid="ignore"):
            value: Array = np.maximum(2 * (fixed.nll - free.nll), 0.0)
        # Data that the model forbids at any mu agree with none; no difference of infinities.
        value = np.where(np.isfinite(free.nll), value, np.inf)
        return np.where(free.mu >= mu, 0.0, value) if self.one_sided else value


def evaluate(
    statistic: Statistic, model: Model, mu: float, counts: Array, auxiliary: Array | None = None, *, workers: int = 1
) -> tuple[Array, Fits, Fits]:
    """A test statistic of data sets (N, B), with the free and the fixed fits."""
    free = fit_free(model, counts, auxiliary, lowest_mu=statistic.lowest_mu(model), workers=workers)
    fixed = fit_fixed(model, counts, mu, auxiliary, start=free.parameters, workers=workers)
    return statistic.of(fixed, free, mu), free, fixed


def check_settings(statistic: object, criterion: object) -> None:
    """Refuse a name in place of a member of `Statistic` or `Criterion`, with an InputError."""
    check("statistic", statistic, Statistic, "expected a member, such as Statistic.Q_TILDE")
    check("criterion", criterion, Criterion, "expected Criterion.CL_S or Criterion.CL_SB")
