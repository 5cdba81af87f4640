"""Random input: a range is read right or refused, and no command line or workspace ends in a traceback."""

import json
import math
from itertools import pairwise

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from na64stat.cli.main import _run
from na64stat.cli.options.numbers import RANGE

NUMBERS = st.floats(1e-30, 1e30)


def read(text):
    return RANGE.convert(text, None, None)


@given(NUMBERS)
def test_a_number_is_itself(number):
    assert read(repr(number)) == [number]


@given(NUMBERS, NUMBERS, st.integers(2, 200))
def test_a_range_is_logarithmic_with_both_ends(one, other, count):
    low, high = sorted((one, other))
    text = f"{low!r}:{high!r}:{count}"
    if low == high:
        with pytest.raises(click.BadParameter):
            read(text)
        return
    numbers = read(text)
    assert len(numbers) == count
    assert (numbers[0], numbers[-1]) == (low, high)
    steps = [math.log(b) - math.log(a) for a, b in pairwise(numbers)]
    assert steps == pytest.approx([math.log(high / low) / (count - 1)] * (count - 1), rel=1e-6, abs=1e-12)


@given(st.one_of(st.text(max_size=12), st.text("0123456789.:e-+nafi_ ", max_size=12)))
def test_any_text_is_positive_numbers_or_refused(text):
    try:
        numbers = read(text)
    except click.BadParameter as refused:
        error = refused
    else:
        assert numbers == sorted(numbers)
        assert all(math.isfinite(number) and number > 0 for number in numbers)
        return
    assert repr(text) in error.message


WORDS = st.sampled_from(
    [
        "info", "cross-section", "limit", "scan", "workspace", "predict", "plot", "2022", "mot1e12", "202", "vector",
        "dark_pair", "axion-muon", "--mass", "--x-min", "--run", "--json", "--cl", "--region", "--background", "--coupling",
        "0.1", "1:2:3", "nan", "-1", "", "a.json", "a.csv", "a.py:A", "--scenario", "--region=visible", "-h", "--", "-o",
    ]
)  # fmt: skip


@settings(
    deadline=None, max_examples=100, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(words=st.lists(WORDS, max_size=5))
def test_any_command_line_is_answered_or_refused_in_one_line(here, capsys, words):
    status = _run(words)
    out, err = capsys.readouterr()
    assert status in (0, 2), (words, err)
    if status == 2:
        assert out == ""
        assert err.startswith("na64stat: error: ")
        assert err.count("\n") == 1
    else:
        assert out != "" or "wrote" in err


VALUES = st.sampled_from([None, 0, -1, 1.5, 4, 30, 10**400, math.nan, math.inf, "text", "", [], [1], [0, 1], {}, True])


def places(value, path=()):
    """Where a nested value can be changed."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


@settings(
    deadline=None, max_examples=100, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_workspace_is_answered_or_refused_in_one_line(here, capsys, data):
    normfactor = {"name": "mu", "type": "normfactor", "data": None}
    normsys = {"name": "eff", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
    workspace = {
        "version": "1.0.0",
        "channels": [
            {
                "name": "box",
                "samples": [
                    {"name": "signal", "data": [1.0], "modifiers": [normfactor, normsys]},
                    {"name": "background", "data": [0.5], "modifiers": []},
                ],
            },
        ],
        "observations": [{"name": "box", "data": [0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }
    path = data.draw(st.sampled_from([place for place in places(workspace) if place]))
    at = workspace
    for key in path[:-1]:
        at = at[key]
    if data.draw(st.booleans()):
        at[path[-1]] = data.draw(VALUES)
    elif isinstance(at, dict):
        del at[path[-1]]
    (here / "ws.json").write_text(json.dumps(workspace), encoding="utf-8")
    status = _run(["limit", "ws.json", "--json"])
    out, err = capsys.readouterr()
    assert status in (0, 2), (path, err)
    if status == 2:
        assert (out, err.count("\n")) == ("", 1)
        assert err.startswith("na64stat: error: ws.json: ")
    else:
        assert json.loads(out)["schema"] == 1


def test_repeated_numbers_are_all_of_a_grid(na64stat, tmp_path):
    given = ["--mass", "0.1", "--mass", "0.01:0.05:2", "--coupling", "1e-2", "--coupling", "1e-3"]
    scan = na64stat("scan", "axion-muon", *given, "--json").json
    assert (scan["mass_gev"], scan["coupling"]) == ([0.01, 0.05, 0.1], [1e-3, 1e-2])


@pytest.mark.parametrize("words", [("fit", "axion-muon"), ("workspace", "axion-muon"), ("significance", "axion-muon")])
def test_repeated_numbers_where_one_is_right(na64stat, words):
    error = na64stat(*words, "--mass", "0.1", "--mass", "0.2").error
    assert "--mass: 2 values; this command takes one number" in error
