"""A `Question` in the place of a scenario, a run and keywords."""

import inspect
import json
from dataclasses import replace

import pytest

import na64stat as na
from na64stat.errors import InputError
from na64stat.stats.bayes.priors import Flat, LogFlat

MASSES = [0.05, 0.1]
ASKED = {"regions": ["invisible"], "cl": 0.95, "systematics": False, "average": na.DepthAverage.CONTINUOUS}


@pytest.fixture(scope="module")
def run():
    return na.load_run("2022", background="realistic")


STUDIES = {
    "limits": lambda *about, **asked: na.limits(*about, masses=MASSES, **asked),
    "scan": lambda *about, **asked: na.scan(*about, masses=MASSES, couplings=[1e-3, 1e-2], **asked),
    "exclusion": lambda *about, **asked: na.exclusion(
        *about, masses=(0.05, 0.1), couplings=(1e-3, 1e-1), tolerance=0.2, levels=["median"], **asked
    ),
    "project": lambda *about, **asked: na.project(*about, masses=[0.1], mot=[1e12], **asked),
    "compare_priors": lambda *about, **asked: na.compare_priors(
        *about, priors=[Flat("coupling", 0, 1)], mass=0.1, **asked
    ),
    "sample": lambda *about, **asked: na.sample(*about, prior=Flat("coupling", 0, 1), mass=0.1, steps=40, **asked),
}


def content(result):
    return json.dumps(result.as_dict(), sort_keys=True)


@pytest.mark.parametrize("study", STUDIES)
def test_the_answer_is_that_of_keywords(study, run):
    """Asked at once or in parts, a study answers with the same file."""
    asked = ASKED if study != "sample" else {key: value for key, value in ASKED.items() if key != "cl"}
    question = na.Question(na.AxionPhoton, run, **ASKED)
    assert content(STUDIES[study](question)) == content(STUDIES[study](na.AxionPhoton, run, **asked))


def test_other_studies_take_it_too(run):
    question = na.Question(na.AxionPhoton, [run, replace(run, name="later")], regions=["invisible"], cl=0.95)
    parts = na.channels_alone(question, masses=[0.1])
    assert {part.cl for part in parts.values()} == {0.95}
    assert list(parts) == ["combined", "invisible, 2022", "invisible, later"]
    one = replace(question, run=run)
    assert na.credible_limit(one, prior=Flat("coupling", 0, 1), mass=0.1).cl == 0.95
    plane = na.credible_plane(one, priors=[Flat("coupling", 0, 1), LogFlat("mass", 0.05, 0.1)], points=(8, 8))
    assert plane.cl == 0.95
    point = na.Question(na.AxionPhoton(mass=0.1, coupling=1e-2), run, regions=["invisible"], cl=0.99)
    needed = na.mot_needed(point)
    assert (needed.cl, needed.provenance["run_digest"]) == (0.99, run.digest)
    assert plane.provenance["run_digest"] == run.digest


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("regions", ["visible"]),
        ("method", na.Exact()),
        ("cl", 0.90),
        ("systematics", True),
        ("correlated", ()),
        ("average", na.DepthAverage.LAYERS),
    ],
)
def test_a_keyword_beside_it_is_refused_even_if_it_is_the_default(run, keyword, value):
    question = na.Question(na.AxionMuon, run)
    with pytest.raises(InputError, match=f"^{keyword}: stands in the question; change it with dataclasses.replace"):
        na.limits(question, masses=[0.1], **{keyword: value})


def test_a_run_beside_it_is_refused(run):
    with pytest.raises(InputError, match=r"^run: stands in the question"):
        na.scan(na.Question(na.AxionMuon, run), run, masses=[0.1], couplings=[0.1])


def test_a_study_of_one_run_refuses_several(run):
    other = replace(run, name="later")
    with pytest.raises(InputError, match=r"^run = .*expected a Run"):
        na.project(na.Question(na.AxionMuon, [run, other]), masses=[0.1], mot=[1e12])


def test_a_question_is_checked_when_it_is_put(run):
    for slip, message in [
        ({"cl": 1.5}, "a confidence level lies between 0 and 1"),
        ({"method": "exact"}, "expected an object, such as Exact"),
        ({"systematics": "no"}, "systematics = 'no' .*expected True or False"),
        ({"average": "layers"}, "DepthAverage"),
        ({"regions": 5}, "a sequence of names"),
    ]:
        with pytest.raises(InputError, match=message):
            na.Question(na.AxionMuon, run, **slip)


def test_no_public_function_has_more_than_eight_parameters_beside_those_of_a_question():
    of_question = set(inspect.signature(na.Question).parameters)
    functions = {name: getattr(na, name) for name in na.__all__ if inspect.isfunction(getattr(na, name))}
    others = {name: set(inspect.signature(item).parameters) - of_question for name, item in functions.items()}
    assert {name: sorted(more) for name, more in others.items() if len(more) > 8} == {}
