"""Impacts against their definition, coded plainly with iminuit on pyhf's likelihood, and in closed form."""

import numpy as np
import pytest

from na64stat.errors import InputError
from na64stat.stats.fits.impacts import impacts
from na64stat.stats.likelihood.model import Model

from .histfactory import every_modifier, make, modifier
from .oracle import hesse_errors, interior, pyhf_minuit

MU = modifier("normfactor", "mu")


def test_linear_effects_in_closed_form():
    """n = s mu + b gamma with gamma = 1 +- sigma: holding gamma at 1 +- sigma moves mu-hat by -+ b sigma / s."""
    signal, background, sigma = 4.0, 30.0, 0.2
    samples = {
        "signal": ([signal], [MU]),
        "other": ([background], [modifier("staterror", "stat", [sigma * background])]),
    }
    found = impacts(Model.from_workspace(make({"SR": samples}, {"SR": [40]})))
    (impact,) = found.ranking
    shift = background * sigma / signal
    assert (impact.down, impact.up) == pytest.approx((shift, -shift), rel=1e-5)
    assert (impact.prefit_down, impact.prefit_up) == pytest.approx((shift, -shift), rel=1e-5)
    assert found.fit.mu.error == pytest.approx(np.hypot(np.sqrt(40) / signal, shift), rel=1e-5)


def test_definition_of_cabinetry():
    """Best fit with a parameter held at its best value +- its error, after and before the fit, less the best fit."""
    workspace = interior()
    model = Model.from_workspace(workspace)
    names = ["jes", "tilt", "fakes_CR[1]", "stat[1]", "free[1]"]
    found = {impact.name: impact for impact in impacts(model, names=names).ranking}
    assert set(found) == set(names)
    minuit = pyhf_minuit(workspace, model)
    errors = hesse_errors(minuit)
    mu = minuit.values["mu"]
    for name, impact in found.items():
        index, value = minuit.parameters.index(name), minuit.values[name]
        width = model.parameters[index].constraint.width if model.parameters[index].constraint else None
        for size, down, up in (
            (errors[name], impact.down, impact.up),
            (width, impact.prefit_down, impact.prefit_up),
        ):
            for sign, ours in ((-1, down), (1, up)):
                if size is None or value + sign * size < model.parameters[index].lower:
                    assert ours is None
                    continue
                moved = pyhf_minuit(workspace, model, {index: value + sign * size})
                assert ours == pytest.approx(moved.values["mu"] - mu, abs=2e-3 * errors["mu"])


def test_largest_first_and_every_fitted_parameter():
    model = Model.from_workspace(every_modifier())
    asked = []

    def progress(items):
        for item in items:
            asked.append(item)
            yield item

    found = impacts(model, progress=progress)
    sizes = [impact.size for impact in found.ranking]
    assert sizes == sorted(sizes, reverse=True)
    fitted = {p.name for i, p in enumerate(model.parameters) if not p.fixed and i != model.poi}
    assert {impact.name for impact in found.ranking} == fitted
    assert len(asked) == len(fitted)


def test_shifts_beyond_a_bound_are_none_and_said():
    """A free background factor with an error larger than itself."""
    channels = {"SR": {"signal": ([2.0, 1.0], [MU]), "other": ([1.0, 3.0], [modifier("normfactor", "k")])}}
    found = impacts(Model.from_workspace(make(channels, {"SR": [9, 5]})))
    (impact,) = found.ranking
    assert impact.parameter.error > impact.parameter.value
    assert impact.down is None
    assert impact.up < 0
    assert impact.prefit_up is None
    assert "k: a standard deviation from its best value is out of its bounds" in found.notes


def test_bad_input(make_workspace):
    model = Model.from_workspace(make_workspace([3], [2.0], [1.0], (0.1,)))
    with pytest.raises(InputError, match="'mu' is the parameter of interest itself"):
        impacts(model, names=["mu"])
    with pytest.raises(InputError, match="'nothing': not in the model"):
        impacts(model, names=["nothing"])
