"""Tables in a terminal, and a run watched live in one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, TextIO

from workbench.formats import in_words, table_cell
from workbench.search.history import IndividualSummary
from workbench.search.watch import follow_run, progress_line

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

MOST_CHARACTERS = 200  # of a cell
WIDE = 200  # characters, of a table that need not fit
NARROWEST = 12  # of a column of text
DISPENSABLE = ("flops_total", "parameters", "summary", "generation")  # columns, the first to go first
FRONT_COLUMNS = ["id", "generation", "mutation", "flops", "parameters", "val_accuracy"]


def print_table(table: pd.DataFrame, title: str) -> None:
    """Print a table: accuracies in percent, numbers with separators, – for missing values.

    In a terminal text is folded, and columns that tell least are left out if that is not enough; numbers never wrap.
    """
    from rich.console import Console

    console = Console() if Console().is_terminal else Console(width=WIDE)
    left_out = [name for name in DISPENSABLE if name in table]
    dropped: list[str] = []
    while left_out and _narrowest(table) > console.width:
        dropped.append(left_out.pop(0))
        table = table.drop(columns=dropped[-1])
    if _narrowest(table) > console.width:
        console = Console(width=WIDE)
    with console.capture() as captured:  # rich itself would end the program where nobody reads any more
        console.print(table_view(table, title))
        if dropped:
            console.print(f"Too narrow for: {', '.join(map(in_words, dropped))}", highlight=False)
    print(captured.get(), end="")


def _narrowest(table: pd.DataFrame) -> int:
    """Characters that a table needs if text is folded as far as it may be."""
    total = 1
    for name in table.columns:
        head = max(map(len, in_words(name).split()), default=0)
        total += 3 + max(head, _narrowest_cell(table, name))
    return total


def _narrowest_cell(table: pd.DataFrame, name: str) -> int:
    """Characters that the cells of a column need: numbers stay whole."""
    if table[name].dtype.kind not in "iuf":
        return NARROWEST
    return max((len(table_cell(name, value)) for value in table[name]), default=0)


@contextmanager
def outlived() -> Iterator[None]:
    """For output of a search, which a pipe that nobody reads, or a full disk, does not end; it is told on stderr."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        discard(sys.stdout)
        with suppress(OSError):
            print(
                f"workbench: the output cannot be written ({error.strerror}); the search goes on to its end",
                file=sys.stderr,
            )


def discard(stream: TextIO) -> None:
    """From now on what is written to a standard stream goes nowhere, and what is left in its buffer does no harm."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def table_view(table: pd.DataFrame, title: str) -> Table:
    """A table that rich can print; see `print_table`."""
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    view = Table(title=escape(title), title_justify="left")
    for name in table.columns:
        numeric = table[name].dtype.kind in "iuf"
        view.add_column(
            in_words(name),
            justify="right" if numeric else "left",
            overflow="fold",
            min_width=_narrowest_cell(table, name),
        )
    for row in table.itertuples(index=False):
        cells = (table_cell(name, value)[:MOST_CHARACTERS] for name, value in zip(table.columns, row, strict=True))
        view.add_row(*(Text(printable(cell)) for cell in cells))  # Text: markup in a run file is not interpreted
    return view


def printable(text: str) -> str:
    """`text` without control characters, by which a file could command the terminal; newlines stay."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text)


def follow(path: str) -> None:
    """Show a run until its search has ended; Ctrl-C stops watching, not the search.

    In a terminal the progress line and the front are redrawn; elsewhere one line is printed per generation.
    """
    import pandas as pd
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    console = Console()
    generation, line = None, ""
    try:
        with Live(console=console, auto_refresh=False) if console.is_terminal else nullcontext() as display:
            for snapshot in follow_run(path):
                line = progress_line(snapshot)
                if display is not None:
                    front = pd.DataFrame(map(IndividualSummary.of, snapshot.archive), columns=IndividualSummary._fields)
                    view = table_view(front[FRONT_COLUMNS], f"{path}: the all-time front")
                    display.update(Group(Text(line), view), refresh=True)
                elif snapshot.generation != generation:
                    generation = snapshot.generation
                    print(line, flush=True)
                    line = ""
        if display is None and line:
            print(line, flush=True)
    except KeyboardInterrupt:
        console.print("No longer watching; the search goes on.")
