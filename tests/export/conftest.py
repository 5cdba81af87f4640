"""Results small enough to be exported many times."""

import warnings

import numpy as np
import pytest

import na64stat as na


@pytest.fixture(scope="session")
def run_2022():
    return na.load_run("2022")


@pytest.fixture(scope="session")
def muon_limits(run_2022):
    return na.limits(na.AxionMuon, run_2022, np.geomspace(1e-3, 0.2, 5))


@pytest.fixture(scope="session")
def photon_limits(run_2022):
    """Islands: with upper edges, and masses at which nothing is excluded."""
    return na.limits(na.AxionPhoton, run_2022, [0.005, 0.02, 0.3], regions=["invisible"])


@pytest.fixture(scope="session")
def photon_scan(run_2022):
    masses, couplings = np.geomspace(1e-3, 0.1, 8), np.geomspace(1e-4, 1, 10)
    return na.scan(na.AxionPhoton, run_2022, masses, couplings, regions=["invisible"])


@pytest.fixture(scope="session")
def muon_exclusion():
    run = na.load_run("2022", background="realistic")
    return na.exclusion(na.AxionMuon, run, (1e-2, 0.1), (1e-4, 1e-1))


@pytest.fixture(scope="session")
def projection(run_2022):
    return na.project(na.AxionMuon, run_2022, [0.05, 0.1], [1e11, 1e12])


@pytest.fixture(scope="session")
def samples(run_2022):
    axion = na.AxionMuon(mass=0.1, coupling=5e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return na.sample(
            axion, run_2022, prior=na.Flat("yield", 0, 50), steps=400, sampler=na.Sampler(walkers=16, seed=1)
        )


@pytest.fixture(scope="session")
def credible(run_2022):
    return na.credible_limit(na.AxionMuon(mass=0.1, coupling=5e-3), run_2022, na.Flat("yield", 0, 50))


@pytest.fixture(scope="session")
def template(run_2022):
    return na.predict(na.AxionPhoton(mass=0.03, coupling=1e-3), run_2022)
