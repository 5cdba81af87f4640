"""Whatever a file holds, a reader gives a result or one of the package's own errors, in bounded time."""

import os
import warnings
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from na64stat.errors import Na64StatError

from . import cases
from .cases import ForeignError, Tally, attempt, lay_out
from .readers import BY_NAME, READERS

CASES, DEAR_CASES, LONG_CASES = (1000, 300, 4) if os.environ.get("NA64STAT_TEST_ALL") else (150, 40, 4)
"""In each run of the tests, all of them or the short ones; `scripts/fuzz.py` draws as many as one likes."""


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_seeds_are_read(reader, tmp_path):
    folder, tally = lay_out(reader, tmp_path / "case"), Tally()
    for content in reader.seeds():
        attempt(reader, content, folder, tally)
    assert tally.outcomes == {"read": len(reader.seeds())}


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_only_our_own_errors_come_out(reader, tmp_path_factory):
    folder, tally = lay_out(reader, tmp_path_factory.mktemp("fuzz")), Tally()
    reader.seeds()

    @settings(
        max_examples=LONG_CASES if reader.longest else DEAR_CASES if reader.dear else CASES,
        derandomize=reader.longest is not None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(st.integers(0, 2**64 - 1))
    def fuzz(number):
        attempt(reader, reader.numbered(number), folder, tally)

    fuzz()
    # Damage is noticed, and not everything is refused.
    assert min(tally.outcomes["read"], tally.cases - tally.outcomes["read"]) > tally.cases / 100


def _bug(path):
    return {}["x"]


def _warned(path):
    warnings.warn("x", RuntimeWarning, stacklevel=1)


def _without_words(path):
    raise Na64StatError


def _without_end(path):
    while True:
        pass


@pytest.mark.parametrize(
    ("read", "text"),
    [(_bug, "KeyError"), (_warned, "RuntimeWarning"), (_without_words, "without a message"), (_without_end, "TooLong")],
)
def test_a_reader_that_lets_something_out_is_caught(read, text, tmp_path, monkeypatch):
    """The harness itself."""
    monkeypatch.setattr(cases, "LONGEST", 0.1)
    with pytest.raises(ForeignError, match=text):
        attempt(replace(BY_NAME["journal"], read=read), b"", tmp_path, Tally())
