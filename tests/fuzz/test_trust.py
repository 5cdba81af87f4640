"""No file's content is run or unpickled, and no path in a submission leads out of its folder."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import na64stat
from na64stat.cli.main import cli
from na64stat.errors import InputError
from na64stat.export.tables.reader import read_table
from na64stat.export.tables.submission import read_submission

PACKAGE = Path(na64stat.__file__).parent

PICKLING = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"}
RUNNING = {"eval", "exec", "compile", "__import__", "execfile"}
UNSAFE_YAML = {
    "Loader",
    "UnsafeLoader",
    "FullLoader",
    "CLoader",
    "CFullLoader",
    "CUnsafeLoader",
    "unsafe_load",
    "full_load",
}

EXCEPTIONS = {
    # Jobs go from this process to workers that it started or that --scheduler names; nothing is read from a file.
    ("tasks/pickling.py", "import cloudpickle"),
    ("tasks/engine.py", "import cloudpickle"),
    ("tasks/engine.py", ".loads of cloudpickle"),
    # --scenario path.py:Class
    ("scenarios/registry.py", ".exec_module"),
}
"""Where the package does what it does nowhere else; docs/security.md lists these places."""


def _found(file, tree):
    """What a file does that needs trust."""
    name = file.relative_to(PACKAGE).as_posix()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [item.name for item in node.names]
            yield from ((name, f"import {module}") for module in modules if module.split(".")[0] in PICKLING)
        if isinstance(node, ast.Call):
            yield from ((name, text) for text in _called(node))
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "yaml"
            and node.attr in UNSAFE_YAML
        ):
            yield name, f"yaml.{node.attr}"


def _called(call):
    function = call.func
    if isinstance(function, ast.Name) and function.id in RUNNING:
        yield function.id
    if isinstance(function, ast.Attribute):
        owner = function.value.id if isinstance(function.value, ast.Name) else ""
        if function.attr in ("exec_module", "run_path", "run_module", "literal_eval", "system", "popen"):
            yield f".{function.attr}"
        if function.attr in ("loads", "load") and owner in PICKLING:
            yield f".{function.attr} of {owner}"
        if owner == "yaml" and function.attr in ("load", "load_all") and _keyword(call, "Loader") != "_Loader":
            yield f"yaml.{function.attr} without the safe loader"
        if owner == "re" and function.attr == "template":
            yield "re.template"
    for keyword in call.keywords:
        if keyword.arg == "allow_pickle" and not (
            isinstance(keyword.value, ast.Constant) and keyword.value.value is False
        ):
            yield "allow_pickle"
        if keyword.arg == "shell" and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False):
            yield "shell"


def _keyword(call, name):
    return next(
        (item.value.id for item in call.keywords if item.arg == name and isinstance(item.value, ast.Name)), None
    )


def test_nothing_is_unpickled_or_evaluated_but_where_it_is_stated():
    found = {item for file in PACKAGE.rglob("*.py") for item in _found(file, ast.parse(file.read_text("utf-8")))}
    assert found == EXCEPTIONS


@pytest.mark.parametrize(
    "line",
    ["import pickle", "from pickle import loads", "eval('1')", "exec('1')", "yaml.load(x)",
     "yaml.load(x, Loader=yaml.FullLoader)",
     "np.load(x, allow_pickle=True)", "np.load(x, allow_pickle=yes)", "yaml.unsafe_load(x)", "os.system(x)", "__import__('x')"],
)  # fmt: skip
def test_what_needs_trust_is_found(line):
    assert list(_found(PACKAGE / "x.py", ast.parse(line)))


def test_yaml_is_read_by_a_safe_loader():
    import yaml

    from na64stat.export.tables.reader import _Loader

    assert issubclass(_Loader, yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader)


def test_tags_of_python_are_refused(tmp_path):
    touched = tmp_path / "touched"
    path = tmp_path / "x.yaml"
    path.write_text(f'a: !!python/object/apply:os.mkdir ["{touched}"]\n')
    with pytest.raises(InputError, match="not YAML: line 1"):
        read_table(path)
    assert not touched.exists()


DATA = "independent_variables: []\ndependent_variables: []\n"


@pytest.fixture
def folder(tmp_path):
    """A submission's folder, beside a file that is none of its business."""
    (tmp_path / "secret.yaml").write_text(DATA)
    inside = tmp_path / "submission"
    inside.mkdir()
    (inside / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (inside / "up").symlink_to(tmp_path)
    (inside / "round.yaml").symlink_to(inside / "round.yaml")
    (inside / "own.yaml").write_text(DATA)
    (inside / "same.yaml").symlink_to(inside / "own.yaml")
    return inside


def _name(folder, name):
    (folder / "submission.yaml").write_text(f"name: t\ndescription: d\nkeywords: []\ndata_file: {name}\n")


@pytest.mark.parametrize(
    "name",
    ["../secret.yaml", "up/secret.yaml", "link.yaml", "own.yaml/../../secret.yaml", "/etc/hostname",
    "'C:\\secret.yaml'", "'C:secret.yaml'",
     "'\\\\host\\share\\x.yaml'", "'..\\secret.yaml'", "'\\secret.yaml'"],
)  # fmt: skip
def test_paths_that_lead_out_of_a_submission_are_refused(name, folder):
    _name(folder, name)
    with pytest.raises(InputError, match="lies outside the folder"):
        read_submission(folder)


@pytest.mark.parametrize("name", ["round.yaml", '"own\\0.yaml"', "3", "[own.yaml]", "nowhere.yaml", "n" * 400, "."])
def test_names_that_are_no_files_are_refused(name, folder):
    _name(folder, name)
    with pytest.raises(InputError, match=r"submission"):
        read_submission(folder)


@pytest.mark.parametrize("name", ["own.yaml", "same.yaml", "./own.yaml"])
def test_files_of_the_folder_are_read(name, folder):
    _name(folder, name)
    assert read_submission(folder).tables[0].name == "t"


def test_a_submission_that_is_itself_a_link_out_of_the_folder_is_refused(folder):
    (folder / "submission.yaml").symlink_to(folder.parent / "secret.yaml")
    with pytest.raises(InputError, match="lies outside the folder"):
        read_submission(folder)


def test_a_data_file_belongs_to_one_table(folder):
    _name(folder, "own.yaml")
    text = (folder / "submission.yaml").read_text()
    (folder / "submission.yaml").write_text(f"{text}---\n{text.replace('name: t', 'name: u')}")
    with pytest.raises(InputError, match="is that of another table too"):
        read_submission(folder)


def test_the_help_says_that_a_file_of_code_is_run():
    for name, command in cli.commands.items():
        options = {option: parameter for parameter in command.params for option in parameter.opts}
        if "--scenario" in options:
            assert "The code in path.py is run" in (options["--scenario"].help or ""), name


def test_the_script_fuzzes_and_reports(tmp_path):
    script = Path(__file__).parents[2] / "scripts/fuzz.py"
    words = [sys.executable, str(script), "--reader", "journal", "--cases", "50", "--save", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split("\t")[:2]) == (0, ["journal", "50"])
    assert not list(tmp_path.iterdir())
    wrong = subprocess.run([*words[:2], "--reader", "nothing"], capture_output=True, text=True, check=False)
    assert (wrong.returncode, "there are run, " in wrong.stderr) == (2, True)
