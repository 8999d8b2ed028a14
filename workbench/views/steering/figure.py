"""The spatial law as curves, and the table beside the sliders of the mutations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.formats import MISSING, in_words, points
from workbench.views.base.figures import PAGE
from workbench.views.base.markup import escape
from workbench.views.base.palette import FRONT, INK, layer_color, mutation_color
from workbench.views.mutations.data import Estimate
from workbench.views.steering.data import LATELY, Lately

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.spatial import SpatialLaw


@dataclass(frozen=True, eq=False)
class SpatialLawInfo:
    """The curves of a spatial law."""

    distance: np.ndarray  # pixels, [points]
    layers: tuple[int, ...]  # of the edges' targets
    weight: np.ndarray  # with which an edge is drawn, 1 at distance 0, [layers, points]
    formula: str


def spatial_law_info(law: SpatialLaw, layers: Sequence[int] = (1, 2, 3, 4, 5), reach: float = 32) -> SpatialLawInfo:
    """Weight over distance for edges into some layers, from 0 to `reach` pixels."""
    distance = np.linspace(0, reach, 65)
    weight = np.exp([law.log_weight(distance, layer) for layer in layers])
    return SpatialLawInfo(distance, tuple(layers), weight, f"exp(−dist / ({law.base:g} + {law.per_layer:g} · layer))")


def spatial_law_figure(law: SpatialLaw, layers: Sequence[int] = (1, 2, 3, 4, 5), reach: float = 32) -> go.Figure:
    """The weight with which an edge is drawn, over its length, per layer of its target; one curve if all are alike.

    Args:
        law: the spatial law.
        layers: layers of the edges' targets.
        reach: longest distance, in pixels.
    """
    import plotly.graph_objects as go

    info = spatial_law_info(law, layers, reach)
    names = [str(layer) for layer in layers] if law.per_layer else ["every"]
    figure = go.Figure()
    for name, layer, weight in zip(names, layers, info.weight, strict=False):
        figure.add_scatter(x=info.distance, y=weight, mode="lines", name=name, line={"color": layer_color(layer)})
    return figure.update_layout(
        PAGE,
        showlegend=True,
        xaxis={"title": f"distance in pixels<br>weight of an edge = {info.formula}"},
        yaxis={"title": "weight", "range": [0, 1.02]},
        legend={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1,
            "yanchor": "bottom",
            "entrywidth": 16,
            "itemwidth": 30,
            "title": {"text": "layer "},
        },
        width=700,
        height=420,
    )


# ---------------------------------------------------------------- the mutations
STRIP = (104, 16)
"""Width and height of a strip of changes of accuracy, in pixels."""

MOST_OF = 0.9
"""Of the changes lie inside the strips; those beyond stand at the ends, so that a few do not squash the rest."""

HEADS = (
    ("share", "Probability that the next child is made by this mutation; a line marks what was asked for if it adapts"),
    (f"last {LATELY}", f"Children by this mutation that were trained last, at most {LATELY}"),
    ("on front", "Of these, how many are on the all-time front now"),
    ("alive", "Of these, how many are in the population now"),
    (
        "accuracy",
        "Validation accuracy minus the parent's: a line for each child, vermillion if on the front; the median",
    ),
    ("FLOPs", "Median change of FLOPs against the parent's"),
)
"""Titles of the columns, and what they mean."""


def mutation_rows(asked: Mapping[str, float], held: Mapping[str, float], found: Sequence[Lately]) -> str:
    """The rows as HTML, one for each mutation after that of the titles.

    Args:
        asked: probability of each mutation as set, summing to 1.
        held: probability with which it is drawn, which differs if rates adapt.
        found: what its latest children did, in the order of `asked`.
    """
    kinds = list(asked)
    gains = [abs(gain) for each in found for gain, _ in each.gains]
    reach = float(np.quantile(gains, MOST_OF)) if gains else 0.0
    heads = "".join(f'<span role="columnheader" title="{escape(why)}">{escape(text)}</span>' for text, why in HEADS)
    rows = "".join(
        f'<div role="row" aria-label="{escape(in_words(each.kind))}">'
        f"{_share(asked[each.kind], held[each.kind], mutation_color(each.kind, kinds))}{_cells(each, reach)}</div>"
        for each in found
    )
    return f'<div class="wb-lately" role="table"><div role="row">{heads}</div>{rows}</div>'


def _share(asked: float, held: float, color: str) -> str:
    """A bar as long as the probability held, with a mark at the one asked for if that differs."""
    adapts = abs(asked - held) >= 0.005
    mark = f'<u style="left:{asked:.1%}"></u>' if adapts else ""
    note = f' title="asked for {asked:.0%}, adapted to {held:.0%}"' if adapts else ""
    bar = f'<span class="wb-share"><i style="width:{held:.1%};background:{color}"></i>{mark}</span>'
    return f'<span role="cell" class="wb-share-cell"{note}>{bar}<b>{held:.0%}</b></span>'


def _cells(each: Lately, reach: float) -> str:
    counts = (each.children, each.front, each.alive) if each.children else (0, MISSING, MISSING)
    plain = "".join(f'<span role="cell">{value}</span>' for value in counts)
    return (
        f'{plain}<span role="cell" title="{_interval(each.accuracy, points)}">{_strip(each, reach)}'
        f"<b>{points(each.accuracy.value)}</b></span>"
        f'<span role="cell" title="{_interval(each.flops, _change)}"><b>{_change(each.flops.value)}</b></span>'
    )


def _change(ratio: float) -> str:
    """A ratio as a change in percent, or as a factor from 10 on; – if unknown."""
    if math.isnan(ratio):
        return MISSING
    return f"×{ratio:.3g}" if ratio >= 10 else f"{ratio - 1:+z.0%}".replace("-", "−")


def _interval(estimate: Estimate, text: Callable[[float], str]) -> str:
    """How sure a median is."""
    if math.isnan(estimate.low):
        return (
            f"median of {estimate.n}, too few for an interval" if estimate.n else "no child whose parent is known yet"
        )
    return f"median of {estimate.n}, 95 % interval {text(estimate.low)} to {text(estimate.high)}"


def _strip(each: Lately, reach: float) -> str:
    """A line for each change of accuracy, from −`reach` to `reach`."""
    width, height = STRIP
    if not each.gains:
        return ""
    middle, scale = width / 2, (width / 2 - 2) / (reach or 1)

    def lines(on_front: bool) -> str:
        shown = (max(-reach, min(reach, gain)) for gain, front in each.gains if front == on_front)
        return "".join(f"M{middle + gain * scale:.1f} 2V{height - 2}" for gain in shown)

    return (
        f'<svg width="{width}" height="{height}" aria-hidden="true"><path d="M{middle} 0V{height}" stroke="{INK}"/>'
        f'<path d="{lines(False)}" stroke="{INK}" opacity=".55" stroke-width="1.5"/>'
        f'<path d="{lines(True)}" stroke="{FRONT}" stroke-width="1.5"/></svg>'
    )
