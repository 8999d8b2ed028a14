"""A page of HTML out of parts: text is escaped, plotly goes in once, nothing is loaded from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.formats import in_words, table_cell

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #212121; background: #fff; max-width: 1080px; margin: 32px auto;
  padding: 0 20px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 36px 0 8px; }
p { max-width: 76ch; margin: 6px 0; } .quiet { color: #616161; }
.facts { display: flex; flex-wrap: wrap; gap: 10px 28px; margin: 16px 0; }
.facts div { min-width: 110px; } .facts b { display: block; font-size: 20px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; margin: 10px 0; }
h3 { font-size: 15px; margin: 22px 0 4px; }
th, td { padding: 4px 9px; border-bottom: 1px solid #e3e3e3; text-align: left; white-space: nowrap; }
th { font-weight: 600; border-bottom: 2px solid #9e9e9e; } td.number, th.number { text-align: right; }
.networks { display: grid; grid-template-columns: repeat(auto-fill, minmax(320px, 1fr)); gap: 18px; }
.networks figure { margin: 0; border: 1px solid #e3e3e3; border-radius: 6px; padding: 10px; }
.networks svg { width: 100%; height: auto; display: block; } figcaption { font-size: 13px; }
.key { display: inline-block; width: 10px; height: 10px; border-radius: 5px; margin: 0 4px 0 10px; }
summary { cursor: pointer; font-weight: 600; } details { margin: 10px 0; }
"""


def text(value: Any) -> str:
    """`value` for HTML, escaped."""
    return html.escape(str(value))


def paragraph(words: str, *, quiet: bool = False) -> str:
    """A paragraph of plain text."""
    return f'<p class="quiet">{text(words)}</p>' if quiet else f"<p>{text(words)}</p>"


def section(title: str, *parts: str) -> str:
    """A heading and what is under it; empty parts are left out."""
    return f"<section><h2>{text(title)}</h2>\n" + "\n".join(part for part in parts if part) + "</section>"


def facts(values: Mapping[str, str]) -> str:
    """A row of figures with their names."""
    cells = "".join(f"<div><b>{text(value)}</b>{text(name)}</div>" for name, value in values.items())
    return f'<div class="facts">{cells}</div>'


def table(rows: pd.DataFrame) -> str:
    """A table: accuracies in percent, numbers with separators, – where there is nothing."""
    numeric = {name: rows[name].dtype.kind in "iuf" for name in rows.columns}
    head = "".join(f"<th{_align(numeric[name])}>{text(in_words(name))}</th>" for name in rows.columns)
    body = []
    for row in rows.itertuples(index=False):
        cells = zip(rows.columns, row, strict=True)
        body.append(
            "".join(f"<td{_align(numeric[name])}>{text(table_cell(name, value))}</td>" for name, value in cells)
        )
    lines = "\n".join(f"<tr>{line}</tr>" for line in body)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>{lines}</tbody></table></div>'


def _align(numeric: bool) -> str:
    return ' class="number"' if numeric else ""


def figure(made: go.Figure) -> str:
    """An interactive figure as wide as the page; the page holds plotly itself."""
    made.update_layout(width=None, autosize=True)
    if not made.layout.title.text:
        made.update_layout(margin_t=24)
    config = {"responsive": True, "displaylogo": False, "showSendToCloud": False}
    return made.to_html(full_html=False, include_plotlyjs=False, config=config)


def folded(title: str, *parts: str) -> str:
    """Parts that are seen only when asked for."""
    return f"<details><summary>{text(title)}</summary>{''.join(parts)}</details>"


def page(title: str, parts: Sequence[str]) -> str:
    """The whole page; plotly is inlined once."""
    from plotly.offline import get_plotlyjs

    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{text(title)}</title>\n'
        f"<style>{STYLE}</style>\n<script>{get_plotlyjs()}</script></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )
