"""How a command of the command line is declared, and the options that several of them share."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.datasets import COLOURS, Dataset, dataset_names, load_dataset, load_own, options_of
from workbench.errors import ExportError
from workbench.executors import EXECUTORS
from workbench.outputs import check_output
from workbench.search.config import SearchConfig
from workbench.search.stored import data_of
from workbench.settings import settings_of
from workbench.store import Run

Option = Callable[[Any], Any]
"""Adds itself to a parser."""


@dataclass(frozen=True)
class Command:
    """One command, named and described by the function that does its work."""

    run: Callable[[argparse.Namespace], int]  # returns the exit status; its docstring's first line is the help
    example: str  # a command line
    options: tuple[Option, ...]

    def add_to(self, commands: argparse._SubParsersAction) -> None:
        """Add the parser of this command."""
        description = (self.run.__doc__ or "").partition("\n")[0]
        parser = commands.add_parser(
            self.run.__name__,
            help=description[:1].lower() + description[1:].rstrip("."),
            description=description,
            epilog=f"example:\n  {self.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for option in self.options:
            option(parser)
        parser.set_defaults(command=self.run)


def command(example: str, *options: Option) -> Callable[[Callable[[argparse.Namespace], int]], Command]:
    """Decorator that makes a `Command` of a function; see there."""
    return lambda run: Command(run, f"workbench {run.__name__} {example}", options)


def option(*names: str, **settings: Any) -> Option:
    """An argument, with what `ArgumentParser.add_argument` takes."""
    return lambda parser: parser.add_argument(*names, **settings)


class InputFile(str):
    """Argument type: a run, or a file that a command reads."""


class OutputFile(str):
    """Argument type: a file that a command writes for others, in place of what is there."""


def check_files(arguments: argparse.Namespace) -> None:
    """Before any work, refuse to write over a run or an input of the command, as an `ExportError`."""
    values = [each for value in vars(arguments).values() for each in (value if isinstance(value, list) else [value])]
    inputs = [each for each in values if isinstance(each, InputFile)]
    for path in values:
        if isinstance(path, OutputFile):
            check_output(path)
            for read in inputs:
                if os.path.realpath(path) == os.path.realpath(read) or (
                    os.path.exists(path) and os.path.exists(read) and os.path.samefile(path, read)
                ):
                    raise ExportError(f"{path} is the run or an input of this command; choose another file to write")


def _above_0(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return value


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.lower().replace("×", "x").partition("x")
    if not height.isdecimal() or not (width or height).isdecimal():
        raise argparse.ArgumentTypeError(f"expected pixels a side, such as 28, or HEIGHTxWIDTH, got {text}")
    return int(height), int(width or height)


def flag(name: str, help: str) -> Option:
    """An option without a value."""
    return option(name, action="store_true", help=help)


def setting(name: str, note: str = "") -> Option:
    """An option for a setting of `SearchConfig`, described as it is declared there, unless by a note of its own."""
    declared = next(one for one in settings_of(SearchConfig) if one.name == name)
    number, unit = (int, "N") if declared.kind == "integer" else (float, (declared.unit or "X").upper())
    kind = _or_none(number) if declared.optional else number
    text = (note or declared.help).replace("%", "%%")
    return option(f"--{name.replace('_', '-')}", type=kind, metavar=unit, help=text)


def _or_none(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        return text if text == "none" else kind(text)

    convert.__name__ = f"{kind.__name__} or none"  # for the message about any other text
    return convert


def executor(parser: argparse.ArgumentParser) -> None:
    """The options that say where children train, which exclude each other."""
    group, local = parser.add_mutually_exclusive_group(), "children train in threads (default) or processes"
    group.add_argument("--executor", default=EXECUTORS[0], choices=EXECUTORS, help=local)
    cluster = "children train on the Dask cluster of this scheduler"
    group.add_argument("--dask", metavar="ADDRESS", help=cluster)


RUN = option("run", type=InputFile, metavar="RUN", help="the run file; a search may be writing it")
OWN_DATA = option(
    "--data",
    type=InputFile,
    metavar="DATA",
    help="your own data, if the run was made with them and they are not where they were: a folder of images, FILE.npz "
    "or MODULE:FUNCTION, as for search",
)
IMAGES = (
    option(
        "--size",
        type=_size,
        metavar="SIZE",
        help="of the images of a folder: pixels a side, or HEIGHTxWIDTH; they are scaled to cover it, and cut in the "
        "middle (as they are if all are of one size up to 64, else 32)",
    ),
    option("--colour", choices=list(COLOURS), help="what is kept of the images of a folder (as they are)"),
)
ROOT = option("--root", metavar="FOLDER", help="where the data lie (else $WORKBENCH_DATA, else ./data)")
QUIET = flag("--quiet", "print nothing but errors")
LOG = option("--log", type=OutputFile, metavar="FILE", help="append what happens as lines of JSON")
MINUTES = option("--minutes", type=_above_0, metavar="N", help="stop after so many minutes; resume goes on")
WORKERS = (executor, setting("workers"), setting("child_seconds"))


def named_data(arguments: argparse.Namespace) -> str | Dataset:
    """What `--data` names: data of a person's own, loaded, or the name of a data set."""
    options = {"size": arguments.size, "colour": arguments.colour}
    if arguments.data in dataset_names() and not given(arguments, *options):
        return str(arguments.data)
    return load_dataset(arguments.data, arguments.root, **options)


def data_for(run: Run, arguments: argparse.Namespace) -> Dataset:
    """The data set of a run, by the options `OWN_DATA` and `ROOT`."""
    own, told = None, options_of(run.dataset.get("source"))
    if arguments.data is not None:
        options = told if Path(arguments.data).is_dir() else {}
        own = load_own(arguments.data, run.dataset["name"], arguments.root, **options)
    return data_of(run, own, arguments.root)


@contextlib.contextmanager
def chosen_executor(arguments: argparse.Namespace) -> Iterator[Executor | str]:
    """What `Search` takes as its executor, by the options in `WORKERS`; a Dask client is closed at the end."""
    if arguments.dask is None:
        yield arguments.executor
        return
    from workbench.executors.dask import connect

    with contextlib.closing(connect(arguments.dask)) as client:
        yield client.get_executor()


def given(arguments: argparse.Namespace, *names: str) -> dict[str, Any]:
    """The options of these names that were given."""
    return {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
