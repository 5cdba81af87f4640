"""Test statistics: distance of data from a signal strength, as twice the logarithm of a likelihood ratio."""

from __future__ import annotations

from enum import Enum
from typing import Final

import numpy as np

from na64stat.arguments import check
from na64stat.stats.likelihood.fit import Fits, fit_fixed, fit_free, lowest_mu
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array

TIE: Final = 1e-7
"""Difference below which values of a test statistic are equal."""


class Criterion(Enum):
    """Quantity that falls to 1 - cl for an exclusion.

    Attributes
    ----------
    CL_S
        CL_sb / CL_b, which does not exclude signals to which the experiment has no sensitivity.
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
        For discovery, against mu = 0, eq. (12).
    T_TILDE
        For intervals (Feldman-Cousins), two-sided with mu-hat >= 0, eq. (11).
    """

    Q_TILDE = "q_tilde"
    Q = "q"
    Q0 = "q0"
    T_TILDE = "t_tilde"

    @property
    def one_sided(self) -> bool:
        """True if data with a larger best-fit mu are compatible with the hypothesis."""
        return self in (Statistic.Q_TILDE, Statistic.Q)

    def lowest_mu(self, model: Model) -> float:
        """Lower bound of mu-hat.

        Parameters
        ----------
        model
            The likelihood.
        """
        return lowest_mu(model) if self is Statistic.Q else 0.0

    def of(self, fixed: Fits, free: Fits, mu: float | Array) -> Array:
        """Value of the test statistic from fits at mu and with free mu, shape (N,).

        Parameters
        ----------
        fixed, free
            Fits of N data sets with fixed mu, and with free mu.
        mu
            The signal strength of the fixed fits [1], a number or shape (N,).
        """
        with np.errstate(invalid="ignore"):
            value: Array = np.maximum(2 * (fixed.nll - free.nll), 0.0)
        # Data that the model forbids at any mu agree with none; avoids a difference of infinities.
        value = np.where(np.isfinite(free.nll), value, np.inf)
        return np.where(free.mu >= mu, 0.0, value) if self.one_sided else value


def evaluate(
    statistic: Statistic, model: Model, mu: float, counts: Array, auxiliary: Array | None = None, *, workers: int = 1
) -> tuple[Array, Fits, Fits]:
    """Test statistic of data sets (N, B), with the free and the fixed fits."""
    free = fit_free(model, counts, auxiliary, lowest_mu=statistic.lowest_mu(model), workers=workers)
    fixed = fit_fixed(model, counts, mu, auxiliary, start=free.parameters, workers=workers)
    return statistic.of(fixed, free, mu), free, fixed


def check_settings(statistic: object, criterion: object) -> None:
    """Refuse anything but a member of `Statistic` or `Criterion`, such as a name, with an InputError."""
    check("statistic", statistic, Statistic, "expected a member, such as Statistic.Q_TILDE")
    check("criterion", criterion, Criterion, "expected Criterion.CL_S or Criterion.CL_SB")
