"""Files that a command writes: data with -o, a picture with --figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from na64stat.cli.options.scenario_run import Command, add_options
from na64stat.cli.output import Output, output_option, overwrite_option
from na64stat.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from na64stat.files.saved import Saved

FORMATS: Final = (".png", ".pdf")


@dataclass(frozen=True)
class Files:
    """Files to be written, checked before anything is computed."""

    data: Output | None
    picture: Output | None

    @classmethod
    def of(cls, output: str | None, figure: str | None, overwrite: bool) -> Files:
        """Check the names.

        Raises
        ------
        InputError
            If one cannot be written, a picture has another ending, or --overwrite has nothing to replace.
        """
        if overwrite and output is None and figure is None:
            raise InputError("--overwrite: goes with a file to be written")
        data = None if output is None else Output.of(output, overwrite)
        if data is not None and data.path.suffix.lower() in FORMATS:
            raise InputError(f"--output: {data.path}: -o writes data; --figure {data.path} draws")
        picture = None if figure is None else figure_file(figure, overwrite)
        if data is not None and picture is not None and data.path.resolve() == picture.path.resolve():
            raise InputError(f"--figure: {picture.path} is the output, too; expected another name")
        return cls(data, picture)

    def keep(self, result: Saved) -> None:
        """Write a result, if data are wanted."""
        if self.data is not None:
            result.save(self.data.path, overwrite=self.data.overwrite)
            click.echo(f"wrote {self.data.path}", err=True)

    def keep_record(self, record: Mapping[str, Any]) -> None:
        """Write what has no file of its own kind as --json prints it, if data are wanted."""
        from na64stat.files import to_json, write_text

        if self.data is not None:
            write_text(self.data.path, to_json({"schema": 1, **record}), overwrite=self.data.overwrite)
            click.echo(f"wrote {self.data.path}", err=True)

    def draw(self, save: Callable[[Path, bool], object]) -> None:
        """Have a picture saved, if one is wanted; `save` gets its path, and whether an existing file is replaced."""
        if self.picture is not None:
            save(self.picture.path, self.picture.overwrite)
            click.echo(f"wrote {self.picture.path}", err=True)

    def draw_figure(self, figure: Callable[[], Figure | None], why_not: str) -> None:
        """Save the figure that `figure` makes, if one is wanted.

        Raises
        ------
        InputError
            If there is none; `why_not` says why.
        """

        def save(path: Path, overwrite: bool) -> None:
            from na64stat.plot.style import save_figure

            drawn = figure()
            if drawn is None:
                raise InputError(f"--figure: {why_not}")
            save_figure(drawn, path, overwrite=overwrite)

        self.draw(save)


def figure_file(name: str, overwrite: bool) -> Output:
    """A picture to be written, checked before anything is computed."""
    file = Output.of(name, overwrite, "--figure")
    if file.path.suffix.lower() not in FORMATS:
        raise InputError(f"--figure: {file.path}; a figure is written as {' or '.join(FORMATS)}, give such an ending")
    return file


def figure_option(what: str) -> Callable[[Any], Any]:
    """--figure for a picture."""
    return click.option("--figure", metavar="FILE", help=f"Figure of the {what}: .png or .pdf.")


def with_files(data: str, figure: str | None = None) -> Callable[[Command], Command]:
    """Hand `Files` to the command as `files`.

    Parameters
    ----------
    data, figure
        What -o writes, a sentence, and what --figure shows; without the latter there is no such option.
    """

    def decorate(command: Command) -> Command:
        def pack(*, output: str | None, overwrite: bool, figure: str | None = None, **others: Any) -> Any:
            return command(files=Files.of(output, figure, overwrite), **others)

        options = [output_option(data), *([figure_option(figure)] if figure else []), overwrite_option]
        return add_options(command, pack, *options)

    return decorate
