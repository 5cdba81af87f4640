"""`na64stat combine`: one file of several, read by the other commands."""

import json

import pytest

from na64stat.stats.limits import upper_limit

PART = {
    "version": "1.0.0",
    "channels": [
        {
            "name": "box",
            "samples": [
                {"name": "signal", "data": [1.0], "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]},
                {"name": "background", "data": [2.0], "modifiers": []},
            ],
        }
    ],
    "observations": [{"name": "box", "data": [3]}],
    "measurements": [{"name": "observed", "config": {"poi": "mu", "parameters": []}}],
}


@pytest.fixture
def parts(tmp_path):
    paths = [tmp_path / "one.json", tmp_path / "two.json"]
    for path in paths:
        path.write_text(json.dumps(PART))
    return paths


def test_two_equal_runs(na64stat, parts, tmp_path):
    both = tmp_path / "both.json"
    assert na64stat("workspace", *map(str, parts), "-o", str(both)).status == 0
    answer = na64stat("limit", str(both), "--json").json
    assert answer["regions"] == ["box_one", "box_two"]
    double = json.loads(
        json.dumps(PART).replace("[1.0]", "[2.0]").replace('[2.0], "modifiers": []', '[4.0], "modifiers": []')
    )
    double["observations"][0]["data"] = [6]
    assert answer["mu"]["observed"] == pytest.approx(upper_limit(double).observed, rel=1e-6)
    assert na64stat("workspace", *map(str, parts), "-o", str(both)).status == 2  # nothing is overwritten unasked


def test_bad_input(na64stat, parts):
    for arguments, message in (
        ([parts[0]], "alone; expected a scenario, or two workspace files and more"),
        ([parts[0], parts[0]], "different names"),
        ([*parts, "--uncorrelated", "none"], "'none'"),
    ):
        answer = na64stat("workspace", *map(str, arguments))
        assert answer.status == 2
        assert message in answer.err
