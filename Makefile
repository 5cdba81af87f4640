# make run    reproduce the paper's figures and numbers into out/
# make test   every check, and the tests of minutes
# make test-all   and what takes longer: calibration, kills, fuzz, tutorials
# make docs   build the documentation into docs/_build/html, tutorials executed, warnings as errors
# All work on a bare machine with Python >= 3.11: they make .venv and install into it.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
ifeq ($(strip $(PYTHON)),)
$(error Python >= 3.11 was not found; name one with `make PYTHON=/path/to/python3`)
endif

VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= out
SOURCES := pyproject.toml README.md $(shell find na64stat -type f -not -name '*.pyc')

unexport PYTHONPATH
export MPLBACKEND := Agg
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test test-all lint types floors tests docs pages workspaces fuzz test-minimum clean

run: $(VENV)/.installed
	$(BIN)/na64stat reproduce -o $(OUT) --overwrite

test: lint types floors tests pages

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

floors: $(VENV)/.dev
	$(BIN)/lint-imports

# The tests see the installed wheel, not the folder: pytest does not put it on the path. What is compiled is compiled before the
# workers start, once.
tests: $(VENV)/.dev
	$(BIN)/python scripts/warm_up.py
	NA64STAT_TEST_INSTALLED=1 $(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder -m "not long"

# With what takes minutes in all: calibration, 10^3 damaged files a reader, kills, the page of assumptions, benchmarks.
test-all: lint types floors docs $(VENV)/.dev
	$(BIN)/python scripts/warm_up.py
	NA64STAT_TEST_INSTALLED=1 NA64STAT_TEST_ALL=1 $(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder

# Two pages at a time; tutorials run while they are read.
docs: $(VENV)/.docs
	$(BIN)/sphinx-build -W --keep-going -j 2 -q docs docs/_build/html

# The same, but for what the tutorials compute.
pages: $(VENV)/.docs
	$(BIN)/sphinx-build -W --keep-going -j 2 -q -D nb_execution_mode=off -D suppress_warnings=myst-nb.lexer docs docs/_build/pages

# The committed workspaces, made anew.
workspaces: $(VENV)/.installed
	$(BIN)/python scripts/rebuild_workspaces.py

# Every reader with 100 000 damaged files, at night.
fuzz: $(VENV)/.dev
	$(BIN)/python scripts/fuzz.py --cases 100000

# The lowest versions that pyproject.toml allows, once in a while.
test-minimum:
	$(PYTHON) scripts/test_minimum_versions.py

$(VENV)/.created:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.installed: $(VENV)/.created $(SOURCES)
	$(BIN)/pip install --quiet .
	$(BIN)/pip install --quiet --no-deps --force-reinstall .
	touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(BIN)/pip install --quiet '.[dev]'
	touch $@

$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/pip install --quiet '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) build dist out docs/_build
