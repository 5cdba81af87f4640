"""The main job, done once for all tests that look at what it makes."""

from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def reproduction(tmp_path_factory):
    """What `na64stat reproduce` computed (`results`), and what it wrote (`made`) under `folder`."""
    from na64stat.report import reproduce as job

    kept = []

    def compute(track):
        kept.append(job_compute(track))
        return kept[0]

    def quiet(label):
        assert label
        return iter

    job_compute, folder = job.compute, tmp_path_factory.mktemp("reproduction") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "compute", compute)
        made = job.reproduce(folder, track=quiet)
    return SimpleNamespace(results=kept[0], made=made, folder=folder)
