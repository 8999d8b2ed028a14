"""Pictures of networks drawn as SVG, and what the page needs to draw one with its tree."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from zlib import crc32

from workbench.formats import in_words
from workbench.pictures import Picture
from workbench.views.base import palette
from workbench.views.base.markup import escape
from workbench.views.base.words import value_text
from workbench.views.modules.data import (
    KEPT,
    REMOVED,
    STATE_NAMES,
    Box,
    Graph,
    PictureDifference,
    depths,
    drawn_as,
    graph_of,
    open_at_start,
    picture_difference,
)
from workbench.views.modules.layout import HEIGHT, LETTER, WIDEST, Layout, Room, box_width, layout_of, text_width

COLORS = (
    palette.GREY,
    palette.OUTPUTS,
    palette.BLUE,
    palette.GREEN,
    palette.ORANGE,
    palette.PINK,
    palette.SKY,
    palette.YELLOW,
    palette.VERMILLION,
)
"""Of kinds of modules; the first are for what computes nothing, and for outputs."""

KINDS: Mapping[str, int] = {
    **dict.fromkeys(("input", "identity", "zero", "copy", "macro", "program"), 0),
    **dict.fromkeys(("output", "head"), 1),
    **dict.fromkeys(("convolution", "linear", "computation", "stage", "predict"), 2),
    **dict.fromkeys(("norm", "cell", "learn"), 3),
    **dict.fromkeys(("activation", "operation", "setup"), 4),
    **dict.fromkeys(("sum", "aggregation", "product", "block", "memory"), 5),
    **dict.fromkeys(("pooling", "scaling", "sequential", "position"), 6),
    **dict.fromkeys(("routing", "permutation", "reshape", "topology"), 7),
    **dict.fromkeys(("branching", "split"), 8),
}
"""Place in `COLORS` of the kinds of modules and branches; others get one by their name."""

SMALL = 26
"""Boxes that a picture in a report has at most."""

PAGE: Room = (1000, 420)
"""Where a picture is shown, if nothing else is known."""

SHORT = 4
"""Letters of the longest label of a link that is written beside it; the others show when hovering."""

STROKE, FAINT, GROUND, TEXT, QUIET = "#8a8a8a", 0.14, "#ffffff", "#212121", "#616161"


def color_of_kind(kind: str) -> int:
    """Place in `COLORS`."""
    return KINDS[kind] if kind in KINDS else 2 + crc32(kind.encode()) % (len(COLORS) - 2)


def short(number: float) -> str:
    """A count in a few letters, such as 36.9k."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.0f}"


def shape_text(shape: Collection[int]) -> str:
    """Such as 16×8×8."""
    return "×".join(map(str, shape))


def picture_svg(picture: Picture, before: Picture | None = None, *, most: int = SMALL, room: Room = PAGE) -> str:
    """A network as an SVG that needs nothing else: its modules, or what changed since `before`.

    Args:
        picture: the network.
        before: an earlier one, such as the parent, or None.
        most: boxes; parts of a larger network are drawn as one.
        room: width and height in pixels of where it is shown, for which it is laid out.
    """
    difference = picture_difference(before, picture)
    graph = graph_of(difference, open_at_start(difference, most))
    layout = graph_layout(graph, difference.picture, room)
    name = f"{len(picture.nodes)} modules: " + " – ".join(box.label for box in graph.boxes[:12])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {layout.width:.0f} {layout.height:.0f}" role="img" '
        f'font-family="system-ui, sans-serif" aria-label="{escape(name)}">{_markup(graph, layout, before is not None)}'
        "</svg>"
    )


