"""What plotly figures share: axes, the look of a page of its own, and files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import ExportError
from workbench.objectives import FLOPS
from workbench.outputs import output_file

if TYPE_CHECKING:
    import plotly.graph_objects as go

NARROWEST, NARROW, WIDE = 0.3, 0.6, 2.5
"""Decades up to which ticks are no digits, up to which all digits are marked, and from which only powers of ten are."""

FORMATS = (".html", ".png", ".svg", ".pdf")

PAGE: dict[str, Any] = {
    "template": "plotly_white",
    "legend": {"x": 0.99, "xanchor": "right", "y": 0.02, "yanchor": "bottom"},
    "width": 900,
}
"""Layout of a figure that stands alone."""


def on_log_axis(flops: Any) -> np.ndarray:
    """FLOPs on a logarithmic axis, which has no 0: less than 1 is drawn as 1."""
    return np.maximum(np.asarray(flops, float), FLOPS.least)


def log_axis(values: Iterable[float]) -> dict[str, Any]:
    """A logarithmic axis; ticks are 1, 2 and 5, or all digits if the values span little, or powers of ten if much.

    Where they span so little that no digit may lie between them, plotly chooses.
    """
    shown = np.array([value for value in values if value > 0], dtype=float)
    decades = float(np.log10(shown.max() / shown.min())) if len(shown) else WIDE
    step: str | int = "D1" if decades < NARROW else "D2" if decades < WIDE else 1
    # None, and not nothing: a figure that is changed forgets the step that it had
    return {"type": "log", "tickformat": "~s", "dtick": None if decades < NARROWEST else step}


def snug(figure: go.Figure, name: str, top: int = 24) -> str:
    """Leave a figure only the room that its axes need, and `top` pixels, as in a small panel; returns its title.

    `name` says of what it is: a zoom stays while that does.
    """
    title = figure.layout.title.text or ""
    figure.update_layout(title=None, margin={"l": 8, "r": 8, "t": top, "b": 8}, uirevision=f"{name} {title}")
    figure.update_xaxes(title_standoff=2)
    figure.update_yaxes(title_standoff=2)
    figure.update_annotations(font_size=11)
    return title


def save_picture(figure: go.Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure: `.html` needs nothing else to be shown; `.png`, `.svg` and `.pdf` need kaleido and Chrome.

    Raises:
        ExportError: on another ending, if kaleido is missing, or if the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise ExportError(f"the name of a picture must end in one of {', '.join(FORMATS)}, got {path.name!r}")
    try:
        with output_file(path) as part:
            if path.suffix == ".html":
                figure.write_html(part, include_plotlyjs=True, auto_play=False, config={"showSendToCloud": False})
            else:
                figure.write_image(part)
    except (ValueError, ImportError, RuntimeError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ExportError(
            f"{path.suffix} pictures need `pip install kaleido` and Chrome; .html needs neither ({reason})"
        ) from None
    return path
