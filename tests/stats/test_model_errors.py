"""Bad workspaces give one line that names the place and the value."""

import copy
import math

import numpy as np
import pytest

from na64stat.errors import InputError, RegionError, WorkspaceError
from na64stat.stats.likelihood.counting import CountingChannel
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.tables import Interpolation

from .histfactory import every_modifier, make, modifier

REMOVE = object()
SR, CR = ("channels", 0), ("channels", 1)
SIGNAL, TTBAR, FAKES, RARE = ((*SR, "samples", i) for i in range(4))
FIRST = ("measurements", 0, "config")


def change(workspace, path, value):
    """A copy with the item at a path replaced, appended (path ends in "-") or removed."""
    result = copy.deepcopy(workspace)
    item = result
    for key in path[:-1]:
        item = item[key]
    if value is REMOVE:
        del item[path[-1]]
    elif path[-1] == "-":
        item.append(value)
    else:
        item[path[-1]] = value
    return result


def refused(workspace, *parts, error=WorkspaceError, **options):
    """The error is of the class, says the parts, and is one line."""
    with pytest.raises(error) as caught:
        Model.from_workspace(workspace, **options)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message
    return message


def with_modifier(item, place=FAKES):
    return change(every_modifier(), (*place, "modifiers", "-"), item)


def at(path, value, *parts):
    return pytest.param(path, value, parts, id=" ".join(parts))


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        at(("channels",), REMOVE, "'channels'"),
        at(("channels",), [], "channels", "[]"),
        at(("version",), "2.0.0", "version", "1.0.0"),
        at(("surprise",), 1, "surprise"),
        at((*TTBAR, "data", 1), "many", "SR", "ttbar", "'many'"),
        at((*TTBAR, "data"), REMOVE, "SR", "ttbar", "'data'"),
        at((*SR, "samples"), [], "SR", "samples"),
        at((*TTBAR, "data"), [], "SR", "ttbar", "data"),
        at(("observations", 1, "data"), [], "SR", "data"),
        at((*FIRST, "parameters", 1, "fixed"), "yes", "k", "'yes'"),
        at((*FIRST, "poi"), REMOVE, "first", "'poi'"),
        at(("measurements",), [], "measurements"),
        at((*FAKES, "modifiers", "-"), modifier("made_up", "odd"), "SR", "fakes", "odd", "made_up"),
        at((*FAKES, "modifiers", "-"), modifier("normsys", "odd", {"hi": 1.1}), "SR", "fakes", "odd", "normsys"),
        at(
            (*FAKES, "modifiers", "-"),
            modifier("histosys", "odd", {"hi_data": [1, 2]}),
            "SR",
            "fakes",
            "odd",
            "histosys",
        ),
        at((*FAKES, "modifiers", "-"), modifier("lumi", "luminosity"), "SR", "fakes", "luminosity", "lumi"),
    ],
)
def test_what_pyhfs_schema_refuses(path, value, parts):
    refused(change(every_modifier(), path, value), *parts)


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        at((*TTBAR, "data", 1), -500.5, "SR", "ttbar", "-500.5"),
        at((*TTBAR, "data", 1), math.nan, "SR", "ttbar", "nan"),
        at((*TTBAR, "data", 1), math.inf, "SR", "ttbar", "inf"),
        at((*TTBAR, "data", 1), 10**400, "SR", "ttbar", "inf"),
        at(("observations", 1, "data", 0), -3, "SR", "-3"),
        at(("observations", 1, "data", 0), math.nan, "SR", "nan"),
        at((*SIGNAL, "modifiers", 2, "data", "hi"), 0.0, "SR", "signal", "normsys", "jes", "0"),
        at((*SIGNAL, "modifiers", 2, "data", "lo"), -0.4, "SR", "signal", "normsys", "jes", "-0.4"),
        at((*SIGNAL, "modifiers", 2, "data", "hi"), math.nan, "SR", "signal", "normsys", "jes", "nan"),
        at(
            (*TTBAR, "modifiers", 3, "data", "hi_data", 0), math.inf, "SR", "ttbar", "histosys", "jes", "hi_data", "inf"
        ),
        at(
            (*TTBAR, "modifiers", 3, "data", "lo_data", 1), math.nan, "SR", "ttbar", "histosys", "jes", "lo_data", "nan"
        ),
        at((*FAKES, "modifiers", 0, "data", 0), -0.8, "SR", "fakes", "shapesys", "fakes_SR", "-0.8"),
        at((*FAKES, "modifiers", 0, "data", 0), math.nan, "SR", "fakes", "shapesys", "fakes_SR", "nan"),
        at((*RARE, "modifiers", 1, "data", 0), -0.3, "SR", "rare", "staterror", "stat_SR", "-0.3"),
        at((*FIRST, "parameters", 0, "sigmas"), [0.0], "lumi", "0"),
        at((*FIRST, "parameters", 0, "auxdata"), [math.nan], "lumi", "nan"),
        at((*FIRST, "parameters", 1, "inits"), [math.nan], "k", "inits", "nan"),
        at((*FIRST, "parameters", 2, "auxdata"), [math.inf], "jes", "auxdata", "inf"),
        at((*FIRST, "parameters", 2, "bounds"), [[4.0, -4.0]], "jes", "bounds", "4.0"),
        at((*FIRST, "parameters", 2, "bounds"), [[math.nan, 1.0]], "jes", "bounds", "nan"),
        at((*FIRST, "parameters", 2, "bounds"), [[1.0]], "jes", "bounds", "1.0"),
        at((*FIRST, "parameters", 3, "factors"), [1.0, -9.0], "fakes_CR", "factors", "-9"),
    ],
)
def test_numbers_that_mean_nothing(path, value, parts):
    refused(change(every_modifier(), path, value), *parts)


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        at((*TTBAR, "data"), [1.0], "SR", "ttbar", "1", "2"),
        at(("observations", 1, "data"), [1, 2, 3], "SR", "3", "2"),
        at((*TTBAR, "modifiers", 3, "data", "hi_data"), [1.0, 2.0, 3.0], "SR", "ttbar", "jes", "hi_data", "3", "2"),
        at((*FAKES, "modifiers", 0, "data"), [0.5], "SR", "fakes", "shapesys", "fakes_SR", "1", "2"),
        at((*RARE, "modifiers", 1, "data"), [0.5, 0.5, 0.5], "SR", "rare", "staterror", "stat_SR", "3", "2"),
        at((*FIRST, "parameters", 1, "inits"), [1.0, 2.0], "k", "inits", "2", "1"),
        at((*FIRST, "parameters", 3, "inits"), [1.0], "fakes_CR", "inits", "1", "2"),
        at((*FIRST, "parameters", 3, "auxdata"), [1.0, 2.0, 3.0], "fakes_CR", "auxdata", "3", "2"),
        at((*FIRST, "parameters", 2, "bounds"), [[-1, 1], [-1, 1]], "jes", "bounds", "1"),
    ],
)
def test_lengths_that_do_not_fit(path, value, parts):
    refused(change(every_modifier(), path, value), *parts)


