"""--verbose says what is being done, on standard error, and changes nothing else."""

import logging

import click
import pytest

from na64stat.cli.main import cli


@pytest.fixture(autouse=True)
def silent_again():
    logger = logging.getLogger("na64stat")
    before = list(logger.handlers), logger.level
    yield
    logger.handlers[:], logger.level = before
    logging.getLogger().manager._clear_cache()


def every_command(group, path=()):
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))


def test_every_command_takes_it():
    for path, command in every_command(cli):
        assert any("--verbose" in parameter.opts for parameter in command.params), path


@pytest.mark.parametrize("place", ["before", "after"])
def test_it_tells_of_the_run_and_the_limit(na64stat, place):
    words = ["limit", "axion-muon", "--mass", "0.1", "--json"]
    quiet = na64stat(*words)
    said = na64stat("-v", *words) if place == "before" else na64stat(*words, "--verbose")
    assert said.out == quiet.out
    assert "na64stat: run 2022 from" in said.err
    assert "of them assumed" in said.err
    assert "limit on the signal events in invisible" in said.err
    assert "na64stat: run 2022" not in quiet.err


def test_files_and_rounds_are_told(na64stat, here):
    answer = na64stat(
        "exclusion",
        "axion-muon",
        "--mass",
        "0.05:0.1",
        "--coupling",
        "1e-3:1e-2",
        "--tolerance",
        "0.1",
        "-o",
        "e.json",
        "-v",
    )
    assert answer.status == 0
    assert "round 1:" in answer.err
    assert "e.json" in answer.err
    assert "bytes" in answer.err
