"""--hold, and what a result says of held counts."""

from pathlib import Path

import pytest

WORKSPACE = str(Path(__file__).parent.parent / "reported" / "cr_constrains_b_8.json")


def test_the_headline_says_what_is_held(na64stat):
    result = na64stat("limit", WORKSPACE)
    assert "SR, with CR held at its observed count, 90% CL" in result.out
    assert "6.34" in result.out


def test_the_record_says_it_too(na64stat):
    found = na64stat("limit", WORKSPACE, "--json", "--hold", "CR").json
    assert found["held"] == ["CR"]
    assert found["notes"] == ["held at the observed count: CR (8): as asked"]
    found = na64stat("significance", WORKSPACE, "--json").json
    assert found["held"] == ["CR"]
    assert found["p0"] == pytest.approx(0.11, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("limit", WORKSPACE, "--hold", "XR"), "hold 'XR': no such channel or bin; expected any of SR, CR"),
        (("limit", WORKSPACE, "--hold", "CR", "--method", "toys"), "--hold: does not go with --method toys"),
        (
            ("compare", WORKSPACE, "--hold", "CR", "--method", "asymptotic"),
            "--hold: does not go with --method asymptotic",
        ),
        (("limit", WORKSPACE, "--hold", "CR", "--hold", "none"), "or none alone"),
    ],
)
def test_what_cannot_be_held(na64stat, arguments, words):
    assert words in na64stat(*arguments).error
