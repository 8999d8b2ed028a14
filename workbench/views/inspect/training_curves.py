"""How one network was trained: loss and accuracy by epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.views.base.palette import GREY, TRAINING, VALIDATION, VERMILLION

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.store import Run

LOSS, PARENT = GREY, VERMILLION


@dataclass(frozen=True, eq=False)
class TrainingCurves:
    """A training, by epoch.

    Attributes:
        epochs: 1, 2, …
        loss: mean training loss, float64 [epochs]; NaN where it was not noted.
        train: accuracy on the training set, likewise.
        validation: accuracy on the validation set, likewise.
        before: validation accuracy before training; NaN if unknown.
        parent: validation accuracy of the parent; NaN if there is none.
    """

    epochs: np.ndarray
    loss: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    before: float
    parent: float


def training_curves(run: Run, id: int) -> TrainingCurves:
    """The training of individual `id`; `RunError` if there is none."""
    history, table = run.history(id), run.individuals.set_index("id")
    row: Any = table.loc[id]
    parent = table["val_accuracy"].get(row["parent"], np.nan) if row["parent"] in table.index else np.nan

    def column(name: str) -> np.ndarray:
        return np.array([epoch.get(name, np.nan) for epoch in history], float)

    return TrainingCurves(
        epochs=np.arange(1, len(history) + 1),
        loss=column("train_loss"),
        train=column("train_accuracy"),
        validation=column("val_accuracy"),
        before=float(row["initial_val_accuracy"]),
        parent=float(parent),
    )


def training_curves_figure(run: Run, id: int) -> go.Figure:
    """Accuracy and loss of individual `id` by epoch; epoch 0 is before training, the dashed line is its parent."""
    from plotly.subplots import make_subplots

    figure = make_subplots(specs=[[{"secondary_y": True}]])
    curves = training_curves(run, id)
    for trace, on_right in curve_traces(curves):
        figure.add_trace(trace, secondary_y=on_right)
    figure.update_layout(
        title=f"training of individual {id}",
        xaxis={"title": "epoch", "dtick": max(1, len(curves.epochs) // 10)},
        yaxis={"title": "accuracy", "tickformat": ".1%"},
        yaxis2={"title": "training loss", "showgrid": False, "rangemode": "tozero", "tickmode": "auto", "nticks": 6},
        template="plotly_white",
        width=760,
        height=420,
        legend={"orientation": "h", "y": 1.06, "yanchor": "bottom"},
        margin={"t": 96},
    )
    return figure


def curve_traces(curves: TrainingCurves) -> list[tuple[Any, bool]]:
    """The lines, each with whether its axis is that of the loss."""
    import plotly.graph_objects as go

    epochs = np.concatenate([[0], curves.epochs])
    validation = np.concatenate([[curves.before], curves.validation])
    hover = "epoch %{x}: %{y:.2%}<extra></extra>"
    lines: list[tuple[Any, bool]] = [
        (
            go.Scatter(
                x=epochs, y=validation, name="validation accuracy", line={"color": VALIDATION}, hovertemplate=hover
            ),
            False,
        ),
        (
            go.Scatter(
                x=curves.epochs, y=curves.train, name="training accuracy", line={"color": TRAINING}, hovertemplate=hover
            ),
            False,
        ),
        (
            go.Scatter(
                x=curves.epochs,
                y=curves.loss,
                name="training loss",
                line={"color": LOSS, "dash": "dot"},
                hovertemplate="epoch %{x}: loss %{y:.3g}<extra></extra>",
            ),
            True,
        ),
    ]
    if not np.isnan(curves.parent):
        parent = go.Scatter(
            x=[0, max(1, len(curves.epochs))],
            y=[curves.parent] * 2,
            name="its parent",
            mode="lines",
            line={"color": PARENT, "dash": "dash", "width": 1.5},
            hovertemplate="parent: %{y:.2%}<extra></extra>",
        )
        lines.append((parent, False))
    return lines
