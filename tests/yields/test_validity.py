"""What a prediction is warned of, against the shares computed by hand."""

import numpy as np
import pytest

from na64stat.errors import ValidityWarning
from na64stat.experiment.acceptance import acceptance_curve
from na64stat.experiment.efficiency import Efficiency
from na64stat.experiment.load import load_run
from na64stat.scenarios.axion_muon import AxionMuon
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.dark_sector import DarkSector
from na64stat.scenarios.zprime import ZPrime
from na64stat.yields.predict import predict
from na64stat.yields.source import spectrum
from na64stat.yields.validity import doubts, doubts_at_ends


def test_pairs_beyond_the_table_are_counted(run):
    scenario = DarkSector(mass=0.45, coupling=1e-2)
    made = spectrum(scenario, run)
    weight = np.array([run.efficiency(k) * row.sum() for k, row in zip(made.effective_mass, made.events, strict=True)])
    share = weight[made.effective_mass > 1].sum() / weight.sum()
    (text,) = doubts(scenario, run, ("invisible",))
    assert f"{share:.0%} of the particles" in text
    assert "outside 0.001 to 1 GeV" in text
    assert doubts(DarkSector(mass=0.05, coupling=1e-2), run, ("invisible",)) == []


def test_the_range_is_that_of_the_run():
    narrow = load_run("2022", efficiency=Efficiency((0.01, 0.1), (0.05, 0.06)))
    (text,) = doubts(ZPrime(mass=0.2, coupling=1e-3), narrow, ("invisible",))
    assert "outside 0.01 to 0.1 GeV" in text


@pytest.mark.filterwarnings("ignore:.* come from x < 0.01:na64stat.errors.ValidityWarning")
def test_soft_fusion_is_said_where_it_matters(run):
    (text,) = doubts(AxionPhoton(mass=0.001, coupling=1e-3), run, ("visible",))
    made, exact = (spectrum(AxionPhoton(mass=0.001, coupling=1.0, exact_fusion=one), run) for one in (False, True))
    soft = made.x < 0.01
    excess = made.events[0, soft].sum() / exact.events[0, soft].sum() - 1
    few, many = (
        predict(AxionPhoton(mass=0.001, coupling=1e-3, exact_fusion=one), run).regions["visible"].events
        for one in (True, False)
    )
    assert excess == pytest.approx(0.64, abs=0.01)  # 4.131e9 pb by WW, 2.523e9 by the Monte Carlo of tests/reference
    assert "of the events in visible come from x < 0.01" in text
    assert f"is {excess:.0%} above the exact one at this mass" in text
    assert f"with the same cut on the angle, lowers them by {1 - few / many:.0%}" in text
    assert doubts(AxionPhoton(mass=0.001, coupling=1e-3, exact_fusion=True), run, ("visible",)) == []
    assert doubts(AxionPhoton(mass=0.001, coupling=1e-3), run, ("invisible",)) == []
    assert doubts(AxionPhoton(mass=0.03, coupling=1e-3), run, ("visible", "invisible")) == []
    with pytest.warns(ValidityWarning, match=r"come from x < 0\.01") as caught:
        predict(AxionPhoton(mass=0.001, coupling=1e-3), run)
    assert caught[0].filename == __file__


def test_a_reliable_x_of_ones_own_is_looked_at(run):
    class Own(AxionMuon):
        reliable_x = 0.5

    made = spectrum(Own(mass=0.1, coupling=1e-3), run)
    accepted = made.events[0] * acceptance_curve(run.response, run.region("invisible").region, "invisible")(made.x)
    assert accepted[made.x < 0.5].sum() / accepted.sum() < 0.1
    assert doubts(Own(mass=0.1, coupling=1e-3), run, ("invisible",)) == []
    Own.reliable_x = 0.9
    share = accepted[made.x < 0.9].sum() / accepted.sum()
    (text,) = doubts(Own(mass=0.1, coupling=1e-3), run, ("invisible",))
    assert f"{share:.0%} of the events in invisible come from x < 0.9, where the cross section is not reliable" in text


def test_a_light_target_is_said(tmp_path):
    path = tmp_path / "carbon.toml"
    path.write_text(
        'extends = "2022"\ndescription = "carbon"\n[target]\n'
        'proton_number = { value = 6, unit = "1", source = "test", status = "assumed" }\n'
        'mass_number = { value = 12.0, unit = "1", source = "test", status = "assumed" }\n'
    )
    (text,) = doubts(AxionMuon(mass=0.1, coupling=1e-3), load_run(path), ("invisible",))
    assert "Z = 6, below 50" in text


def test_both_ends_of_a_range_are_looked_at(run):
    points = [ZPrime(mass=mass, coupling=1e-3) for mass in (5e-4, 0.1, 2.0)]
    assert len(doubts_at_ends(points, run, ("invisible",))) == 2
    beyond = [ZPrime(mass=0.1, coupling=1e-3), ZPrime(mass=200.0, coupling=1e-3)]
    assert doubts_at_ends(beyond, run, ("invisible",)) == []


@pytest.mark.parametrize("region", ["visible", "visible_trigger"])
def test_an_axion_that_escapes_does_not_count_as_a_decay(run, region):
    """A stable particle leaves what an unscattered muon leaves: the tail of the MIP peak is no signal."""
    signal = predict(AxionMuon(mass=0.1, coupling=5e-3), run)
    assert signal.regions[region].events == 0
    assert signal.regions["invisible"].events > 1