def scene_of(difference: PictureDifference, opened: Collection[str], room: Room, compared: bool) -> dict[str, Any]:
    """What the page needs to draw a network, as plain values.

    Args:
        difference: the network, and what became of its parts.
        opened: keys of the branches that are not drawn as one.
        room: width and height in pixels of where it is shown.
        compared: whether there is an earlier network.
    """
    picture = difference.picture
    graph = graph_of(difference, opened)
    layout = graph_layout(graph, picture, room)
    places = zip(layout.x, layout.y, layout.widths, strict=True)
    kinds = dict.fromkeys(box.kind for box in graph.boxes)
    return {
        "svg": _markup(graph, layout, compared),
        "size": [layout.width, layout.height],
        "boxes": [
            {
                "key": box.key,
                "part": box.part,
                "members": box.members if box.is_part else [],
                "at": [x, y, width, HEIGHT],
                "tip": box_in_words(box),
                "state": box.state,
            }
            for box, (x, y, width) in zip(graph.boxes, places, strict=True)
        ],
        "links": [[link.source, link.target] for link in graph.links],
        "tree": _rows(difference, opened, graph),
        "levels": max(depths(picture.tree), default=0) + 1 if picture.tree else 0,
        "kinds": [[in_words(kind), color_of_kind(kind)] for kind in kinds],
        "modules": sum(state != REMOVED for state in difference.nodes.values()),
        "changes": difference.counts if compared else {},
    }


def box_in_words(box: Box) -> list[str]:
    """What is told of a box, line by line."""
    kind = in_words(box.kind)
    told = [box.label] if box.label == kind else [box.label, kind]
    if box.shape:
        told.append(f"output {shape_text(box.shape)}")
    told += [f"{box.flops:,} FLOPs", f"{box.parameters:,} parameters"]
    told += [f"{in_words(name)}: {value_text(value)}" for name, value in box.facts.items()]
    return told if box.state == KEPT else [*told, STATE_NAMES[box.state]]


def graph_layout(graph: Graph, picture: Picture, room: Room) -> Layout:
    """Places of a graph of a picture, for a room of this width and height in pixels."""
    columns = {node.key: node.column for node in picture.nodes}
    hints = [min(columns[key] for key in box.members) for box in graph.boxes]
    return layout_of(graph, [box_width(box.label, _below(box)) for box in graph.boxes], hints, room)


def _below(box: Box) -> str:
    """The second line in a box."""
    return " · ".join(filter(None, (shape_text(box.shape), short(box.flops) if box.flops else "")))


def _rows(difference: PictureDifference, opened: Collection[str], graph: Graph) -> list[dict[str, Any]]:
    """The branches that are seen in the tree: those below open ones."""
    tree, closed = difference.picture.tree, drawn_as(difference.picture, opened)
    numbers = {branch.key: place for place, branch in enumerate(tree)}
    modules = [0] * len(tree)
    for node in difference.picture.nodes:
        if node.part in numbers:
            modules[numbers[node.part]] += 1
    boxes: list[list[int]] = [[] for _ in tree]
    for place, box in enumerate(graph.boxes):
        above: int | None = numbers.get(box.part)
        while above is not None:
            boxes[above].append(place)
            above = tree[above].parent
    parents = {branch.parent for branch in tree}
    return [
        {
            "key": branch.key,
            "label": branch.label,
            "kind": in_words(branch.kind),
            "color": color_of_kind(branch.kind),
            "depth": depth,
            "copies": branch.copies,
            "state": difference.branches[branch.key],
            "opens": place in parents or modules[place] > 1,
            "isOpen": branch.key not in closed,
            "boxes": boxes[place],
        }
        for place, (branch, depth) in enumerate(zip(tree, depths(tree), strict=True))
        if closed.get(branch.key, branch.key) == branch.key
    ]


def _markup(graph: Graph, layout: Layout, compared: bool) -> str:
    """Links and boxes; colours are those of light ground, and classes let a page choose others."""
    drawn = []
    for place, (link, path) in enumerate(zip(graph.links, layout.paths, strict=True)):
        color = palette.STATES[link.state] if compared else STROKE
        dashed = ' stroke-dasharray="5 3"' if link.state == REMOVED else ""
        width = 1.2 if link.state == KEPT else 2
        drawn.append(
            f'<path class="wbm-link s{link.state}" data-place="{place}" d="{_curve(path)}" fill="none" '
            f'stroke="{color}" stroke-width="{width}"{dashed}><title>{escape(link.label)}</title></path>'
        )
        if 0 < len(link.label) <= SHORT:
            drawn.append(_beside(link.label, *path[0], *path[1]))
    for place, box in enumerate(graph.boxes):
        drawn.append(_box(box, place, layout.x[place], layout.y[place], layout.widths[place], compared))
    return "".join(drawn)


