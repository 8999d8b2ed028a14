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

    The page holds the layout and each trace as traits of their own: only what differs is sent, and a page that opens
    later gets all of it.

    Attributes:
        shown: the figure that is shown, or None; changes that others make to it are not seen.
        frame: its layout as plotly's JSON; "" for no figure.
        length: how many traces it has; trace 3 is the trait `trace_3`, as plotly's JSON.
    """

    _esm = Path(__file__).parent / "plot.js"

    frame = traitlets.Unicode("").tag(sync=True)
    length = traitlets.Int(0).tag(sync=True)

    def __init__(self) -> None:
        super().__init__()
        self.shown: go.Figure | None = None
        self._on_click: Click | None = None
        self._places = 0
        self.on_msg(self._hear)

    def show(self, figure: go.Figure, on_click: Click | None = None) -> None:
        """Show another figure; `on_click` is told of clicks on its points."""
        self.shown, self._on_click = figure, on_click
        self._make_places(len(figure.data))
        self._write(figure)

    def clear(self) -> None:
        """Show nothing."""
        self.shown, self._on_click = None, None
        self._write(None)

    def change(self, number: int, **values: Any) -> None:
        """Change a trace of the figure that is shown; `values` as plotly's `trace.update` takes them."""
        trace = self._needed().data[number]
        trace.update(**values)
        self.set_trait(f"trace_{number}", _trace_json(trace))

    def change_layout(self, **values: Any) -> None:
        """Change the layout of the figure that is shown; `values` as plotly's `figure.update_layout` takes them."""
        figure = self._needed()
        figure.update_layout(**values)
        self.frame = _frame_json(figure)

    def _needed(self) -> go.Figure:
        if self.shown is None:
            raise ValueError("expected a figure to change, got none: call show first")
        return self.shown

    def _make_places(self, length: int) -> None:
        """As many traits for traces as are needed; they stay when a smaller figure follows."""
        names = [f"trace_{number}" for number in range(self._places, length)]
        if names:
            self.add_traits(**{name: traitlets.Unicode("").tag(sync=True) for name in names})
            self._places = length

    def _write(self, figure: go.Figure | None) -> None:
        traces = [] if figure is None else [_trace_json(trace) for trace in figure.data]
        with self.hold_sync():
            self.frame = "" if figure is None else _frame_json(figure)
            self.length = len(traces)
            for number, text in enumerate(traces + [""] * (self._places - len(traces))):
                self.set_trait(f"trace_{number}", text)

    def _hear(self, _: Any, message: Any, buffers: Any) -> None:
        """The page asks for plotly, or tells of a click."""
        if message.get("kind") == "plotly":
            self.send({"kind": "plotly"}, [_plotly_code()])
        elif message.get("kind") == "click" and isinstance(message.get("curve"), int):
            self.click(message["curve"], tuple(int(number) for number in message.get("point", ())))

    def click(self, number: int, place: tuple[int, ...]) -> None:
        """Click a point of a trace, as a person does on the page; a trace that is gone is ignored.

        Args:
            number: of the trace.
            place: of the point: (number,), or (row, column) of a heat map.
        """
        if self.shown is not None and self._on_click is not None and 0 <= number < len(self.shown.data):
            self._on_click(self.shown.data[number], place)


@cache
def _plotly_code() -> bytes:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).encode()


def _frame_json(figure: go.Figure) -> str:
    return _json(_neutral(go.Figure(layout=figure.layout)).to_plotly_json()["layout"])


def _trace_json(trace: Any) -> str:
    return _json(trace.to_plotly_json())


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
