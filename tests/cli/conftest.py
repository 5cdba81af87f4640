"""Commands run in this process, as the shell would run them."""

import json
from dataclasses import dataclass

import pytest

from na64stat.cli.main import main


@dataclass(frozen=True)
class Answer:
    status: int
    out: str
    err: str

    @property
    def json(self):
        """The one strict JSON object of standard output."""
        assert self.status == 0, self.err
        record = json.loads(self.out, parse_constant=_not_json)
        assert isinstance(record, dict)
        assert record["schema"] == 1
        return record

    @property
    def error(self):
        """The one line that says what is wrong."""
        assert self.status == 2, f"{self.status}: {self.out}{self.err}"
        assert self.out == ""
        assert self.err.startswith("na64stat: error: ")
        assert self.err.count("\n") == 1
        return self.err


def _not_json(name):
    raise AssertionError(f"{name} in JSON")


@pytest.fixture
def na64stat(capsys, monkeypatch):
    """Run a command line, given as words; the answer holds status, standard output and standard error."""
    # A terminal's width and colours of whoever runs the tests change nothing.
    for name in ("COLUMNS", "FORCE_COLOR", "TTY_COMPATIBLE", "NA64STAT_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)

    def run(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        captured = capsys.readouterr()
        return Answer(stop.value.code, captured.out, captured.err)

    return run


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder, in which the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def counting_workspace(channels, *, normsys=None, lumi=None):
    """A pyhf workspace as a user writes it: {name: (signal, background, observed)}, relative uncertainties of the signal."""
    modifiers = [{"name": "mu", "type": "normfactor", "data": None}]
    for name, size in (normsys or {}).items():
        modifiers.append({"name": name, "type": "normsys", "data": {"hi": 1 + size, "lo": 1 / (1 + size)}})
    parameters = []
    if lumi is not None:
        centre, sigma = lumi
        modifiers.append({"name": "lumi", "type": "lumi", "data": None})
        parameters.append(
            {"name": "lumi", "auxdata": [centre], "sigmas": [sigma], "inits": [centre], "bounds": [[0, 10]]}
        )
    return {
        "version": "1.0.0",
        "channels": [
            {
                "name": name,
                "samples": [
                    {"name": "signal", "data": [signal], "modifiers": modifiers},
                    {"name": "background", "data": [background], "modifiers": []},
                ],
            }
            for name, (signal, background, _) in channels.items()
        ],
        "observations": [{"name": name, "data": [observed]} for name, (_, _, observed) in channels.items()],
        "measurements": [{"name": "counting", "config": {"poi": "mu", "parameters": parameters}}],
    }


@pytest.fixture
def write_workspace(here):
    """Write a workspace, or any other value, as JSON and return its name."""

    def write(workspace=None, name="ws.json", **options):
        content = workspace if workspace is not None else counting_workspace(**options)
        (here / name).write_text(json.dumps(content), encoding="utf-8")
        return name

    return write
