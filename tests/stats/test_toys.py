"""Toys against pyhf's, against exact sums, and their streams: any number of threads, interrupted, put together."""

import math
import shutil

import numpy as np
import pyhf
import pytest
from pyhf.infer.calculators import ToyCalculator
from scipy.stats import poisson

from na64stat.errors import ComputationError, InputError
from na64stat.stats.exact.exact import Exact
from na64stat.stats.likelihood.fit import fit_fixed, fit_free
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.statistic import Criterion, Statistic, evaluate
from na64stat.stats.toys.sample import CHUNK, ToyFits, ToySample, generate
from na64stat.stats.toys.toys import Toys

from .histfactory import every_modifier

MU = 0.657


@pytest.fixture
def model(benchmark):
    return Model.from_workspace(benchmark)


def to_pyhf(model, theirs, parameters, auxiliary=None):
    """Our parameters, or auxiliary data, in pyhf's order."""
    names = [item.name for item in model.parameters]
    if auxiliary is None:
        return [float(parameters[names.index(name)]) for name in theirs.config.par_names]
    ours = [names[i] for i in model.constrained]
    order = [ours.index(name) for name in theirs.config.auxdata_order]
    return auxiliary[order].tolist()


def test_q_tilde_is_pyhfs(benchmark, model):
    """On toys: never higher than pyhf's best, and equal where its fits found the minimum."""
    theirs = pyhf.Workspace(benchmark).model()
    rng = np.random.default_rng(7)
    truth = fit_fixed(model, model.observed[None, :], MU).parameters[0]
    counts, auxiliary = generate(model, truth, 40, rng)
    ours, free, fixed = evaluate(Statistic.Q_TILDE, model, MU, counts, auxiliary)
    worse = 0
    for n in range(len(counts)):
        data = [*counts[n], *to_pyhf(model, theirs, None, auxiliary[n])]
        pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-6, strategy=2))
        fits = [
            pyhf.infer.mle.fixed_poi_fit(MU, data, theirs, return_fitted_val=True),
            pyhf.infer.mle.fit(data, theirs, return_fitted_val=True),
        ]
        constant = 2 * model.saturated(counts[n : n + 1], auxiliary[n : n + 1])[0]
        heights = [float(value) + constant for _, value in fits]
        assert 2 * fixed.nll[n] <= heights[0] + 1e-6
        assert 2 * free.nll[n] <= heights[1] + 1e-6
        expected = max(heights[0] - heights[1], 0.0) if fits[1][0][theirs.config.poi_index] < MU else 0.0
        worse += abs(expected - ours[n]) > 1e-6
    assert worse <= 2  # pyhf stops short at times


def test_cl_s_is_that_of_pyhfs_toys(benchmark, model):
    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer())
    opened = pyhf.Workspace(benchmark)
    theirs = opened.model()
    number = 250
    np.random.seed(3)  # noqa: NPY002  # what pyhf draws from
    calculator = ToyCalculator(opened.data(theirs), theirs, ntoys=number, track_progress=False)
    p_sb, p_b, cl_s = (
        float(p) for p in calculator.pvalues(calculator.teststatistic(MU), *calculator.distributions(MU))
    )
    ours = Toys(20_000, seed=5).cl_s(model, [MU])[0]
    theirs_error = [math.sqrt(max(p, 1 / number) * (1 - min(p, 1 - 1 / number)) / number) for p in (p_sb, p_b)]
    assert ours.cl_sb == pytest.approx(p_sb, abs=4 * theirs_error[0])
    assert ours.cl_b == pytest.approx(p_b, abs=4 * theirs_error[1])
    assert ours.observed == pytest.approx(cl_s, abs=4 * math.hypot(theirs_error[0] / p_b, ours.error.cl_s))


