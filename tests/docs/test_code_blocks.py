"""What README and docs tell a reader to type: every block of Python and every na64stat command runs, in the order of the page."""

import re
import shlex
import shutil
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest

from na64stat.cli.main import main
from na64stat.errors import LowCountWarning, ValidityWarning

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    *(f"docs/{name}.md" for name in ("export", "figures", "inference", "posterior", "projections", "scans")),
]
ELSEWHERE = {"make", "pyhf", "hepdata-validate", "dask", "pip", "python"}
"""Programs that are run by other tests, or need what a test has not."""

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page):
    """Language and text of each block."""
    return [match.groups() for match in _BLOCK.finditer((ROOT / page).read_text(encoding="utf-8"))]


def commands(page):
    """Lines of a shell that call na64stat, without their comments."""
    lines = [line for language, text in blocks(page) if language in ("", "sh") for line in text.splitlines()]
    for line in lines:
        words = line.split()
        assert not words or words[0] == "na64stat" or words[0] in ELSEWHERE or line.startswith(" "), line
    return [line.partition(" # ")[0].strip() for line in lines if line.startswith("na64stat ") and "..." not in line]


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with what the pages take for granted: the scenario of README.md and the committed likelihoods."""
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "FORCE_COLOR", "NA64STAT_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    (own,) = [text for language, text in blocks("README.md") if "class MyModel" in text]
    (tmp_path / "my_model.py").write_text(own)
    shutil.copytree(ROOT / "workspaces", tmp_path / "workspaces")
    yield tmp_path
    sys.modules.pop("my_model", None)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_python_runs(page, desk, capsys):
    space = {"__name__": "__main__"}
    for language, text in blocks(page):
        if language != "python":
            continue
        code = compile(text, page, "exec")
        missing = [name for name in re.findall(r"^from (\w+) import", text, re.MULTILINE) if find_spec(name) is None]
        if missing:
            assert missing == ["dask_jobqueue"]  # needs a batch system
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ValidityWarning)
            warnings.simplefilter("ignore", LowCountWarning)
            exec(code, space)  # noqa: S102
    assert capsys.readouterr().err == ""


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)])
def test_commands_run(page, desk, capsys):
    if page != "README.md":
        for line in ("workspace axion-muon --mass 0.1 -o ws.json",):
            run(line, capsys)
    for line in commands(page):
        words, _, target = line.removeprefix("na64stat ").partition(" > ")
        out = run(words, capsys)
        if target:
            Path(target).write_text(out)
        else:
            assert out or "-o " in words, line


def run(words, capsys):
    """Standard output of a command, which must succeed."""
    capsys.readouterr()
    with warnings.catch_warnings(), pytest.raises(SystemExit) as stop:
        main(shlex.split(words))
    captured = capsys.readouterr()
    assert stop.value.code == 0, f"na64stat {words}: {captured.err}"
    return captured.out