def test_shapefactor_across_channels_of_different_length():
    free, mu = modifier("shapefactor", "free"), modifier("normfactor", "mu")
    channels = {"A": {"data-driven": ([1.0, 2.0], [free, mu])}, "B": {"multijet": ([1.0, 2.0, 3.0], [free])}}
    refused(make(channels, {"A": [1, 2], "B": [1, 2, 3]}), "B", "multijet", "shapefactor", "free", "3", "2")


@pytest.mark.parametrize(("poi", "kind"), [("jes", "normsys"), ("lumi", "lumi"), ("stat_SR", "staterror")])
def test_parameter_of_interest_is_a_normfactor(poi, kind):
    refused(change(every_modifier(), (*FIRST, "poi"), poi), poi, kind, "normfactor")


def test_missing_parameter_of_interest():
    refused(change(every_modifier(), (*FIRST, "poi"), ""), "parameter of interest")
    refused(change(every_modifier(), (*FIRST, "poi"), "nobody"), "parameter of interest", "'nobody'")
    refused(every_modifier(), "parameter of interest", "'mu'", regions=["CR"])


@pytest.mark.parametrize("missing", ["auxdata", "sigmas"])
def test_lumi_needs_its_measurement(missing):
    refused(change(every_modifier(), (*FIRST, "parameters", 0, missing), REMOVE), "SR", "signal", "lumi", missing)
    refused(change(every_modifier(), (*FIRST, "parameters", 0), REMOVE), "SR", "signal", "lumi", missing)