@pytest.mark.parametrize(("observed", "background"), [(0, 0.0), (4, 1.0), (2, 5.0)])
def test_without_nuisance_parameters_toys_are_sums_of_poisson_terms(make_workspace, observed, background):
    model = Model.from_workspace(make_workspace([observed], [background], [1.0]))
    mu = 4.5
    (found,) = Toys(40_000, seed=2).cl_s(model, [mu])
    cl_sb, cl_b = poisson.cdf(observed, mu + background), poisson.cdf(observed, background)
    assert found.observed == pytest.approx(cl_sb / cl_b, abs=4 * found.error.cl_s + 1e-12)
    assert found.cl_sb == pytest.approx(cl_sb, abs=4 * math.sqrt(cl_sb / 40_000))
    assert found.cl_b == pytest.approx(cl_b, abs=4 * math.sqrt(0.25 / 40_000))


def test_nothing_seen_and_an_efficiency_with_an_error(make_workspace):
    """Randomised auxiliary data break the tie at n = 0: 2.168, below the 2.303 without an uncertainty."""
    model = Model.from_workspace(make_workspace([0], [0], [1.0], (0.10, 0.01)))
    limit = Toys(40_000, seed=4).upper_limit(model, 0.90)
    assert limit.observed == pytest.approx(2.168, abs=3 * limit.error.limit * limit.observed)
    assert 0 < limit.error.limit < 0.03


def test_limit_of_a_counting_experiment(make_workspace):
    model = Model.from_workspace(make_workspace([4], [1.0], [1.0]))
    toys, exact = Toys(20_000, seed=3).upper_limit(model, 0.90), Exact().upper_limit(model, 0.90)
    assert toys.observed == pytest.approx(exact.observed, abs=4 * toys.error.limit * exact.observed)
    # Levels of the band are limits of whole counts, which a curve through noisy points meets to a few per cent.
    assert list(toys.expected) == pytest.approx(list(exact.expected), rel=0.06)


def test_plain_cl_sb(make_workspace):
    """Without division by CL_b a deficit excludes more, down to everything."""
    few = Model.from_workspace(make_workspace([0], [1.5], [1.0]))
    limit = Toys(20_000, criterion=Criterion.CL_SB).upper_limit(few, 0.90)
    assert limit.observed == pytest.approx(-math.log(0.10) - 1.5, abs=4 * limit.error.limit * limit.observed + 0.01)
    none = Model.from_workspace(make_workspace([0], [4.0], [1.0]))
    assert Toys(5_000, criterion=Criterion.CL_SB).upper_limit(none, 0.90).observed == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_band_is_in_order_with_few_toys(make_workspace, seed):
    model = Model.from_workspace(make_workspace([0], [0], [1.0], (0.10, 0.01)))
    for criterion in Criterion:
        limit = Toys(2_000, seed=seed, criterion=criterion).upper_limit(model, 0.90)
        assert list(limit.expected) == sorted(limit.expected)


def test_fits_that_fail_are_counted_and_left_out(model, monkeypatch):
    """Every tenth toy: the limit is nearly the same, and says how many are missing."""
    whole = Toys(4_000, seed=1).upper_limit(model, 0.90)
    original = ToyFits.values

    def failing(self, mu, counts, auxiliary, free):
        values, _ = original(self, mu, counts, auxiliary, free)
        values[::10] = np.nan
        return values, 7

    monkeypatch.setattr(ToyFits, "values", failing)
    (one,) = Toys(4_000, seed=1).cl_s(model, [MU])
    assert (one.error.failed, one.error.refitted) == (2 * 400, 2 * 4 * 7)
    assert one.notes == ("800 toys left out, whose fits did not converge",)
    limit = Toys(4_000, seed=1).upper_limit(model, 0.90)
    assert limit.observed == pytest.approx(whole.observed, rel=0.1)
    assert limit.error.failed > 0
    assert limit.error.refitted > 0
    assert any("toys left out" in note for note in limit.notes)


@pytest.mark.long
def test_error_of_a_limit_is_its_scatter(make_workspace):
    model = Model.from_workspace(make_workspace([4], [1.0], [1.0], (0.1,), (0.3,)))
    limits = [Toys(4_000, seed=seed).upper_limit(model, 0.90) for seed in range(24)]
    scatter = np.std([limit.observed for limit in limits], ddof=1) / np.mean([limit.observed for limit in limits])
    assert scatter == pytest.approx(np.mean([limit.error.limit for limit in limits]), rel=0.6)


