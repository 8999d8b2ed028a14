"""Pieces of HTML that several views share; everything that may come from a file is escaped."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from workbench.formats import table_cell

if TYPE_CHECKING:
    import pandas as pd


def escape(value: Any) -> str:
    """Text for HTML."""
    return html.escape(str(value))


def figure_text(value: Any) -> str:
    """Text for a plotly figure, which knows a little HTML but not `&quot;`."""
    return html.escape(str(value), quote=False)


def quiet(text: str) -> str:
    """A remark in small grey print, announced to screen readers when it changes."""
    return f'<p class="wb-quiet" role="status">{escape(text)}</p>' if text else ""


def one_line(text: str) -> str:
    """A remark as `quiet`, in one line that is cut where there is no room; all of it shows when hovering."""
    return quiet(text).replace("<p ", f'<p title="{escape(text)}" ', 1)


def alert(text: str) -> str:
    """An error message."""
    return f'<div role="alert" class="wb-alert">{escape(text)}</div>'


def progress_bar(value: int, most: int, label: str) -> str:
    """How far something is."""
    share = min(1.0, value / max(1, most))
    return (
        f'<div class="wb-bar" role="progressbar" aria-label="{label}" aria-valuemin="0" aria-valuemax="{most}" '
        f'aria-valuenow="{value}"><i style="width:{share:.1%}"></i></div>'
    )


def table(title: str, rows: pd.DataFrame) -> str:
    """A table with its title."""
    head = "".join(f"<th>{escape(name)}</th>" for name in rows.columns)
    body = []
    for row in rows.itertuples(index=False):
        cells = zip(map(str, rows.columns), row, strict=True)
        body.append("".join(f"<td>{escape(table_cell(name, value))}</td>" for name, value in cells))
    lines = "".join(f"<tr>{line}</tr>" for line in body)
    return (
        f'<h4 class="wb-title">{escape(title)}</h4><div class="wb-scroll">'
        f'<table class="wb-table"><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
    )
