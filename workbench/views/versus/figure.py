"""Figures of two networks side by side: where they err differently, and what their neurons see."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.datasets import Dataset
from workbench.genome import Genome
from workbench.space import SearchSpace
from workbench.views.base.markup import figure_text
from workbench.views.base.palette import NEGATIVE, ORANGE, POSITIVE, SKY
from workbench.views.network.maps import one_image, to_rgba
from workbench.views.versus.data import TwoFields, TwoNetworks, two_fields, two_networks

SIDES = (ORANGE, SKY)
"""Colours of the first and of the second network."""

COLUMNS, ROWS = 4, 4
"""Examples of images that only one network gets right."""

NAMES = ("the first", "the second")


def two_networks_figure(
    first: Any,
    second: Any,
    data: Dataset,
    split: str = "validation",
    names: tuple[str, str] = NAMES,
    space: SearchSpace | None = None,
) -> go.Figure:
    """Where two networks err differently: images of each class that only one gets right, and examples of them.

    Takes and raises what `two_networks` does.
    """
    return draw_two_networks(two_networks(first, second, data, split, space), data, names)


def draw_two_networks(found: TwoNetworks, data: Dataset, names: tuple[str, str] = NAMES) -> go.Figure:
    """The figure of the predictions of two networks; `data` has the images."""
    titles = [f"only {figure_text(name)} right" for name in names]
    heads = [
        f"{title}: {len(some):,}" for title, some in zip(titles, (found.only_first, found.only_second), strict=True)
    ]
    figure = make_subplots(
        1,
        3,
        column_widths=[0.4, 0.3, 0.3],
        horizontal_spacing=0.03,
        subplot_titles=["images by class", *heads],
    )
    classes = [figure_text(name) for name in found.first.class_names]
    for side, title in enumerate(titles):
        images = found.by_class[:, side]
        figure.add_trace(
            go.Bar(
                y=classes,
                x=images if side else -images,
                name=title,
                orientation="h",
                marker={"color": SIDES[side]},
                customdata=images,
                hovertemplate=f"%{{y}}: {title} on %{{customdata:,}} images<extra></extra>",
            ),
            1,
            1,
        )
        figure.add_trace(_examples(found, data, side, names), 1, side + 2)
        bare = {"visible": False, "constrain": "domain", "row": 1, "col": side + 2}
        figure.update_xaxes(**bare)
        figure.update_yaxes(scaleanchor=f"x{side + 2}", autorange="reversed", **bare)
    most = max(1, int(found.by_class.max(initial=0)))
    figure.update_xaxes(range=[-1.1 * most, 1.1 * most], tickformat="~s", nticks=5, row=1, col=1)
    figure.update_xaxes(labelalias={f"−{n}": str(n) for n in range(most + 1)}, row=1, col=1)
    figure.update_yaxes(type="category", autorange="reversed", dtick=1, row=1, col=1)
    figure.update_layout(
        barmode="relative",
        bargap=0.25,
        template="plotly_white",
        showlegend=False,
        width=760,
        height=360,
        margin={"t": 32, "b": 32, "l": 60, "r": 8},
    )
    figure.update_annotations(font_size=12)
    return figure


def _examples(found: TwoNetworks, data: Dataset, side: int, names: tuple[str, str]) -> go.Image:
    """The first images that only one network gets right, side by side; a pixel's text says what each takes it for."""
    images = (found.only_first, found.only_second)[side][: COLUMNS * ROWS]
    height, width = data.shape[1:]
    gap = max(1, width // 14)
    sheet = np.zeros((ROWS * (height + gap) - gap, COLUMNS * (width + gap) - gap, 4), np.uint8)
    texts = np.full(sheet.shape[:2], "", object)
    classes = [figure_text(name) for name in found.first.class_names]
    both = [(figure_text(name), one.predicted) for name, one in zip(names, (found.first, found.second), strict=True)]
    for place, image in enumerate(images.tolist()):
        row, column = divmod(place, COLUMNS)
        top, left = row * (height + gap), column * (width + gap)
        here = slice(top, top + height), slice(left, left + width)
        sheet[here] = to_rgba(one_image(data, found.split, image))
        taken = (f"{name}: {classes[predicted[image]]}" for name, predicted in both)
        texts[here] = f"image {image}, it is {classes[found.first.labels[image]]}<br>{'<br>'.join(taken)}"
    return go.Image(z=sheet, colormodel="rgba", text=texts, hovertemplate="%{text}<extra></extra>")


def two_fields_figure(first: Genome, second: Genome, neuron: int, names: tuple[str, str] = NAMES) -> go.Figure:
    """The receptive fields of a neuron of the second network and of its counterpart in the first.

    Raises what `two_fields` raises.
    """
    return draw_two_fields(two_fields(first, second, neuron), names)


def draw_two_fields(found: TwoFields, names: tuple[str, str] = NAMES) -> go.Figure:
    """The figure of two receptive fields, each on a scale of its own; channels are added up."""
    maps = [field.sum(axis=0) for field in found.fields]
    most = [float(np.abs(each).max()) or 1.0 for each in maps]
    titles = [
        f"{figure_text(name)}, {neuron_name} (±{largest:.3g})"
        for name, neuron_name, largest in zip(names, found.names, most, strict=True)
    ]
    figure = make_subplots(1, 2, subplot_titles=titles, horizontal_spacing=0.08)
    for column, each in enumerate(maps, 1):
        figure.add_trace(
            go.Heatmap(
                z=each,
                zmin=-most[column - 1],
                zmax=most[column - 1],
                colorscale=[[0, NEGATIVE], [0.5, "rgba(128,128,128,0.1)"], [1, POSITIVE]],
                showscale=False,
                hovertemplate="row %{y}, column %{x}: accumulated weight %{z:.3g}<extra></extra>",
            ),
            1,
            column,
        )
        axis = {"showgrid": False, "zeroline": False, "constrain": "domain", "nticks": 4, "row": 1, "col": column}
        figure.update_xaxes(**axis)
        figure.update_yaxes(scaleanchor="x" if column == 1 else "x2", autorange="reversed", **axis)
    figure.update_layout(template="plotly_white", width=760, height=360, margin={"t": 32, "b": 32, "l": 32, "r": 8})
    figure.update_annotations(font_size=12)
    return figure
