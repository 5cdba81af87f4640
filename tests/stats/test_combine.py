"""Combined workspaces: products of likelihoods, and what is correlated."""

import copy

import numpy as np
import pyhf
import pytest

from na64stat.errors import WorkspaceError
from na64stat.stats.asymptotic import Asymptotic
from na64stat.stats.combine import combine
from na64stat.stats.exact.exact import Exact
from na64stat.stats.likelihood.fit import fit_free
from na64stat.stats.likelihood.model import Model
from na64stat.stats.limits import upper_limit

from .histfactory import every_modifier


@pytest.fixture
def runs(make_workspace):
    return {
        "2022": make_workspace([0], [0.5], [1.0], (0.2,), (0.3,)),
        "2023": make_workspace([2], [1.5], [4.0], (0.2,), (0.3,)),
    }


def test_without_common_uncertainties_likelihoods_multiply(make_workspace):
    parts = {"a": make_workspace([1], [0.5], [1.0]), "b": make_workspace([2], [1.5], [4.0])}
    both = Model.from_workspace(combine(parts))
    assert both.channels == ("r0_a", "r0_b")
    alone = [Model.from_workspace(part) for part in parts.values()]
    for mu in (0.0, 0.4, 3.0):
        expected = sum(model.logpdf(model.with_mu(mu))[0] for model in alone)
        assert both.logpdf(both.with_mu(mu))[0] == pytest.approx(expected, rel=1e-12)


def test_one_run_twice_is_twice_the_run(make_workspace):
    """Two equal counting runs without uncertainties are one with double rates: the same limit."""
    part = make_workspace([3], [2.0], [1.0])
    twice = upper_limit(combine({"a": part, "b": copy.deepcopy(part)}), Exact())
    assert twice.observed == pytest.approx(upper_limit(make_workspace([6], [4.0], [2.0]), Exact()).observed, rel=1e-6)


def test_names_decide_what_is_correlated(runs):
    together, apart = combine(runs), combine(runs, ["effect0", "background0"])
    assert [p.name for p in Model.from_workspace(together).parameters] == ["mu", "effect0", "background0"]
    assert {p.name for p in Model.from_workspace(apart).parameters} == {
        "mu",
        *(f"{name}_{run}" for name in ("effect0", "background0") for run in runs),
    }


def test_common_errors_do_not_average_out(make_workspace):
    """Two equal runs, dominated by the error of their efficiency: common it stays, apart it falls by sqrt(2)."""
    part = make_workspace([0], [0.1], [1e6], (0.05,))
    errors = []
    for uncorrelated in ((), ("effect0",)):
        model = Model.from_workspace(combine({"a": part, "b": part}, uncorrelated))
        counts = (model.signal_events + model.background_events)[None, :]
        shifts = [fit_free(model, counts, auxiliary=row).mu[0] - 1 for row in 0.1 * np.eye(len(model.auxiliary))]
        errors.append(10 * np.linalg.norm(shifts))
    assert errors[0] == pytest.approx(0.05, rel=0.05)
    assert errors[0] / errors[1] == pytest.approx(np.sqrt(2), rel=0.01)


def test_pyhf_reads_it_and_agrees(runs):
    workspace = combine(runs)
    theirs = pyhf.Workspace(workspace).model()
    ours = Model.from_workspace(workspace)
    parameters = ours.with_mu(0.7)
    names = [item.name for item in ours.parameters]
    point = [float(parameters[0, names.index(name)]) for name in theirs.config.par_names]
    data = pyhf.Workspace(workspace).data(theirs)
    assert ours.logpdf(parameters)[0] == pytest.approx(float(theirs.logpdf(point, data)[0]), rel=1e-10)


def test_parameters_of_bins_are_never_shared():
    both = combine({"a": every_modifier(), "b": every_modifier()})
    model = Model.from_workspace(both)
    assert any(item.name.endswith("_a[0]") for item in model.parameters)
    assert np.isfinite(Asymptotic().upper_limit(model, 0.90).observed)


def test_a_combination_is_stronger_than_its_parts(runs):
    alone = [upper_limit(workspace, Exact()).expected.median for workspace in runs.values()]
    assert upper_limit(combine(runs), Exact()).expected.median < min(alone)


def broken(runs, case):
    if case == "poi":
        runs["2023"]["measurements"][0]["config"]["poi"] = "other"
    if case == "projection":
        runs["2023"]["measurements"][0]["name"] = "projection"
    if case == "one":
        del runs["2023"]
    if case == "settings":
        for run, start in zip(runs, (0.0, 0.5), strict=True):
            runs[run]["measurements"][0]["config"]["parameters"] = [{"name": "effect0", "inits": [start]}]
    return runs


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("poi", "'mu'.*'other'"),
        ("projection", "projection differs"),
        ("one", "at least two"),
        ("settings", "'effect0'"),
    ],
)
def test_what_does_not_go_together(runs, case, message):
    with pytest.raises(WorkspaceError, match=message):
        combine(broken(runs, case))


def test_unknown_name(runs):
    with pytest.raises(WorkspaceError, match=r"'efect'.*background0, effect0"):
        combine(runs, ["efect"])
