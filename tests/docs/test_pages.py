"""The pages agree with the program: commands parse, pictures are current, every page is in the table of contents."""

import ast
import importlib.util
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

import na64stat
import na64stat.limits_library
from na64stat.cli.main import cli

from . import help_texts

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)


def commands():
    """Every line that calls `na64stat` in a help text, a block of a page or of a README."""
    for line in help_texts.examples():
        yield "--help", line
    for page in (*PAGES, ROOT / "README.md", ROOT / "examples" / "README.md"):
        blocks = re.findall(r"^```(?:sh)?\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        for line in "".join(blocks).splitlines():
            if line.startswith("na64stat "):
                yield page.relative_to(ROOT).as_posix(), line.split("  #")[0].split(" > ")[0].strip()


def parse(line):
    """Names of commands and options of a line, as click reads them, nothing computed and no file opened."""
    words = shlex.split(line.replace(" ...", ""))[1:]
    command, context = cli, click.Context(cli, info_name="na64stat")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, found, words = command.resolve_command(context, words)
        context = click.Context(found, info_name=name, parent=context)
        command = found
    command.make_parser(context).parse_args(words)
    return command.name


@pytest.mark.parametrize(
    ("page", "line"), [pytest.param(*item, id=f"{item[0]}: {item[1]}"[:90]) for item in commands()]
)
def test_commands_parse(page, line):
    assert parse(line)


@pytest.mark.parametrize("wrong", ["na64stat export hepdata --nothing", "na64stat limt x", "na64stat limit --mass"])
def test_the_check_of_commands_sees_slips(wrong):
    assert parse("na64stat limit axion-muon --mass 0.1 --json") == "limit"
    with pytest.raises(click.UsageError):
        parse(wrong)


def python_blocks():
    """Blocks of Python on the how-to pages, which suppose files of the reader and are not run."""
    for page in sorted((DOCS / "howto").glob("*.md")):
        for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            yield pytest.param(block, id=f"{page.stem}: {block.splitlines()[0]}"[:60])


@pytest.mark.parametrize("block", list(python_blocks()))
def test_blocks_name_what_is_there(block):
    known = {"na": na64stat, "limits_library": na64stat.limits_library}
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
            assert hasattr(known[node.value.id], node.attr), ast.unparse(node)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("na64stat"):
            assert all(hasattr(importlib.import_module(node.module), alias.name) for alias in node.names), block


def test_every_page_is_in_the_table_of_contents():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    entries = {line for tree in re.findall(r"```{toctree}\n(.*?)```", index, re.DOTALL) for line in tree.split()}
    pages = {page.relative_to(DOCS).with_suffix("").as_posix() for page in PAGES} - {"index"}
    assert "*" in entries  # pages of the top folder, those that scripts write among them
    assert {page for page in pages if "/" in page} <= entries
    assert {entry for entry in entries if "/" in entry and not entry.startswith(":")} <= pages


@pytest.fixture(scope="module")
def draw_floors():
    spec = importlib.util.spec_from_file_location("draw_floors", ROOT / "scripts" / "draw_floors.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_of_the_floors_is_that_of_the_contract(draw_floors):
    assert draw_floors.FIGURE.read_text(encoding="utf-8") == draw_floors.drawing(draw_floors.floors())


def test_the_floors_hold_every_room_of_the_house(draw_floors):
    rooms = [room for floor in draw_floors.floors() for room in floor]
    house = {
        path.stem
        for path in (ROOT / "na64stat").iterdir()
        if path.name not in ("__init__.py", "__init__.pyi", "__pycache__", "py.typed")
    }
    assert set(rooms) == house == set(draw_floors.WHAT)
    assert len(rooms) == len(set(rooms))
    assert all(f">{room}</text>" in draw_floors.FIGURE.read_text(encoding="utf-8") for room in rooms)


def test_the_page_on_architecture_names_the_same_floors(draw_floors):
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    table = [re.findall(r"`(\w+)`", row) for row in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", text, re.MULTILINE)]
    *upper, ground, cellar = draw_floors.floors()
    assert table == [*upper, [*ground, *cellar]]


def test_the_packages_that_build_the_pages_are_an_extra():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    names = {re.split(r"[>=\[]", item)[0].replace("-", "_") for item in extras["docs"]}
    source = (DOCS / "conf.py").read_text(encoding="utf-8")
    asked = set(re.findall(r'^    "(myst_nb|sphinx_copybutton)"', source, re.MULTILINE)) | {"sphinx", "furo"}
    assert asked <= names
