"""Chains: reproducible, continued after a kill, never damaged and never overwritten."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import na64stat as na
from na64stat.errors import InputError
from na64stat.stats.bayes.priors import Flat, LogFlat
from na64stat.stats.bayes.sampler import Sampler
from na64stat.stats.bayes.user_prior import UserPrior
from na64stat.study.bayes.chain_file import _BLOCK, _MAGIC, SCHEMA, ChainFile, locked
from na64stat.study.bayes.sample import sample
from na64stat.study.bayes.samples import load_samples

AXION = na.AxionMuon(mass=0.1, coupling=5e-3)
ASKED = {"prior": Flat("yield", 0, 50), "sampler": Sampler(walkers=16, ensembles=2, seed=5)}


@pytest.fixture(scope="module")
def chain(run, tmp_path_factory):
    """A finished chain: its file and its samples."""
    path = tmp_path_factory.mktemp("chain") / "chain.h5"
    return path, sample(AXION, run, steps=300, file=path, **ASKED)


def test_same_seed_same_chain_and_another_one_differs(run, chain):
    _, found = chain
    again = sample(AXION, run, steps=300, **ASKED)
    assert np.array_equal(found.values, again.values)
    assert found.values.shape == (2, 300, 16, 4)
    assert not np.array_equal(
        found.values, sample(AXION, run, steps=300, **{**ASKED, "sampler": replace(ASKED["sampler"], seed=6)}).values
    )
    assert not np.array_equal(found.values[0], found.values[1])


def test_a_stopped_run_keeps_what_was_done(run, chain, tmp_path):
    path = tmp_path / "chain.h5"

    def stopping(blocks):
        yield next(iter(blocks))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample(AXION, run, steps=300, file=path, track=stopping, **ASKED)
    assert len(ChainFile(path).chains[0]["chain"]) == 250
    assert np.array_equal(sample(AXION, run, steps=300, file=path, **ASKED).values, chain[1].values)


def test_a_chain_is_read_back(chain):
    path, found = chain
    again = load_samples(path)
    for name in ("values", "signal", "expected"):
        assert np.array_equal(getattr(found, name), getattr(again, name))
    assert again.as_dict() == json.loads(json.dumps(found.as_dict()))
    assert (found.parameters, found.bins, found.notes) == (again.parameters, again.bins, again.notes)


def test_emcee_reads_the_file(chain):
    import emcee

    path, found = chain
    backend = emcee.backends.HDFBackend(path, name="ensemble_1", read_only=True)
    assert np.array_equal(backend.get_chain()[-300:], found.values[1])
    assert backend.get_log_prob().shape == (375, 16)


def test_a_longer_chain_goes_on_where_a_shorter_one_ended(run, chain, tmp_path):
    path = tmp_path / "chain.h5"
    for steps in (100, 300):
        found = sample(AXION, run, steps=steps, file=path, **ASKED)
    assert np.array_equal(found.values, chain[1].values)
    before = path.read_bytes()
    short = sample(AXION, run, steps=100, file=path, **ASKED)  # what is asked for, and nothing is lost
    assert short.values.shape[1] == 100
    assert path.read_bytes() == before


PROGRAM = """
import sys
import na64stat as na
import na64stat.study.bayes.sample as module
module._SECONDS = 0.05
run = na.load_run("2022")
axion = na.AxionMuon(mass=0.1, coupling=5e-3)
prior = na.Flat("yield", 0, 50)
na.sample(axion, run, prior=prior, sampler=na.Sampler(16, 2, 5), steps=6000, file=sys.argv[1])
print("done")
"""


@pytest.mark.long
def test_killed_and_continued_gives_the_chain_that_was_asked_for(run, tmp_path):
    path = tmp_path / "chain.h5"
    killed = 0
    for _ in range(30):
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(path)], stdout=subprocess.PIPE, text=True)
        begin = path.stat().st_mtime_ns if path.exists() else 0
        while killed < 3 and process.poll() is None and (path.stat().st_mtime_ns if path.exists() else 0) == begin:
            time.sleep(0.02)
        if killed < 3 and process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            killed += 1
            assert ChainFile(path).question["seed"] == 5  # whole at any moment
            assert 0 < len(load_samples(path).values[0]) < 6000
        else:
            out, _ = process.communicate()
            assert out == "done\n"
            break
    assert killed == 3
    found = load_samples(path)
    assert found.values.shape[1] == 6000
    assert np.array_equal(found.values, sample(AXION, run, steps=6000, **ASKED).values)
    assert sorted(item.name for item in tmp_path.iterdir() if not item.name.startswith(".")) in (
        ["chain.h5"],
        ["chain.h5", "chain.h5.lock"],
    )


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_changed_byte_is_found_and_the_file_left_alone(run, chain, tmp_path_factory, data):
    whole = chain[0].read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[place]))
    damaged = whole[:place] + bytes([value]) + whole[place + 1 :]
    path = tmp_path_factory.mktemp("damaged") / "chain.h5"
    path.write_bytes(damaged)
    for use in (load_samples, lambda name: sample(AXION, run, steps=300, file=name, **ASKED)):
        with pytest.raises(InputError, match=r"damaged|not a chain|schema"):
            use(path)
    assert path.read_bytes() == damaged


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a chain"),
        (b"\x89HDF\r\n\x1a\n" + bytes(2000), "not a chain"),
        (b"na64stat chain, schema 1, SHA-256", "damaged"),
        (b"na64stat chain, schema 7, SHA-256 of" + bytes(600), "schema 7; this version reads 1"),
    ],
)
def test_foreign_files_are_refused(run, tmp_path, content, message):
    path = tmp_path / "chain.h5"
    path.write_bytes(content)
    for use in (load_samples, lambda name: sample(AXION, run, steps=300, file=name, **ASKED)):
        with pytest.raises(InputError, match=message):
            use(path)
    assert path.read_bytes() == content


def test_a_truncated_file_is_refused(chain, tmp_path):
    path = tmp_path / "chain.h5"
    path.write_bytes(chain[0].read_bytes()[:-1])
    with pytest.raises(InputError, match="damaged"):
        load_samples(path)
    with pytest.raises(InputError, match="there is no such file"):
        load_samples(tmp_path / "nothing.h5")


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"prior": Flat("yield", 0, 51)}, r"priors\[0\].high"),
        ({"sampler": replace(ASKED["sampler"], seed=6)}, "seed"),
        ({"sampler": replace(ASKED["sampler"], walkers=18)}, "walkers"),
        ({"systematics": False}, "systematics"),
        ({"counts": {"invisible": 1}}, "counts.invisible"),
        ({"mass": 0.11}, "mass_gev"),
        ({"prior": UserPrior("yield", 0, 50, lambda y: 1.0)}, r"priors\[0\].name"),
    ],
)
def test_another_question_is_refused(run, chain, change, key):
    path = chain[0]
    before = path.read_bytes()
    with pytest.raises(InputError, match=f"belongs to another question: {key} is"):
        sample(AXION, run, steps=300, file=path, **{**ASKED, **change})
    assert path.read_bytes() == before


def test_overwrite_starts_anew(run, tmp_path):
    path = tmp_path / "chain.h5"
    path.write_bytes(b"of somebody else")
    found = sample(AXION, run, steps=20, file=path, overwrite=True, **ASKED)
    assert np.array_equal(load_samples(path).values, found.values)


def test_two_processes_on_one_file(run, tmp_path):
    path = tmp_path / "chain.h5"
    with locked(path), pytest.raises(InputError, match="another process is at work on it"):
        sample(AXION, run, steps=20, file=path, **ASKED)
    assert not path.exists()


def test_a_folder_that_is_missing(run, tmp_path):
    with pytest.raises(InputError, match="cannot write"):
        sample(AXION, run, steps=20, file=tmp_path / "no" / "chain.h5", **ASKED)


def test_automatic_length_and_its_end(run):
    found = sample(AXION, run, prior=LogFlat("coupling", 1e-5, 1), sampler=Sampler(seed=2))
    assert found.diagnostics.converged
    assert found.diagnostics.steps >= 50 * max(found.diagnostics.autocorrelation)
    short = sample(AXION, run, prior=LogFlat("coupling", 1e-5, 1), sampler=Sampler(seed=2, most_steps=64))
    assert short.values.shape[1] == 64
    assert not short.diagnostics.converged
    assert "not converged: 64 steps are" in short.diagnostics.verdict


def test_what_samples_say(chain, run):
    _, found = chain
    total = float(found.question["events_at_coupling_one"])
    assert found.of("coupling") == pytest.approx(np.sqrt(found.of("yield") / total))
    assert found.of("events invisible") == pytest.approx(found.of("events"))
    # Signal events are the yield with the uncertainties of the signal: 11% of spread about it.
    ratio = found.of("events") / found.of("yield")
    assert ratio.std() == pytest.approx(np.sqrt(0.10**2 + 0.05**2 + 0.01**2), rel=0.25)
    assert found.predictive_p_values() == {"invisible": 1.0}
    counts = found.predictive(seed=1)
    assert counts.shape == (2 * 300 * 16, 1)
    assert counts.mean() == pytest.approx(found.expected.mean(), rel=0.05)
    (low, high), *_ = found.highest_density()
    assert low < 0.05
    assert high == pytest.approx(found.upper_limit(), rel=0.1)
    for bad in ("mass", "events visible", ""):
        with pytest.raises(InputError, match="samples of"):
            found.of(bad)


def test_arviz_takes_the_samples(chain):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = chain[1].inference_data()
        import arviz
    found = chain[1]
    assert data.posterior["yield"].shape == (2 * 16, 300)
    assert np.array_equal(data.posterior["yield"].values[17], found.of("yield")[1, :, 1])
    assert data.posterior["expected"].dims == ("chain", "draw", "bin")
    assert int(data.observed_data["counts"].values[0]) == 0
    assert float(arviz.summary(data, var_names=["yield"])["mean"].iloc[0]) == pytest.approx(
        found.of("yield").mean(), abs=2e-3
    )


def test_no_likelihood_no_start():
    """An event where neither signal nor background can be: no walker can begin anywhere, and no quadrature either."""
    strength = [{"name": "mu", "type": "normfactor", "data": None}]
    channels = [
        {
            "name": name,
            "samples": [
                {"name": "signal", "data": [signal], "modifiers": strength},
                {"name": "background", "data": [background], "modifiers": []},
            ],
        }
        for name, signal, background in (("seen", 1.0, 1.0), ("impossible", 0.0, 0.0))
    ]
    model = na.Model.from_workspace(
        {
            "version": "1.0.0",
            "channels": channels,
            "observations": [{"name": "seen", "data": [1.0]}, {"name": "impossible", "data": [1.0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        }
    )
    with pytest.raises(
        na.ComputationError, match=r"likelihood is zero at 4096 of 4096 points .*flat in mu, 0 to 10"
    ) as caught:
        sample(model, prior=Flat("mu", 0, 10))
    assert "\n" not in str(caught.value)
    with pytest.raises(na.ComputationError, match="likelihood is zero"):
        na.credible_limit(model, None, Flat("mu", 0, 10))


HOLDING = "import h5py, sys; file = h5py.File(sys.argv[1], sys.argv[2]); print('held', flush=True); sys.stdin.read()"


@pytest.mark.skipif(sys.platform == "win32", reason="no flock")
@pytest.mark.parametrize(("mode", "refused"), [("r+", True), ("r", False)])
def test_a_chain_that_another_program_has_open(chain, tmp_path, mode, refused):
    """HDF5 marks a file that it may write to, which is no damage."""
    path = tmp_path / "chain.h5"
    path.write_bytes(chain[0].read_bytes())
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", HOLDING, str(path), mode], **pipes) as other:
        assert other.stdout.readline() == "held\n"
        if refused:
            with pytest.raises(InputError, match=r"another program has it open and locked; close it there"):
                ChainFile(path)
        else:
            ChainFile(path)
        other.stdin.close()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_pipe_and_a_folder_are_no_chains(tmp_path):
    os.mkfifo(tmp_path / "pipe.h5")
    with pytest.raises(InputError, match=r"pipe\.h5: no file of a disk"):
        ChainFile(tmp_path / "pipe.h5")
    with pytest.raises(InputError, match=r": cannot be read: Is a directory"):
        ChainFile(tmp_path)


def _sealed(content):
    """With a right checksum."""
    body = content[_BLOCK:]
    return (_MAGIC % (SCHEMA, hashlib.sha256(body).hexdigest().encode())).ljust(_BLOCK, b"\0") + body


def test_words_of_hdf5_stay_inside(chain, tmp_path):
    """What is sealed rightly and is no HDF5, or has no such array: our own words."""
    import h5py

    path, content = tmp_path / "chain.h5", chain[0].read_bytes()
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        del file["ensemble_0"]["prior_u"]
    for damaged in (buffer.getvalue(), content[:5000], content[:_BLOCK] + b"x" * 5000):
        path.write_bytes(_sealed(damaged))
        with pytest.raises(InputError, match=r"a chain that cannot be read: ") as caught:
            ChainFile(path)
        assert not any(
            word in str(caught.value) for word in ("Unable", "synchronously", "errno", "superblock", "object")
        )
