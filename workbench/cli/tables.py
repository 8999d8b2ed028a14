"""Tables in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.formats import in_words, table_cell

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table


MOST_CHARACTERS = 200
"""Of a cell."""


def print_table(table: pd.DataFrame, title: str) -> None:
    """Print a table: accuracies in percent, numbers with separators, – where there is nothing.

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
        cells = zip(table.columns, row, strict=True)
        view.add_row(
            *(Text(printable(table_cell(name, value)[:MOST_CHARACTERS])) for name, value in cells)
        )  # Text: no markup from a file
    return view


def printable(text: str) -> str:
    """`text` without the control characters by which a file could command the terminal; lines stay."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text)
