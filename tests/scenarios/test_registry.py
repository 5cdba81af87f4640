"""From a text to a scenario: names, a user's own class, and messages that say what would be right."""

import os
import pickle
from textwrap import dedent

import numpy as np
import pytest

from na64stat.errors import ScenarioError, TableError
from na64stat.physics.nucleus import LEAD
from na64stat.scenarios.axion_muon import AxionMuon
from na64stat.scenarios.registry import NAMES, load_class, resolve, symbols

OWN = """
    from dataclasses import dataclass

    from na64stat import Production, Scenario


    @dataclass(frozen=True, kw_only=True)
    class Flat(Scenario):
        name = "flat"
        height: float = 2.0

        def production(self, x, beam_energy, nucleus):
            return Production(self.mass, self.coupling**2 * self.height + 0 * x)


    class Bare(Scenario):
        def production(self, x, beam_energy, nucleus):
            return Production(self.mass, 0 * x)


    class Unfinished(Scenario):
        name = "unfinished"


    class Other:
        name = "other"
"""


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(dedent(OWN), encoding="utf-8")
    return path


def test_a_users_own_class(own):
    make = resolve(f"{own}:Flat")
    scenario = make(mass=0.1, coupling=3.0)
    x = np.array([0.2, 0.7])
    np.testing.assert_array_equal(scenario.production(x, 160.0, LEAD).dsigma_dx, [18.0, 18.0])
    # what it does not say is the default: stable, unseen, a yield that goes as the square
    assert (scenario.width(), scenario.yield_power, scenario.default_regions) == (0.0, 2.0, ("invisible",))
    assert scenario.lightest_mass() == 0.1
    assert make(mass=0.1, coupling=3.0, height=1.0).at(coupling=1.0).height == 1.0
    with pytest.raises(ScenarioError, match="flat: mass = -1"):
        make(mass=-1, coupling=1.0)


def test_a_users_class_is_loaded_once_and_pickles(own):
    make = resolve(f"{own}:Flat")
    assert resolve(f"{own}:Flat") is make
    scenario = make(mass=0.1, coupling=3.0)
    assert pickle.loads(pickle.dumps(scenario)) == scenario  # noqa: S301 (our own bytes)


def test_an_edited_file_is_loaded_anew(own):
    """In the same process, as in a notebook; of the same size and time, too, so that no compiled file stands in for it."""
    time = own.stat()
    before = resolve(f"{own}:Flat")
    old = before(mass=0.1, coupling=3.0)
    own.write_text(dedent(OWN).replace("height: float = 2.0", "height: float = 7.0"), encoding="utf-8")
    os.utime(own, ns=(time.st_atime_ns, time.st_mtime_ns))
    after = resolve(f"{own}:Flat")
    assert after is not before
    assert (old.height, after(mass=0.1, coupling=3.0).height) == (2.0, 7.0)
    for scenario in (old, after(mass=0.1, coupling=3.0)):
        assert pickle.loads(pickle.dumps(scenario)) == scenario  # noqa: S301 (our own bytes)
    own.write_text(dedent(OWN), encoding="utf-8")
    assert resolve(f"{own}:Flat") is before


def test_two_files_of_one_name_do_not_mix(tmp_path):
    made = []
    for folder, height in (("a", 1.0), ("b", 5.0)):
        path = tmp_path / folder / "own.py"
        path.parent.mkdir()
        path.write_text(dedent(OWN).replace("height: float = 2.0", f"height: float = {height}"), encoding="utf-8")
        made.append(resolve(f"{path}:Flat")(mass=1.0, coupling=1.0).height)
    assert made == [1.0, 5.0]


def test_symbols_of_the_package_and_of_others():
    assert symbols("dark-sector") == (r"m_\chi", r"g_{Z'} g_\chi")
    assert symbols("flat") == ("m", "g")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("axion-muom", "axion-muon"),
        ("Axion-Photon", "axion-photon"),
        ("zprim", "zprime"),
        ("dark_sector", "dark-sector"),
    ],
)
def test_a_slip_gets_a_hint(text, hint):
    with pytest.raises(
        ScenarioError, match=f"scenario '{text}': did you mean '{hint}'\\? known are {', '.join(NAMES)}"
    ):
        resolve(text)


@pytest.mark.parametrize("text", ["", "neutralino", "own.py", "own.py:", "module:Class"])
def test_something_else_names_what_is_known(text):
    with pytest.raises(ScenarioError) as caught:
        resolve(text)
    assert "did you mean" not in str(caught.value)
    assert repr(text) in str(caught.value) or "no such file" in str(caught.value)


