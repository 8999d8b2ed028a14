"""A figure of `workbench.plots` on the page: light, since all figures of a page share one copy of plotly's code."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import plotly.graph_objects as go
import traitlets

INK, GRID, LINE = "#808080", "rgba(128,128,128,0.22)", "rgba(128,128,128,0.6)"
"""Readable on a light and on a dark page."""

HEIGHT = 480
"""Pixels, of a figure that does not say."""

Click = Callable[[Any, tuple[int, ...]], None]
"""Called with the trace and the place of the point that was clicked: (number,), or (row, column) of a heat map."""


class Plot(anywidget.AnyWidget):
    """Shows one figure at a time, in colours that suit any page.

        plot = Plot()
        plot.show(front_figure(run))

    Attributes:
        shown: the figure that is shown, or None.
        figure: the same as plotly's JSON; "" for none.
    """

    _esm = Path(__file__).parent / "static" / "plot.js"

    figure = traitlets.Unicode("").tag(sync=True)

    def __init__(self) -> None:
        super().__init__()
        self.shown: go.Figure | None = None
        self._on_click: Click | None = None
        self.on_msg(self._hear)

    def show(self, figure: go.Figure, on_click: Click | None = None) -> None:
        """Show another figure; `on_click` is told of clicks on its points."""
        self.shown, self._on_click = figure, on_click
        self.figure = str(_neutral(go.Figure(figure)).to_json())

    def clear(self) -> None:
        """Show nothing."""
        self.shown, self._on_click, self.figure = None, None, ""

    def _hear(self, _: Any, message: Any, buffers: Any) -> None:
        """The page asks for plotly, or tells of a click; what it says of a figure that is gone is ignored."""
        if message.get("kind") == "plotly":
            self.send({"kind": "plotly"}, [_plotly_code()])
        elif message.get("kind") == "click" and self.shown is not None and self._on_click is not None:
            curve = message.get("curve")
            if isinstance(curve, int) and 0 <= curve < len(self.shown.data):
                self._on_click(self.shown.data[curve], tuple(int(number) for number in message.get("point", ())))


@cache
def _plotly_code() -> bytes:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).encode()


def _neutral(figure: go.Figure) -> go.Figure:
    """Colours that show on light and dark ground, and the width of the page; a zoom stays while the title does."""
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": INK, "size": 12},
        width=None,
        height=figure.layout.height or HEIGHT,
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": INK},
        uirevision=figure.layout.title.text or "stays",
    )
    if figure.layout.title.text:
        figure.update_layout(title={"font": {"size": 14, "color": INK}, "x": 0.01, "xanchor": "left"})
    asked = figure.layout.margin
    room = {"l": 60, "r": 20, "t": 64 if figure.layout.title.text else 40, "b": 60}
    figure.update_layout(margin={side: room[side] if asked[side] is None else asked[side] for side in room})
    axis = {"gridcolor": GRID, "zerolinecolor": LINE, "linecolor": GRID, "automargin": True}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    figure.update_annotations(font_color=INK)
    return figure
