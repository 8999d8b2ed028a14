"""A figure of `workbench.plots` on the page: light, since all figures of a page share one copy of plotly's code."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import plotly.graph_objects as go
import traitlets
from plotly.utils import PlotlyJSONEncoder

from workbench.views.base.palette import GRID, INK, LINE

HEIGHT = 480
"""Pixels, of a figure that does not say."""

Click = Callable[[Any, tuple[int, ...]], None]
"""Called with the trace and the place of the point that was clicked: (number,), or (row, column) of a heat map."""


class Plot(anywidget.AnyWidget):
    """Shows one figure at a time, in colours that suit any page.

        plot = Plot()
        plot.show(front_figure(run))

    A figure that lives is changed piece by piece, which keeps what a person did to it (zoom, legend):

        with plot.hold_sync():  # the page draws once
            plot.change(0, x=x, y=y)
            plot.change_layout(xaxis_dtick=1)

    The page holds the layout and each trace (the trait `trace_3` is trace 3) as plotly's JSON: only what differs is
    sent, and a page that opens later gets all of it.

    Args:
        fill: be as tall as the box around it lets it, in a column of elements; alone it has the figure's height.
    """

    _esm = Path(__file__).parent / "plot.js"

    frame = traitlets.Unicode("").tag(sync=True)  # the layout; "" for no figure
    length = traitlets.Int(0).tag(sync=True)  # how many traces there are
    fill = traitlets.Bool(False).tag(sync=True)

    def __init__(self, fill: bool = False) -> None:
        super().__init__(fill=fill)
        self.shown: go.Figure | None = None  # changes that others make to it are not seen
        self._on_click: Click | None = None
        self._places = 0  # traits for traces; they stay when a smaller figure follows
        self.on_msg(self._hear)

    def show(self, figure: go.Figure | None, on_click: Click | None = None) -> None:
        """Show another figure, or none; `on_click` is told of clicks on its points."""
        self.shown, self._on_click = figure, on_click
        traces = [] if figure is None else [_json(trace.to_plotly_json()) for trace in figure.data]
        new = [f"trace_{number}" for number in range(self._places, len(traces))]
        if new:
            self.add_traits(**{name: traitlets.Unicode("").tag(sync=True) for name in new})
            self._places = len(traces)
        with self.hold_sync():
            self.frame = "" if figure is None else _frame_json(figure)
            self.length = len(traces)
            for number, text in enumerate(traces + [""] * (self._places - len(traces))):
                self.set_trait(f"trace_{number}", text)

    def change(self, number: int, **values: Any) -> None:
        """Change a trace of the figure that is shown; `values` as plotly's `trace.update` takes them."""
        trace = self._needed().data[number]
        trace.update(**values)
        self.set_trait(f"trace_{number}", _json(trace.to_plotly_json()))

    def change_layout(self, **values: Any) -> None:
        """Change the layout of the figure that is shown; `values` as plotly's `figure.update_layout` takes them."""
        self.frame = _frame_json(self._needed().update_layout(**values))

    def _needed(self) -> go.Figure:
        if self.shown is None:
            raise ValueError("expected a figure to change, got none: call show first")
        return self.shown

    def _hear(self, _: Any, message: Any, buffers: Any) -> None:
        """The page asks for plotly, or tells of a click."""
        if message.get("kind") == "plotly":
            self.send({"kind": "plotly"}, [_plotly_code()])
        elif message.get("kind") == "click" and isinstance(message.get("curve"), int):
            self.click(message["curve"], tuple(int(number) for number in message.get("point", ())))

    def click(self, number: int, place: tuple[int, ...]) -> None:
        """Click a point of a trace, as a person does on the page; a trace that is gone is ignored."""
        if self.shown is not None and self._on_click is not None and 0 <= number < len(self.shown.data):
            self._on_click(self.shown.data[number], place)


@cache
def _plotly_code() -> bytes:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).encode()


def _json(value: Any) -> str:
    """Faster than plotly's own, which reads again what it has written; that one is left those that JSON cannot hold."""
    try:
        return json.dumps(value, default=_plain, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return json.dumps(value, cls=PlotlyJSONEncoder)


TYPED = ("f4", "f8", "i1", "i2", "i4", "u1", "u2", "u4")
"""Types of numbers of which plotly takes the bytes."""


def _plain(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return PlotlyJSONEncoder().default(value)
    code = value.dtype.str[1:]
    if code not in TYPED or value.dtype.byteorder == ">":
        return value.tolist()
    data = base64.b64encode(value.tobytes()).decode()
    return {"dtype": code, "bdata": data, "shape": ",".join(map(str, value.shape))}


def _frame_json(shown: go.Figure) -> str:
    """Its layout, in colours for light and dark ground and as wide as the page; a zoom stays while the title does.

    It is changed as plain data: plotly would validate a second figure, for longer than all else takes.
    """
    layout = shown.layout.to_plotly_json()
    for name in ("template", "width"):
        layout.pop(name, None)
    title = layout.get("title", {}).get("text")
    room = {"l": 60, "r": 20, "t": 64 if title else 40, "b": 60}
    look = {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": INK, "size": 12},
        "height": layout.get("height") or HEIGHT,
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": INK},
        "uirevision": layout.get("uirevision") or title or "stays",
        "margin": {**room, **layout.get("margin", {})},
    }
    if title:
        look["title"] = {"font": {"size": 14, "color": INK}, "x": 0.01, "xanchor": "left"}
    axis = {"gridcolor": GRID, "zerolinecolor": LINE, "linecolor": GRID, "automargin": True}
    axes = {name for name in layout if name.startswith(("xaxis", "yaxis"))}
    _update(layout, look | dict.fromkeys({"xaxis", "yaxis"} | axes, axis))
    for annotation in layout.get("annotations", ()):
        _update(annotation, {"font": {"color": INK}})
    return _json(layout)


def _update(values: dict[str, Any], changes: dict[str, Any]) -> None:
    """Change some of the values, also in dictionaries within."""
    for name, value in changes.items():
        if isinstance(value, dict):
            _update(values.setdefault(name, {}), value)
        else:
            values[name] = value