def test_the_same_for_any_number_of_threads(model):
    one, two, three = (Toys(3 * CHUNK, seed=9, workers=workers).cl_s(model, [MU])[0] for workers in (1, 2, 3))
    assert one == two == three
    assert Toys(3 * CHUNK, seed=10).cl_s(model, [MU])[0] != one


def test_error_falls_with_the_number_of_toys(model):
    few, many = (Toys(n, seed=1).cl_s(model, [MU])[0].error.cl_s for n in (2_000, 32_000))
    assert few / many == pytest.approx(4, rel=0.15)


def test_error_is_the_scatter(model):
    values = [Toys(2_000, seed=seed).cl_s(model, [MU])[0] for seed in range(30)]
    scatter = np.std([value.observed for value in values], ddof=1)
    assert scatter == pytest.approx(values[0].error.cl_s, rel=0.45)


def test_sampling_stops_when_the_verdict_is_clear(model, tmp_path):
    clear = Toys(50_000, seed=1, decide=0.10, store=tmp_path / "clear").cl_s(model, [3.0])[0]
    assert clear.observed < 0.10 - 3 * clear.error.cl_s
    kept = sum(len(np.load(path)) for path in (tmp_path / "clear").iterdir())
    assert kept <= 2 * 4 * CHUNK


def test_kept_toys_are_used_again_and_go_on(model, tmp_path, monkeypatch):
    store = tmp_path / "toys"
    Toys(2 * CHUNK, seed=1, store=store).cl_s(model, [MU])
    whole = Toys(4 * CHUNK, seed=1).cl_s(model, [MU])
    drawn = []
    original = ToySample._chunk
    monkeypatch.setattr(
        ToySample, "_chunk", lambda self, *key: drawn.append((self.stream, *key)) or original(self, *key)
    )
    assert Toys(4 * CHUNK, seed=1, store=store).cl_s(model, [MU]) == whole
    assert sorted(drawn) == [(stream, MU, 1, number, CHUNK) for stream in (0, 1) for number in (2, 3)]


def test_toys_of_other_seeds_are_put_together(model, tmp_path):
    for seed in (1, 2):
        Toys(2 * CHUNK, seed=seed, store=tmp_path / str(seed)).cl_s(model, [MU])
    both = tmp_path / "both"
    for seed in (1, 2):
        shutil.copytree(tmp_path / str(seed), both, dirs_exist_ok=True)
    merged = Toys(4 * CHUNK, seed=(1, 2), store=both).cl_s(model, [MU])[0]
    parts = [Toys(2 * CHUNK, seed=seed).cl_s(model, [MU])[0] for seed in (1, 2)]
    # But for the control variate, whose slope comes from all toys.
    assert merged.cl_sb == pytest.approx(np.mean([part.cl_sb for part in parts]), rel=2e-3)


def test_another_model_does_not_take_the_toys(model, make_workspace, tmp_path):
    Toys(CHUNK, seed=1, store=tmp_path).cl_s(model, [MU])
    other = Model.from_workspace(make_workspace([0, 4], [0.08, 2], [3, 3], (0.1, 0.01), (0.43, 0.30)))
    assert Toys(CHUNK, seed=1, store=tmp_path).cl_s(other, [MU]) == Toys(CHUNK, seed=1).cl_s(other, [MU])


@pytest.mark.parametrize("content", [b"", b"not toys", None])
def test_a_damaged_file_is_refused_and_left_alone(model, tmp_path, content):
    Toys(CHUNK, seed=1, store=tmp_path).cl_s(model, [MU])
    path = next(iter(tmp_path.iterdir()))
    data = path.read_bytes()[:-100] if content is None else content
    path.write_bytes(data)
    with pytest.raises(InputError, match="not a file of toys"):
        Toys(CHUNK, seed=1, store=tmp_path).cl_s(model, [MU])
    assert path.read_bytes() == data


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "no finite number among"),
        (np.inf, "no finite number among"),
        (-np.inf, "-inf among"),
        (-1.0, "-1 among"),
    ],
)
def test_a_file_of_numbers_that_no_test_statistic_has_is_refused(model, tmp_path, value, message):
    Toys(CHUNK, seed=1, store=tmp_path).cl_s(model, [MU])
    path = next(iter(tmp_path.iterdir()))
    np.save(path, np.full(CHUNK, value))
    with pytest.raises(
        InputError, match=rf"{path.name}: {message} the test statistics of 1000 toys; expected numbers >= 0"
    ):
        Toys(CHUNK, seed=1, store=tmp_path).cl_s(model, [MU])


