"""Tables in a terminal, and a run watched live in one."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from workbench.formats import in_words, table_cell
from workbench.search.history import IndividualSummary
from workbench.search.snapshot import follow_run

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

MOST_CHARACTERS = 200  # of a cell
FRONT_COLUMNS = ["id", "generation", "mutation", "flops", "parameters", "val_accuracy"]


def print_table(table: pd.DataFrame, title: str) -> None:
    """Print a table: accuracies in percent, numbers with separators, – for missing values.

    Where the output is not a terminal it is not wrapped.
    """
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(table_view(table, title))


def table_view(table: pd.DataFrame, title: str) -> Table:
    """A table that rich can print; see `print_table`."""
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    view = Table(title=escape(title), title_justify="left")
    for name in table.columns:
        numeric = table[name].dtype.kind in "iuf"
        view.add_column(in_words(name), justify="right" if numeric else "left", overflow="fold")
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

    from workbench.search.snapshot import progress_line

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