def test_options_are_those_of_the_scenario():
    axion = AxionMuon(mass=0.1, coupling=1.0, loop_decay=True)
    for value in (True, "true", "True"):
        assert resolve("axion-muon", {"loop_decay": value})(mass=0.1, coupling=1.0) == axion
    assert resolve("axion-muon")(mass=0.1, coupling=1.0).loop_decay is False
    assert resolve("axion-muon", {"loop_decay": "false"})(mass=0.1, coupling=1.0).loop_decay is False


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("muon-scalar", {"loop_decay": True}, "scenario 'muon-scalar': no option 'loop_decay'; it has none"),
        ("axion-muon", {"loop_dacay": "true"}, r"it has loop_decay \(true or false\).*did you mean 'loop_decay'"),
        ("axion-muon", {"loop_decay": "maybe"}, "option loop_decay = 'maybe': expected true or false"),
        ("axion-muon", {"loop_decay": 1}, "option loop_decay = 1: expected true or false"),
        ("axion-muon", {"mass": "0.1"}, "no option 'mass'"),
    ],
)
def test_options_that_a_scenario_does_not_have(name, options, message):
    with pytest.raises(ScenarioError, match=message):
        resolve(name, options)


WITH_OPTIONS = """
from dataclasses import dataclass

import na64stat as na


@dataclass(frozen=True, kw_only=True)
class Own(na.MuonScalar):
    name = "own"
    share: float = 0.5
    steps: int = 3
    label: str = "a"
    table: object = None
"""


def test_options_of_an_own_class(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(WITH_OPTIONS)
    options = {"share": "0.25", "steps": "7", "label": "b"}
    found = resolve(f"{path}:Own", options)(mass=0.1, coupling=1e-3)
    assert (found.share, found.steps, found.label) == (0.25, 7, "b")
    assert resolve(f"{path}:Own", {"share": "1"})(mass=0.1, coupling=1e-3).share == 1.0
    for name, text, right in (
        ("share", "x", "a number"),
        ("share", "inf", "a number"),
        ("steps", "1.5", "a whole number"),
    ):
        with pytest.raises(ScenarioError, match=f"option {name} = '{text}': expected {right}"):
            resolve(f"{path}:Own", {name: text})
    with pytest.raises(ScenarioError, match=r"no option 'table'; it has .*steps"):
        resolve(f"{path}:Own", {"table": "x"})


def test_a_missing_file(tmp_path):
    with pytest.raises(ScenarioError, match=r"scenario file .*none\.py: no such file"):
        resolve(f"{tmp_path / 'none.py'}:Flat")
    with pytest.raises(TableError, match=r"none\.csv: there is no such file"):
        resolve(str(tmp_path / "none.csv"))
    with pytest.raises(ScenarioError, match="no such file"):  # a folder is no file
        load_class(tmp_path, "Flat")


def test_a_missing_class_names_those_that_are_there(own):
    with pytest.raises(ScenarioError, match="no Scenario class 'Flot'; it has Flat, Bare, Unfinished"):
        resolve(f"{own}:Flot")


@pytest.mark.parametrize("name", ["Other", "dataclass", "Production"])
def test_a_thing_that_is_no_scenario(own, name):
    with pytest.raises(ScenarioError, match=f"no Scenario class '{name}'"):
        resolve(f"{own}:{name}")


@pytest.mark.parametrize("name", ["Bare", "Unfinished", "Scenario"])
def test_an_unfinished_scenario_says_what_it_needs(own, name):
    with pytest.raises(ScenarioError, match=f"{name}: needs a `name` and a `production` method"):
        resolve(f"{own}:{name}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class Broken(:\n", "SyntaxError"),
        ("import nonexistent_module_of_nobody\n", "ModuleNotFoundError: No module named"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_file_that_fails_says_why_and_can_be_mended(tmp_path, text, message):
    path = tmp_path / "broken.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=rf"scenario file .*broken\.py: {message}"):
        resolve(f"{path}:Flat")
    path.write_text(dedent(OWN), encoding="utf-8")
    assert resolve(f"{path}:Flat").name == "flat"


def test_a_file_imports_what_lies_beside_it(tmp_path):
    """Two folders hold helpers of one name; an edited helper is loaded anew, another is not."""
    text = dedent(OWN).replace("from na64stat import", "from helper_beside import HEIGHT\nfrom na64stat import", 1)
    places = [tmp_path / folder / "own.py" for folder in ("a", "b")]
    for place, height in zip(places, (3.0, 5.0), strict=True):
        place.parent.mkdir()
        place.write_text(text.replace("height: float = 2.0", "height: float = HEIGHT"), encoding="utf-8")
        (place.parent / "helper_beside.py").write_text(f"HEIGHT = {height}\n", encoding="utf-8")
    made = [resolve(f"{place}:Flat") for place in places]
    assert [make(mass=1.0, coupling=1.0).height for make in made] == [3.0, 5.0]
    assert resolve(f"{places[0]}:Flat") is made[0]
    (places[0].parent / "helper_beside.py").write_text("HEIGHT = 7.0\n", encoding="utf-8")
    assert resolve(f"{places[0]}:Flat")(mass=1.0, coupling=1.0).height == 7.0
    assert resolve(f"{places[1]}:Flat") is made[1]
    assert not list(tmp_path.rglob("*.pyc"))
