"""Parameters of interest of any kind, and none: fits as pyhf with minuit makes them; limits explain what they lack."""

import pyhf
import pytest

from na64stat.errors import InputError, WorkspaceError
from na64stat.stats.fits.best_fit import best_fit
from na64stat.stats.fits.impacts import impacts
from na64stat.stats.likelihood.model import Model
from na64stat.stats.limits import upper_limit

OF_INTEREST = ["mu", "u", "h", "v", "lumi", ""]


def normsys(name, hi, lo):
    return {"name": name, "type": "normsys", "data": {"hi": hi, "lo": lo}}


def workspace(poi):
    signal = [{"name": "mu", "type": "normfactor", "data": None}, normsys("u", 1.2, 0.85)]
    background = [
        normsys("v", 1.3, 0.75),
        {"name": "h", "type": "histosys", "data": {"hi_data": [22.0, 31.0], "lo_data": [19.0, 28.0]}},
        {"name": "lumi", "type": "lumi", "data": None},
    ]
    samples = [
        {"name": "s", "data": [5.0, 3.0], "modifiers": signal},
        {"name": "b", "data": [20.0, 30.0], "modifiers": background},
    ]
    parameters = [
        {"name": "lumi", "auxdata": [1.0], "sigmas": [0.05], "bounds": [[0.5, 1.5]], "inits": [1.0]},
        {"name": "mu", "bounds": [[-5.0, 10.0]]},
    ]
    return {
        "version": "1.0.0",
        "channels": [{"name": "A", "samples": samples}],
        "observations": [{"name": "A", "data": [28.0, 30.0]}],
        "measurements": [{"name": "m", "config": {"poi": poi, "parameters": parameters}}],
    }


@pytest.mark.parametrize("poi", OF_INTEREST)
def test_fits_are_pyhfs(poi):
    spec = workspace(poi)
    found = best_fit(Model.from_workspace(spec, only_fits=True))
    model = pyhf.Workspace(spec).model(poi_name=poi or None)
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-4))
    try:
        best = pyhf.infer.mle.fit(pyhf.Workspace(spec).data(model), model)
    finally:
        pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer())
    ours = {item.name: item.value for item in found.parameters}
    assert ours.keys() == set(model.config.par_names)
    for name, value in zip(model.config.par_names, best, strict=True):
        assert ours[name] == pytest.approx(value, abs=4e-3)
    if poi:
        assert found.mu.name == poi
        assert found.mu.minos is not None
    else:
        assert found.poi is None
        with pytest.raises(InputError, match="no parameter of interest"):
            _ = found.mu


def test_impacts_on_another_parameter():
    """On a parameter that nothing is correlated with but the signal's strength, which is free."""
    found = impacts(Model.from_workspace(workspace("u"), only_fits=True))
    assert found.fit.mu.name == "u"
    assert {item.name for item in found.ranking} == {"mu", "v", "h", "lumi"}
    with pytest.raises(InputError, match="no parameter of interest to be moved"):
        impacts(Model.from_workspace(workspace(""), only_fits=True))
    with pytest.raises(InputError, match="'u' is the parameter of interest itself"):
        impacts(Model.from_workspace(workspace("u"), only_fits=True), names=["u"])


@pytest.mark.parametrize(
    ("poi", "message"),
    [
        ("", "no parameter of interest .* a limit needs one.*--poi NAME chooses another, of mu"),
        ("v", "'v' is a normsys; a limit needs a normfactor.*of mu"),
        ("lumi", "'lumi' is a lumi; a limit needs a normfactor"),
        ("muu", "no sample carries the parameter of interest 'muu'"),
    ],
)
def test_a_limit_explains_what_it_lacks(poi, message):
    with pytest.raises(WorkspaceError, match=message):
        upper_limit(workspace(poi))


@pytest.mark.long
def test_another_parameter_of_interest_can_be_named():
    asked, own = (upper_limit(workspace(poi), poi=name).observed for poi, name in (("v", "mu"), ("mu", None)))
    assert asked == own
