"""The names that users import, each there and documented."""

import dataclasses
import importlib
import importlib.resources

import pytest

import na64stat

PUBLIC = [
    "Asymptotic",
    "AxionMuon",
    "AxionPhoton",
    "BackgroundScaling",
    "Binning",
    "ComputationError",
    "Criterion",
    "Curve",
    "DarkSector",
    "DepthAverage",
    "Exact",
    "FeldmanCousins",
    "Flat",
    "InputError",
    "Interpolation",
    "Jeffreys",
    "LogFlat",
    "LowCountWarning",
    "Model",
    "MuonPseudoscalar",
    "MuonScalar",
    "Na64StatError",
    "Prior",
    "Production",
    "Question",
    "Region",
    "Run",
    "Sampler",
    "Samples",
    "Scenario",
    "Statistic",
    "Tabulated",
    "Template",
    "Toys",
    "UserPrior",
    "ValidityWarning",
    "ZPrime",
    "best_fit",
    "build_workspace",
    "channels_alone",
    "cl_s",
    "combine",
    "compare",
    "compare_priors",
    "credible_limit",
    "credible_plane",
    "dask_executor",
    "exclusion",
    "expected_events",
    "goodness_of_fit",
    "impacts",
    "limits",
    "load",
    "load_exclusion",
    "load_limits",
    "load_projection",
    "load_run",
    "load_samples",
    "load_scan",
    "load_sensitivity",
    "mot_needed",
    "overlap",
    "packaged_runs",
    "predict",
    "profile",
    "project",
    "sample",
    "scan",
    "sensitivity",
    "significance",
    "upper_limit",
]


def test_the_list():
    assert sorted([*PUBLIC, "export"]) == na64stat.__all__


@pytest.mark.parametrize("name", PUBLIC)
def test_resolves_to_something_of_that_name_with_a_docstring(name):
    found = getattr(na64stat, name)
    assert found.__name__ == name
    assert found.__module__.startswith("na64stat.")
    assert found.__doc__
    # A dataclass without a docstring is given one that repeats its signature.
    assert not (dataclasses.is_dataclass(found) and found.__doc__.startswith(f"{name}("))


def test_star_import_and_dir():
    names: dict[str, object] = {}
    exec("from na64stat import *", names)  # noqa: S102
    assert set(PUBLIC) <= names.keys()
    assert set(PUBLIC) <= set(dir(na64stat))
    assert "__name__" in dir(na64stat)


def test_unknown_name():
    with pytest.raises(AttributeError, match="module 'na64stat' has no attribute 'AxionMoun'"):
        na64stat.AxionMoun  # noqa: B018
    with pytest.raises(ImportError, match="AxionMoun"):
        exec("from na64stat import AxionMoun", {})  # noqa: S102


def test_type_checkers_see_the_same_names():
    source = importlib.util.find_spec("na64stat").loader.get_source("na64stat")
    block = source[source.index("if TYPE_CHECKING:") : source.index("_HOMES")]
    words = block.replace(",", " ").split()
    declared = {words[i + 1] for i, word in enumerate(words) if word == "as"}
    assert declared == {*PUBLIC, "export"}


def test_names_of_the_export_floor_are_not_hidden_by_its_modules():
    """A submodule that is imported takes the place of a name of the package that is spelt alike."""
    homes = na64stat.export._HOMES
    assert not set(homes) & {
        path.name.removesuffix(".py") for path in importlib.resources.files("na64stat.export").iterdir()
    }
    for name, module in homes.items():
        importlib.import_module(f"na64stat.{module}")
        assert getattr(na64stat.export, name).__name__ == name
