"""Hypervolume over a run as a figure, with what was changed meanwhile."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.views.base.palette import BLUE, VERMILLION
from workbench.views.run.changes import Change, run_changes

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.store import Run


@dataclass(frozen=True)
class HypervolumeInfo:
    """What the figure shows.

    Attributes:
        individuals: individuals finished, by rising number.
        hypervolume: of the front by then.
        changes: live changes.
    """

    individuals: Sequence[int]
    hypervolume: Sequence[float]
    changes: Sequence[Change]

    def heights(self) -> np.ndarray:
        """Hypervolume at each change, linear in between."""
        if not len(self.individuals):
            return np.zeros(len(self.changes))
        return np.interp([change.from_child for change in self.changes], self.individuals, self.hypervolume)


def hypervolume_info(run: Run) -> HypervolumeInfo:
    """Hypervolume at the end of each generation, and the live changes."""
    generations = run.generations
    individuals = np.cumsum(generations["n_evaluated"].to_numpy())
    return HypervolumeInfo(individuals.tolist(), generations["hypervolume"].tolist(), run_changes(run))


def hypervolume_figure(run: Run) -> go.Figure:
    """Hypervolume over the individuals trained, live changes marked."""
    import plotly.graph_objects as go

    info = hypervolume_info(run)
    figure = go.Figure([go.Scatter(trace) for trace in hypervolume_traces(info)])
    figure.update_layout(
        title=html.escape(f"{run.dataset.get('name', '')}: hypervolume of the front", quote=False),
        xaxis={"title": "individuals trained", "rangemode": "tozero"},
        yaxis={"title": "hypervolume"},
        legend={"x": 0.99, "xanchor": "right", "y": 0.02, "yanchor": "bottom"},
        template="plotly_white",
        width=900,
        height=420,
    )
    return figure


def hypervolume_traces(info: HypervolumeInfo) -> tuple[dict[str, Any], dict[str, Any]]:
    """The curve, and the marks of live changes."""
    curve = {
        "x": list(info.individuals),
        "y": list(info.hypervolume),
        "name": "hypervolume",
        "mode": "lines+markers",
        "line": {"color": BLUE, "width": 2},
        "marker": {"size": 4},
        "hovertemplate": "%{y:.4f} after %{x} individuals<extra></extra>",
    }
    words = ["<br>".join(html.escape(line, quote=False) for line in change.lines[:8]) for change in info.changes]
    marks = {
        "x": [change.from_child for change in info.changes],
        "y": info.heights().tolist(),
        "name": "live change",
        "mode": "markers",
        "marker": {"symbol": "triangle-down", "size": 11, "color": VERMILLION},
        "text": words,
        "hovertemplate": "<b>from child %{x}</b><br>%{text}<extra></extra>",
    }
    return curve, marks
