"""`--patch`, `--patch-name`, `--measurement` of a workspace file."""

import copy
import json

import pyhf
import pytest

from .conftest import counting_workspace

PATCH = [{"op": "replace", "path": "/channels/0/samples/0/data/0", "value": 4.0}]


@pytest.fixture
def background(here):
    """A workspace file with signal 1; patched, with signal 4."""
    workspace = counting_workspace({"box": (1.0, 0.5, 0)})
    workspace["measurements"].append(copy.deepcopy(workspace["measurements"][0]) | {"name": "second"})
    (here / "ws.json").write_text(json.dumps(workspace), encoding="utf-8")
    return workspace


@pytest.fixture
def write(here):
    def write(content, name="patch.json"):
        (here / name).write_text(json.dumps(content), encoding="utf-8")
        return name

    return write


def patch_set(workspace=None, names=("strong",)):
    digests = {} if workspace is None else {"digests": {"sha256": pyhf.utils.digest(workspace, algorithm="sha256")}}
    return {
        "metadata": {"name": "signals", "labels": ["m"], "description": "", "references": {}, **digests},
        "patches": [{"metadata": {"name": name, "values": [1]}, "patch": PATCH} for name in names],
        "version": "1.0.0",
    }


@pytest.mark.parametrize("as_set", [False, True])
def test_a_patched_signal_gives_the_limit_over_its_ratio(na64stat, background, write, here, as_set):
    name = write(patch_set(background) if as_set else PATCH)
    words = ["--patch", name, *(["--patch-name", "strong"] if as_set else [])]
    plain = na64stat("limit", "ws.json", "--json").json["mu"]["observed"]
    assert na64stat("limit", "ws.json", *words, "--json").json["mu"]["observed"] == pytest.approx(plain / 4, rel=1e-9)
    assert json.loads((here / "ws.json").read_text(encoding="utf-8")) == background


def test_the_digest_of_a_patch_set_is_checked(na64stat, background, write):
    other = copy.deepcopy(background)
    other["observations"][0]["data"] = [1]
    error = na64stat("fit", "ws.json", "--patch", write(patch_set(other)), "--patch-name", "strong").error
    assert "patch.json: made for a workspace with sha256 " in error
    assert "ws.json has " in error


@pytest.mark.parametrize("command", ["limit", "fit", "fit --impacts", "significance", "compare"])
@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"op": "replace", "path": "/channels/7/name", "value": "x"}], "ws.json with patch.json: patch: does not fit"),
        ([{"op": "hit", "path": "/channels"}], "ws.json with patch.json: patch: does not fit the workspace: Unknown"),
        ([{"op": "add"}], "'path'"),
        ([{"op": "remove", "path": ""}], "ws.json with patch.json: "),
        (
            [{"op": "replace", "path": "/channels/0/samples/0/data/0", "value": -4}],
            "the signal only takes events away (-4 at mu = 1)",
        ),
        ([{"op": "remove", "path": "/observations/0"}], "ws.json with patch.json: "),
        ([1], "patch.json: not a JSON patch; expected a list of operations"),
        ({"a": 1}, "patch.json: not a JSON patch; expected a list of operations"),
        ("text", "patch.json: not a JSON patch"),
        ({"patches": [1]}, "patch.json: not a patch set"),
        ({"patches": []}, "patch.json: a patch set without patches"),
        (patch_set(names=("a", "b")), "--patch-name: missing for patch.json; its patches are a, b"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else None,
)
def test_wrong_patches(na64stat, background, write, command, content, text):
    assert text in na64stat(*command.split(), "ws.json", "--patch", write(content)).error


def test_names_of_patches_and_measurements(na64stat, background, write):
    name = write(patch_set(background, names=("a", "b")))
    error = na64stat("limit", "ws.json", "--patch", name, "--patch-name", "c").error
    assert "--patch-name c: not in patch.json; its patches are a, b" in error
    assert "--patch-name c: picks a patch" in na64stat("limit", "ws.json", "--patch-name", "c").error
    plain = write(PATCH, "plain.json")
    error = na64stat("limit", "ws.json", "--patch", plain, "--patch-name", "c").error
    assert "--patch-name c: plain.json is no patch set; it goes without a name" in error
    assert "gone.json: No such file" in na64stat("limit", "ws.json", "--patch", "gone.json").error
    error = na64stat("limit", "ws.json", "--measurement", "third").error
    assert "ws.json: measurement 'third': not in the workspace; it has counting, second" in error


def test_a_measurement_brings_its_own_settings(na64stat, background, here):
    # A wider lumi in the second measurement weakens the limit.
    workspace = counting_workspace({"box": (1.0, 0.0, 0)}, lumi=(1.0, 0.01))
    second = copy.deepcopy(workspace["measurements"][0]) | {"name": "second"}
    second["config"]["parameters"][0]["sigmas"] = [0.3]
    workspace["measurements"].append(second)
    (here / "two.json").write_text(json.dumps(workspace), encoding="utf-8")
    limits = [
        na64stat("limit", "two.json", *words, "--json").json["mu"]["observed"]
        for words in ([], ["--measurement", "counting"], ["--measurement", "second"])
    ]
    assert limits[0] == limits[1]
    assert limits[2] > 1.05 * limits[0]


@pytest.mark.parametrize("option", ["--patch", "--patch-name", "--measurement"])
@pytest.mark.parametrize("command", ["limit", "fit", "fit --impacts", "significance", "compare"])
def test_they_are_for_workspace_files(na64stat, command, option):
    error = na64stat(*command.split(), "axion-muon", "--mass", "0.1", option, "x").error
    assert f"{option}: does not go with the scenario axion-muon; it is for a workspace file" in error
