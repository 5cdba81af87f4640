"""Fits of pyhf's likelihood by iminuit, which share no code with ours."""

import numpy as np
from iminuit import Minuit

from .histfactory import Reference, every_modifier


def interior():
    """The workspace with every modifier, with counts that leave each fitted parameter between its bounds."""
    workspace = every_modifier()
    workspace["observations"] = [{"name": "CR", "data": [53, 44]}, {"name": "SR", "data": [36, 12]}]
    return workspace


def pyhf_minuit(workspace, model, held=()):
    """Minuit at the minimum of pyhf's -ln L, with some parameters {position: value} held."""
    reference, held = Reference(workspace, model), dict(held)
    counts, auxiliary = model.observed[None, :], reference.auxiliary[None, :]

    def nll(parameters):
        return -float(reference.logpdf(np.asarray(parameters)[None, :], counts, auxiliary)[0])

    start = np.array(reference.inits, dtype=float)
    minuit = Minuit(nll, start, name=reference.names)
    minuit.errordef, minuit.strategy, minuit.tol = Minuit.LIKELIHOOD, 2, 1e-4
    for i, (low, high) in enumerate(reference.bounds):
        minuit.limits[i] = (None, None) if i == model.poi else (low, high)
        minuit.fixed[i] = bool(reference.fixed[i]) or i in held
        minuit.errors[i] = 0.1
        if i in held:
            minuit.values[i] = held[i]
    minuit.migrad()
    assert minuit.valid
    return minuit


def hesse_errors(minuit):
    """Errors by name. (Those that Minuit shows for a parameter with limits are distorted by its transformation.)"""
    minuit.hesse()
    return dict(zip(minuit.parameters, np.sqrt(np.diag(minuit.covariance)), strict=True))
