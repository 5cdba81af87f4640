"""The shell's completion proposes commands, scenarios and runs."""

import pytest
from click.shell_completion import BashComplete

from na64stat.cli.main import cli


def proposed(words, incomplete):
    return {
        item.value
        for item in BashComplete(cli, {}, "na64stat", "_NA64STAT_COMPLETE").get_completions(words, incomplete)
    }


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        ([], "li", {"limit"}),
        (["limit"], "axion-", {"axion-photon", "axion-muon"}),
        (["limit", "axion-muon", "--run"], "mot", {"mot1e12", "mot1e13", "mot1e14"}),
        (["predict", "axion-muon", "--run"], "202", {"2022", "2023"}),
        (["limit", "axion-muon"], "--verb", {"--verbose"}),
        (["limit"], "mine.p", {"mine.p"}),
    ],
)
def test_proposals(words, incomplete, expected):
    assert proposed(words, incomplete) == expected