def _beside(label: str, x: float, y: float, to_x: float, to_y: float) -> str:
    """The label of a link, over the middle of its first part."""
    return (
        f'<text class="wbm-label" x="{(x + to_x) / 2:.1f}" y="{(y + to_y) / 2 - 3:.1f}" font-size="9.5" '
        f'text-anchor="middle" fill="{QUIET}" stroke="{GROUND}" stroke-width="3" paint-order="stroke">'
        f"{escape(_cut(label))}</text>"
    )


def _curve(path: tuple[tuple[float, float], ...]) -> str:
    """Straight along rows and margins, curved between rows, with an arrow head."""
    (x, y), *rest = path
    drawn = f"M{x:.1f} {y:.1f}"
    for to_x, to_y in rest:
        if x == to_x or abs(y - to_y) < 0.5:
            drawn += f"L{to_x:.1f} {to_y:.1f}"
        else:
            middle = (x + to_x) / 2
            drawn += f"C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
        x, y = to_x, to_y
    return f"{drawn}M{x - 5:.1f} {y - 3.5:.1f}L{x:.1f} {y:.1f}L{x - 5:.1f} {y + 3.5:.1f}"


def _box(box: Box, place: int, x: float, y: float, width: float, compared: bool) -> str:
    """A rounded box with two lines of text; a part has another box behind it, removed ones are dashed."""
    kind = color_of_kind(box.kind)
    color = palette.STATES[box.state] if compared else COLORS[kind]
    dashed = ' stroke-dasharray="5 3"' if box.state == REMOVED else ""
    look = f'height="{HEIGHT:.0f}" width="{width:.1f}" rx="6" stroke="{color}"{dashed}'
    line = 2.2 if compared and box.state != KEPT else 1.3
    names = f"wbm-box k{kind} s{box.state}" + (" wbm-part" if box.is_part else "")
    behind = (
        f'<rect class="wbm-behind" x="{x + 3:.1f}" y="{y + 3:.1f}" fill="{GROUND}" stroke-width="1" {look}/>'
        * box.is_part
    )
    below, middle = _below(box), x + width / 2 + 1.5
    ground = f'x="{x:.1f}" y="{y:.1f}" {look}'
    edge = f"M{x + 4:.1f} {y + 7:.1f}v{HEIGHT - 14:.0f}"
    strip = f'<path class="wbm-strip" d="{edge}" stroke="{COLORS[kind]}" stroke-width="3"/>'
    return (
        f'<g class="{names}" data-place="{place}">{behind}<rect class="wbm-ground" {ground} fill="{GROUND}" '
        f'stroke-width="{line}"/><rect class="wbm-tint" x="{x:.1f}" y="{y:.1f}" height="{HEIGHT:.0f}" '
        f'width="{width:.1f}" rx="6" fill="{color}" fill-opacity="{FAINT}"/>{strip}'
        f'<text x="{middle:.1f}" y="{y + (15.5 if below else 22):.1f}" font-size="12" text-anchor="middle" '
        f'fill="{TEXT}">{escape(_cut(box.label))}</text>'
        + f'<text class="wbm-below" x="{middle:.1f}" y="{y + 29:.1f}" font-size="10.5" text-anchor="middle" '
        f'fill="{QUIET}">{escape(_cut(below))}</text>' * bool(below) + "</g>"
    )


def _cut(text: str) -> str:
    """A label that fits into the widest box."""
    room = WIDEST - 23
    if text_width(text) <= room:
        return text
    while text_width(text) + LETTER > room:
        text = text[:-1]
    return f"{text}…"
