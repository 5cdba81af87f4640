"""Chains that were edited under a right checksum: what readers cannot use is refused when the file is read."""

import hashlib
import io
import json

import h5py
import numpy as np
import pytest

import na64stat as na
from na64stat.errors import ComputationError, InputError
from na64stat.export.tables.posteriors import tables
from na64stat.files import to_json
from na64stat.stats.bayes.priors import Flat
from na64stat.study.bayes.chain_file import _BLOCK, _MAGIC, SCHEMA, ChainFile
from na64stat.study.bayes.sample import sample
from na64stat.study.bayes.samples import load_samples

GONE = object()


@pytest.fixture(scope="module")
def chain(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("chain") / "chain.h5"
    asked = {"prior": Flat("yield", 0, 50), "sampler": na.Sampler(8, 1, 5), "steps": 8}
    sample(na.AxionMuon(mass=0.1, coupling=5e-3), run, file=path, **asked)
    return path.read_bytes()


def _edited(chain, path, edit):
    """The chain after `edit` of its HDF5, with a checksum that is right."""
    buffer = io.BytesIO(chain)
    with h5py.File(buffer, "r+") as file:
        edit(file)
    body = buffer.getvalue()[_BLOCK:]
    digest = hashlib.sha256(body).hexdigest().encode()
    path.write_bytes((_MAGIC % (SCHEMA, digest)).ljust(_BLOCK, b"\0") + body)
    return path


def _asking(**changes):
    """An edit of the question."""

    def edit(file):
        question = json.loads(file.attrs["question"]) | changes
        file.attrs["question"] = json.dumps({name: value for name, value in question.items() if value is not GONE})

    return edit


def _holding(name, change):
    """An edit of an array."""

    def edit(file):
        values = change(file["ensemble_0"][name][()])
        del file["ensemble_0"][name]
        file["ensemble_0"].create_dataset(name, data=values)

    return edit


def test_as_it_was_it_is_read_and_used(chain, tmp_path):
    found = load_samples(_edited(chain, tmp_path / "c.h5", _asking()))
    assert to_json(found.as_dict())
    assert tables(found)[0].rows == len(found.names)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scenario": GONE}, "no question.scenario"),
        ({"mass_gev": GONE}, "no question.mass_gev"),
        ({"run": GONE}, "no question.run"),
        ({"coupling_unit": GONE}, "no question.coupling_unit"),
        ({"coupling_unit": None}, "coupling_unit is None; expected a text"),
        ({"mass_gev": "0.1"}, "mass_gev is '0.1'; expected a positive number"),
        ({"run": 3}, "run is 3; expected a text"),
        ({"events_at_coupling_one": None}, "events_at_coupling_one is None; expected a positive number"),
        ({"events_at_coupling_one": "x"}, "events_at_coupling_one is 'x'; expected a number"),
        ({"events_at_coupling_one": 0}, "events_at_coupling_one is 0; expected a positive number"),
        ({"events_at_coupling_one": -1}, "events_at_coupling_one is -1; expected a number from 0"),
        ({"events_at_coupling_one": 1e300}, "events_at_coupling_one is 1e[+]300; expected a number from 0"),
        ({"counts": {"invisible": -4}}, "counts.invisible is -4; expected a number from 0"),
        ({"counts": {"invisible": None}}, "counts.invisible is None; expected a number from 0"),
        ({"counts": {"z": 1}}, "counts is .*; expected an object with the count of each of invisible"),
        ({"priors": []}, "priors is ..; expected a list that is not empty"),
        (
            {"priors": [{"text": "x", "parameter": "mu", "name": "flat"}]},
            "one prior of each of the first parameters of yield",
        ),
        ({"yield_power": 0}, "yield_power is 0; expected a number from 0.01 to 100"),
        ({"yield_power": 0.01, "events_at_coupling_one": 1e-50}, "couplings up to inf follow from .*yield_power"),
        ({"kind": "scan"}, "question.kind is 'scan'; expected no such entry"),
    ],
)
def test_a_question_that_nobody_asked_is_refused(chain, tmp_path, changes, message):
    path = _edited(chain, tmp_path / "edited.h5", _asking(**changes))
    with pytest.raises(InputError, match=rf"edited\.h5: .*{message}"):
        load_samples(path)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("chain", np.negative, "chain, yield holds -.*; expected numbers from 0"),
        ("chain", lambda values: 1e300 * values, "chain holds .*; expected numbers from -1e[+]100"),
        ("expected", lambda values: np.full_like(values, np.nan), "expected holds nan"),
        ("accepted", lambda values: values - 1000, "accepted holds -"),
        ("accepted", lambda values: values + 1000, "accepted holds 1.*; expected numbers from 0 to 10"),
        ("prior_u", lambda values: values + 1, "prior_u holds 1.*; expected numbers from 0 to 1"),
    ],
)
def test_numbers_that_cannot_be_are_refused(chain, tmp_path, name, change, message):
    path = _edited(chain, tmp_path / "edited.h5", _holding(name, change))
    with pytest.raises(InputError, match=rf"edited\.h5: .*ensemble_0/{message}"):
        load_samples(path)


def test_counts_that_cannot_be_drawn_are_said_to_be_so(chain, tmp_path):
    path = _edited(chain, tmp_path / "c.h5", _holding("expected", lambda values: np.full_like(values, 1e19)))
    with pytest.raises(ComputationError, match=r"1e\+19 expected events; fewer than 1e\+18 can be drawn"):
        load_samples(path).predictive()


def test_a_file_of_another_kind_is_said_to_be_no_chain(tmp_path):
    """And not that its name were none of a file: our errors are ValueErrors, too."""
    path = tmp_path / "limits.h5"
    path.write_text("{}")
    with pytest.raises(
        InputError, match=r"limits\.h5: not a chain of na64stat; `na64stat posterior -o FILE` writes one"
    ):
        ChainFile(path)
    with pytest.raises(InputError, match="not the name of a file"):
        ChainFile("a\0.h5")
    with pytest.raises(InputError, match="there is no such file"):
        ChainFile(tmp_path / "none.h5")