def test_toys_whose_fits_all_failed_are_no_result(model, tmp_path):
    """Also where only the toys that are asked for failed, and later ones in the file did not."""
    Toys(2 * CHUNK, seed=1, store=tmp_path).cl_s(model, [MU])
    for path in tmp_path.iterdir():
        values = np.load(path)
        values[:CHUNK] = np.nan
        np.save(path, values)
    with pytest.raises(ComputationError, match=r"the fits of 1000 of 1000 toys at mu = .* failed"):
        Toys(CHUNK, seed=1, store=tmp_path).cl_s(model, [MU])


def test_any_modifier():
    model = Model.from_workspace(every_modifier())
    (found,) = Toys(2_000, seed=1).cl_s(model, [0.5])
    assert 0 <= found.observed <= 1
    assert found.error.failed == 0


@pytest.mark.parametrize("events", [1e-12, 1e-4, 1e3, 1e8])
def test_extreme_yields(make_workspace, events):
    model = Model.from_workspace(make_workspace([0, 4], [0.07, 2], [events, events], (0.1,), (0.43, 0.3)))
    (found,) = Toys(2_000, seed=1).cl_s(model, [1.0])
    assert (found.observed > 0.9) == (events < 1)
    limit = Toys(2_000, seed=1).upper_limit(model, 0.90)
    reference = Exact().upper_limit(model, 0.90)
    assert limit.observed == pytest.approx(reference.observed, rel=0.1)


@pytest.mark.parametrize(
    "broken",
    [
        {"n": 0},
        {"n": math.nan},
        {"n": 2.5},
        {"n": "x"},
        {"n": True},
        {"seed": -1},
        {"seed": ()},
        {"seed": "x"},
        {"seed": 1.5},
        {"seed": (1, 0.5)},
        {"decide": "x"},
        {"decide": 1.5},
        {"workers": 0},
        {"workers": "x"},
        {"store": 3},
        {"statistic": Statistic.Q0},
    ],
)
def test_impossible_settings(broken):
    with pytest.raises(InputError, match="expected"):
        Toys(**broken)


def test_a_store_is_a_folder(model, tmp_path):
    file = tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"toys: store .*file is a file; expected the name of a folder"):
        Toys(store=file)
    late = Toys(CHUNK, store=tmp_path / "late")
    (tmp_path / "late").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"toys: store .*late is a file"):
        late.cl_s(model, [MU])
    with pytest.raises(InputError, match=r"toys: store .*inner cannot be made: Not a directory"):
        Toys(CHUNK, store=file / "inner").cl_s(model, [MU])
    assert Toys(store=str(tmp_path)).store == tmp_path
    assert file.read_text(encoding="utf-8") == "mine"


def test_settings_are_what_results_depend_on(tmp_path):
    found = Toys(5000, seed=(1, 2), workers=3, store=tmp_path).settings
    assert found == Toys(np.int64(5000), seed=(1, 2)).settings
    assert found == {
        "name": "toys",
        "n": 5000,
        "seed": [1, 2],
        "statistic": "q_tilde",
        "criterion": "cl_s",
        "decide": None,
    }


def test_free_fits_are_never_worse_than_fixed_ones(model):
    """A toy whose free fit sat in a local minimum is fitted again; q-tilde is what a thorough fit gives."""
    truth = fit_fixed(model, model.observed[None, :], MU).parameters
    counts, auxiliary = generate(model, truth[0], 3000, np.random.default_rng(1))
    question = ToyFits(model, Statistic.Q_TILDE)
    quick, _ = question.values(MU, counts, auxiliary, question.free(counts, auxiliary, truth[0]))
    thorough = evaluate(Statistic.Q_TILDE, model, MU, counts, auxiliary)[0]
    assert np.mean(np.abs(quick - thorough) > 1e-6) < 1e-3
    assert fit_free(model, counts, auxiliary).failed.sum() == 0
