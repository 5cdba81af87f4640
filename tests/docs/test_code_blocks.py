"""What README, docs and --help tell a reader to type: Python and na64stat commands run, in the order of the page."""

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

from . import help_texts

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    *(f"docs/{name}.md" for name in ("tour", "export", "figures", "inference", "posterior", "projections", "scans")),
]
HOWTO = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "howto").glob("*.md"))
TUTORIALS = [f"docs/tutorials/{name}.md" for name in ("first_limit", "own_scenario", "another_run", "publish")]
"""Their Python runs when they are built; the commands of the other two are as long as, and like, those of pages above."""
ELSEWHERE = {"make", "pyhf", "hepdata-validate", "dask", "pip", "python", "eval"}
"""Programs that are run by other tests, or need what a test has not."""
MODELS = (
    "combine",
    "compare",
    "export hs3",
    "export likelihood axion-muon --mass 0.1 ",
    "fit",
    "impacts",
    "limit ",
    "significance",
    "workspace",
)
"""Beginnings of the examples of --help that read models from files, or write such files."""

_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page):
    """Language and text of each block."""
    return [match.groups() for match in _BLOCK.finditer((ROOT / page).read_text(encoding="utf-8"))]


def command_lines(text):
    """Lines of a shell that call na64stat, without their comments; not those with a part, or a host, to be filled in."""
    for line in text.splitlines():
        words = line.split()
        assert not words or words[0] == "na64stat" or words[0] in ELSEWHERE or line.startswith(" "), line
        if line.startswith("na64stat ") and "..." not in line and "tcp://host" not in line:
            yield line.partition(" # ")[0].strip()


def commands(page):
    """All of a page."""
    return [line for language, text in blocks(page) if language in ("", "sh") for line in command_lines(text)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "FORCE_COLOR", "NA64STAT_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def desk(folder):
    """A folder with what the pages take for granted: the scenario of README.md, the committed likelihoods and examples."""
    (own,) = [text for language, text in blocks("README.md") if "class MyModel" in text]
    (folder / "my_model.py").write_text(own)
    for name in ("workspaces", "examples"):
        shutil.copytree(ROOT / name, folder / name)
    yield folder
    sys.modules.pop("my_model", None)


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES)
def test_python_runs(page, desk, capsys):
    space = {"__name__": "__main__"}
    for language, text in blocks(page):
        if language == "python":
            execute(page, text, space)
    assert capsys.readouterr().err == ""


@pytest.mark.long
@pytest.mark.parametrize("page", [page for page in [*PAGES, *TUTORIALS] if commands(page)])
def test_commands_run(page, desk, capsys):
    if page in PAGES[2:]:  # the first two make their own
        run("workspace axion-muon --mass 0.1 -o ws.json", capsys)
    for line in commands(page):
        follow(line, capsys)


@pytest.mark.long
@pytest.mark.parametrize("page", HOWTO)
def test_a_page_is_followed_from_its_top(page, folder, capsys):
    """Files that it shows are saved, Python and commands run, each where the blocks above it left the folder."""
    space = {"__name__": "__main__"}
    for language, text in blocks(page):
        if language == "python":
            execute(page, text, space)
        elif language in ("toml", "text"):
            named = re.match(r"# (\w+\.(?:toml|csv))\n", text)
            assert named, f"{page}: a file is named in its first line: {text}"
            (folder / named[1]).write_text(text)
        else:
            assert language in ("", "sh"), f"{page}: a block of {language}"
            for line in command_lines(text):
                follow(line, capsys)


@pytest.mark.long
def test_examples_of_help_run(folder, capsys):
    """On the workspace of the tour, and on what other examples write."""
    (made,) = [line for line in commands("docs/tour.md") if "-o ws.json" in line]
    follow(made, capsys)
    lines = [line for line in dict.fromkeys(help_texts.examples()) if line.removeprefix("na64stat ").startswith(MODELS)]
    lines = [line for line in lines if "-o ws.json" not in line]
    assert len(lines) > 15
    for line in sorted(lines, key=lambda line: " --workspace " not in line):
        follow(line, capsys)


def execute(page, text, space):
    """Run a block of Python with the names of those above it, and without warnings but of few events or soft signals."""
    missing = [name for name in re.findall(r"^from (\w+) import", text, re.MULTILINE) if find_spec(name) is None]
    if missing:
        assert missing == ["dask_jobqueue"]  # needs a batch system
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        warnings.simplefilter("ignore", LowCountWarning)
        exec(compile(text, page, "exec"), space)  # noqa: S102


def follow(line, capsys):
    """Run a line of a shell, which says something or writes a file."""
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