@pytest.mark.parametrize(
    ("item", "parts"),
    [
        (modifier("normsys", "k", {"hi": 1.1, "lo": 0.9}), ["normsys", "'k'", "normfactor"]),
        (modifier("normfactor", "jes"), ["normfactor", "'jes'"]),
        (modifier("normfactor", "lumi"), ["normfactor", "'lumi'"]),
        (modifier("shapefactor", "stat"), ["shapefactor", "'stat'", "staterror"]),
        (modifier("staterror", "fakes_CR", [0.1, 0.1]), ["staterror", "'fakes_CR'", "shapesys"]),
        (modifier("histosys", "free", {"hi_data": [4, 2], "lo_data": [4, 2]}), ["histosys", "'free'", "shapefactor"]),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_one_name_for_two_constraints(item, parts):
    place = "fakes" if item["name"] != "fakes_CR" else ""  # the clash is seen where the second one stands
    refused(with_modifier(item), place, *parts)


def test_shapesys_is_not_shared():
    refused(with_modifier(modifier("shapesys", "fakes_SR", [0.1, 0.1]), RARE), "SR", "rare", "shapesys", "'fakes_SR'")
    message = refused(with_modifier(modifier("shapesys", "fakes_SR", [0.1, 0.1]), (*CR, "samples", 0)), "'fakes_SR'")
    assert "CR" in message
    assert "ttbar" in message


def test_names_stand_once():
    workspace = every_modifier()
    refused(change(workspace, ("channels", "-"), workspace["channels"][0]), "channel", "SR")
    refused(change(workspace, (*SR, "samples", "-"), workspace["channels"][0]["samples"][0]), "SR", "signal")
    refused(change(workspace, ("observations", "-"), workspace["observations"][0]), "observations", "CR")
    refused(change(workspace, (*FIRST, "parameters", "-"), {"name": "k"}), "parameters", "k")
    refused(with_modifier(modifier("normfactor", "mu"), SIGNAL), "SR", "signal", "normfactor", "'mu'")


def test_doubled_measurement_is_refused_where_it_is_asked_for():
    workspace = every_modifier()
    refused(
        change(workspace, ("measurements", "-"), workspace["measurements"][0]),
        "measurement",
        "first",
        measurement="first",
    )


def test_channel_without_observation():
    refused(change(every_modifier(), ("observations", 1), REMOVE), "SR", "observation")


@pytest.mark.parametrize(
    ("name", "key", "value", "kind"),
    [
        ("jes", "sigmas", [2.0], "sys"),
        ("k", "auxdata", [1.0], "normfactor"),
        ("fakes_SR", "sigmas", [0.1, 0.1], "shapesys"),
        ("stat_SR", "factors", [3.0, 3.0], "staterror"),
        ("free", "auxdata", [1.0, 1.0], "shapefactor"),
    ],
)
def test_settings_that_a_modifier_does_not_use(name, key, value, kind):
    settings = [entry for entry in every_modifier()["measurements"][0]["config"]["parameters"] if entry["name"] != name]
    workspace = change(every_modifier(), (*FIRST, "parameters"), [*settings, {"name": name, key: value}])
    refused(workspace, name, key, kind)


def test_unknown_regions():
    refused(every_modifier(), "'nowhere'", "SR, CR", error=RegionError, regions=["SR", "nowhere"])
    refused(every_modifier(), "SR", error=RegionError, regions=["SR", "SR"])
    refused(every_modifier(), "regions", error=RegionError, regions=[])


def test_unknown_measurement():
    refused(every_modifier(), "'second'", "first", measurement="second")


@pytest.mark.parametrize(
    ("patch", "parts"),
    [
        ([{"op": "replace", "path": "/channels/7/name", "value": "x"}], ["patch", "7"]),
        ([{"op": "remove", "path": "/nothing"}], ["patch", "nothing"]),
        ([{"op": "test", "path": "/version", "value": "0"}], ["patch"]),
        ([{"op": "explode", "path": "/version"}], ["patch", "explode"]),
        ([{"path": "/version"}], ["patch", "op"]),
        ([{"op": "replace", "path": "/channels/0/samples/1/data/0", "value": -1e3}], ["SR", "-1000"]),
        ([{"op": "replace", "path": "/channels", "value": []}], ["channels"]),
    ],
)
def test_broken_patches(patch, parts):
    refused(every_modifier(), *parts, patch=patch)


def test_wrong_number_of_parameters():
    model = Model.from_workspace(every_modifier())
    for function in (model.rates, model.logpdf, model.gradient):
        with pytest.raises(InputError, match=rf"3 .*\b{len(model.parameters)}\b"):
            function(np.ones((1, 3)))


@pytest.mark.parametrize(
    ("counts", "auxiliary", "wrong"),
    [
        (np.ones(3), None, "3"),
        (np.ones((5, 4)), None, "5"),
        (None, np.ones(2), "2"),
        (np.ones((2, 4)), np.ones((2, 7)), "7"),
    ],
)
def test_data_of_the_wrong_shape(counts, auxiliary, wrong):
    model = Model.from_workspace(every_modifier())
    for function in (model.logpdf, model.gradient):
        with pytest.raises(InputError, match=wrong):
            function(np.tile(model.inits, (2, 1)), counts, auxiliary)


@pytest.mark.parametrize(("normsys", "histosys"), [(2, "4p"), (4, "2"), ("code4", "4p"), (4, "code0")])
def test_unknown_interpolation(normsys, histosys):
    wrong = normsys if histosys == "4p" else histosys
    with pytest.raises(InputError, match=str(wrong)):
        Interpolation(normsys, histosys)


def _one_bin(**changes):
    """A signal and a background with one modifier each of what has a precision."""

    def of(name, default):
        return changes.get(name, default)

    return {
        "version": "1.0.0",
        "channels": [
            {
                "name": "a",
                "samples": [
                    {
                        "name": "s",
                        "data": of("signal", [1e-3]),
                        "modifiers": [
                            {"name": "mu", "type": "normfactor", "data": None},
                            {
                                "name": "shape",
                                "type": "histosys",
                                "data": of("shape", {"hi_data": [1.1e-3], "lo_data": [9e-4]}),
                            },
                        ],
                    },
                    {
                        "name": "b",
                        "data": [2.0],
                        "modifiers": [
                            {"name": "lumi", "type": "lumi", "data": None},
                            {
                                "name": "form",
                                "type": "histosys",
                                "data": of("form", {"hi_data": [2.1], "lo_data": [1.9]}),
                            },
                            {"name": "stat", "type": "staterror", "data": of("stat", [0.1])},
                            {"name": "bins", "type": "shapesys", "data": [0.1]},
                        ],
                    },
                ],
            }
        ],
        "observations": [{"name": "a", "data": [2]}],
        "measurements": [
            {
                "name": "m",
                "config": {
                    "poi": "mu",
                    "parameters": [
                        {"name": "lumi", "auxdata": of("lumi", [1.0]), "sigmas": of("sigmas", [0.03])},
                        {"name": "form", "auxdata": of("deviations", [0.0])},
                        {"name": "bins", "auxdata": of("counts", [400.0]), "factors": of("factors", [400.0])},
                    ],
                },
            }
        ],
    }


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"form": {"hi_data": [1e300], "lo_data": [0.0]}}, ("channel 'a'", "sample 'b'", "histosys 'form'", "hi_data", "1e+300")),
        ({"form": {"hi_data": [2.0], "lo_data": [-1e300]}}, ("channel 'a'", "sample 'b'", "'form'", "lo_data", "-1e+300")),
        ({"shape": {"hi_data": [1e10], "lo_data": [0.0]}}, ("channel 'a'", "sample 's'", "histosys 'shape'", "1e+10", "1e+09")),
        ({"stat": [1e-100]}, ("channel 'a'", "sample 'b'", "staterror 'stat'", "5e-101")),
        ({"stat": [1e300]}, ("channel 'a'", "sample 'b'", "staterror 'stat'")),
        ({"lumi": [1e300]}, ("channel 'a'", "sample 'b'", "lumi 'lumi'", "1e+300")),
        ({"sigmas": [3e-14]}, ("lumi 'lumi'", "3e-14")),
        ({"deviations": [1e6]}, ("parameter 'form'", "1e+06")),
        ({"factors": [1e-300]}, ("parameter 'bins'", "1e-300")),
        ({"counts": [1e300]}, ("parameter 'bins'", "1e+300")),
        ({"signal": [1e-310]}, ("channel 'a'", "sample 's'", "1e-310")),
    ],
)  # fmt: skip
def test_what_no_method_can_evaluate(changed, parts):
    """Numbers whose squares or ratios leave the numbers that there are."""
    Model.from_workspace(_one_bin())
    refused(_one_bin(**changed), *parts)


@pytest.mark.parametrize("scale", [1e-150, 1e-30, 1e30, 1e150])
def test_a_signal_may_be_in_any_unit(scale):
    shape = {"hi_data": [1.1 * scale], "lo_data": [0.9 * scale]}
    assert Model.from_workspace(_one_bin(signal=[scale], shape=shape)).unit == pytest.approx(scale, rel=1e-12)


def test_counts_of_a_counting_model_are_all_there_or_none():
    channels = [CountingChannel("a", 1.0, 2.0, observed=3.0), CountingChannel("b", 1.0, 2.0)]
    with pytest.raises(InputError, match="expected all or none"):
        Model.counting(channels)
    assert Model.counting(channels[1:]).observed is None
