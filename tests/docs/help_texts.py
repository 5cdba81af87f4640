"""Examples that the help texts of the commands end with."""

from na64stat.cli.main import cli


def examples(command=cli):
    """Commands as they are typed, in the order of the help; one that two help texts show comes twice."""
    lines = (command.epilog or "").splitlines()
    yield from (line.strip() for line in lines if line.startswith("  na64stat "))
    for below in getattr(command, "commands", {}).values():
        yield from examples(below)
