"""Where the boxes of a graph stand and how its links run: columns by flow, with few crossings, in lines like text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from workbench.views.modules.data import Graph

HEIGHT, ROW, GAP = 36.0, 47.0, 28.0
"""Pixels at zoom 1: height of a box, from row to row, and between columns."""

THREAD = 16.0
"""Pixels that a link takes where it passes a column."""

NARROWEST, WIDEST, LETTER = 58.0, 178.0, 6.7
"""Pixels: widths of boxes, and about that of a letter of 12 px."""

BETWEEN_LINES, MARGIN = 30.0, 26.0

LEGIBLE = 0.8
"""Zoom from which labels can be read."""

Room = tuple[float, float]
"""Width and height in pixels."""

SWEEPS = 4
"""Times that columns are ordered from left to right and back."""

MOST_THREADS = 12_000
"""Links that pass more columns in all are drawn straight, across what is in between."""


@dataclass(frozen=True)
class Layout:
    """Places in pixels at zoom 1, from the top left.

    Attributes:
        x, y: of each box's left and top side.
        widths: of each box.
        paths: of each link the points that it runs through, (x, y), from the right of its source to the left of its
            target; to the next line it goes along the margins.
        width, height: of all.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    widths: tuple[float, ...]
    paths: tuple[tuple[tuple[float, float], ...], ...]
    width: float
    height: float


def text_width(text: str) -> float:
    """About how wide a label of 12 px is."""
    return LETTER * (len(text) + sum(text.count(wide) for wide in "mwMW⊗") / 2)


def box_width(*texts: str) -> float:
    """Width of a box with these lines of text; longer ones are cut."""
    return min(max(NARROWEST, *(text_width(text) + 23 for text in texts)), WIDEST)


def layout_of(graph: Graph, widths: Sequence[float], hints: Sequence[int], room: Room) -> Layout:
    """Places of boxes and links.

    Args:
        graph: what is drawn.
        widths: of its boxes in pixels.
        hints: columns of the boxes in the network as it is not collapsed, to choose by where the flow leaves a choice.
        room: width and height in pixels of where it is shown. As many lines are made as let all be shown the largest;
            if that is too small to be read, as few as fit its width when it can be read.
    """
    if not graph.boxes:
        return Layout((), (), (), (), 2 * MARGIN, 2 * MARGIN)
    threads, members = _threads(graph, _columns(graph, hints))
    order = _ordered(threads, members)
    columns = [max(widths[each] for each in items if each < len(widths)) for items in order]
    grid = _Grid(tuple(widths), columns, threads, order, _middles(order, threads, len(widths)))
    return _placed(grid, _best_lines(grid, room))


@dataclass(frozen=True)
class _Grid:
    """Boxes in columns; the items of a column are boxes, and (numbered after these) links that pass it."""

    widths: tuple[float, ...]  # of boxes
    columns: list[float]  # widths of columns
    threads: list[list[int]]  # of each link the items that it runs through
    order: list[list[int]]  # items of each column from the top
    middles: dict[int, float]  # heights of the middles of items

    def extent(self, line: range) -> tuple[float, float]:
        """Where some columns begin, and their height."""
        heights = [self.middles[item] for place in line for item in self.order[place]]
        return min(heights) - HEIGHT / 2, max(heights) - min(heights) + HEIGHT


def _columns(graph: Graph, hints: Sequence[int]) -> list[int]:
    """Longest path to each box, or further on where `hints` say so and the flow allows it; cycles are cut.

    What has no source stands just before its target.
    """
    n = len(graph.boxes)

    def first(each: int) -> tuple[int, int]:
        return hints[each], each

    after: list[list[int]] = [[] for _ in range(n)]
    missing = [0] * n
    for link in graph.links:
        after[link.source].append(link.target)
        missing[link.target] += 1
    column, waiting, done = [0] * n, sorted((each for each in range(n) if not missing[each]), key=first), set[int]()
    while len(done) < n:
        if not waiting:  # a cycle: go on with what comes first
            waiting = [min((each for each in range(n) if each not in done), key=first)]
        here = waiting.pop(0)
        if here in done:
            continue
        done.add(here)
        for target in after[here]:
            if target in done:
                continue
            column[target] = max(column[target], column[here] + 1)
            missing[target] -= 1
            if not missing[target]:
                waiting.append(target)
    for each in sorted(done, key=column.__getitem__, reverse=True):
        if after[each] and column[each] < hints[each] < min(column[target] for target in after[each]):
            column[each] = hints[each]
    targets = {link.target for link in graph.links}
    for each in range(n):
        if each not in targets and after[each]:
            column[each] = max(column[each], min(column[target] for target in after[each]) - 1)
        elif each not in targets and not after[each]:
            column[each] = min(hints[each], max(column))
    used = {old: new for new, old in enumerate(sorted(set(column)))}
    return [used[each] for each in column]


def _threads(graph: Graph, column: Sequence[int]) -> tuple[list[list[int]], list[list[int]]]:
    """Of each link the items that it runs through, and the items of each column, as in `_Grid`."""
    members: list[list[int]] = [[] for _ in range(max(column) + 1)]
    for each, place in enumerate(column):
        members[place].append(each)
    n, threads = len(graph.boxes), list[list[int]]()
    long = sum(max(0, abs(column[link.target] - column[link.source]) - 1) for link in graph.links)
    for link in graph.links:
        passed = range(column[link.source] + 1, column[link.target]) if long <= MOST_THREADS else range(0)
        items = list(range(n, n + len(passed)))
        n += len(passed)
        for place, item in zip(passed, items, strict=True):
            members[place].append(item)
        threads.append([link.source, *items, link.target])
    return threads, members


def _ordered(threads: Sequence[Sequence[int]], members: Sequence[Sequence[int]]) -> list[list[int]]:
    """The items of each column from the top, each near the mean of its neighbours."""
    order = [list(each) for each in members]
    left, right = _neighbours(threads)
    place = {item: float(row) for items in order for row, item in enumerate(items)}
    for sweep in range(2 * SWEEPS):
        near = left if sweep % 2 == 0 else right
        for items in order if sweep % 2 == 0 else reversed(order):
            mean = {each: _mean([place[one] for one in near.get(each, ())], place[each]) for each in items}
            items.sort(key=mean.__getitem__)
            place |= {each: row - (len(items) - 1) / 2 for row, each in enumerate(items)}
    return order


def _neighbours(threads: Sequence[Sequence[int]]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    left: dict[int, list[int]] = {}
    right: dict[int, list[int]] = {}
    for thread in threads:
        for source, target in pairwise(thread):
            right.setdefault(source, []).append(target)
            left.setdefault(target, []).append(source)
    return left, right


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _middles(order: Sequence[Sequence[int]], threads: Sequence[Sequence[int]], n_boxes: int) -> dict[int, float]:
    """Height of the middle of each item: as near to its neighbours as those above and below it allow."""
    left, right = _neighbours(threads)
    middle = {item: ROW * (row - (len(items) - 1) / 2) for items in order for row, item in enumerate(items)}
    for sweep in range(2 * SWEEPS):
        for items in order if sweep % 2 == 0 else reversed(order):
            wanted = [
                _mean([middle[one] for one in (*left.get(each, ()), *right.get(each, ()))], middle[each])
                for each in items
            ]
            room = [
                (
                    ROW
                    if above < n_boxes and below < n_boxes
                    else (ROW + THREAD) / 2
                    if min(above, below) < n_boxes
                    else THREAD
                )
                for above, below in pairwise(items)
            ]
            middle |= zip(items, _apart(wanted, room), strict=True)
    return middle


def _apart(wanted: Sequence[float], room: Sequence[float]) -> list[float]:
    """The heights nearest to the wanted ones (least squares) with at least `room` between neighbours."""
    offsets = [0.0, *accumulate(room)]
    groups: list[tuple[float, int]] = []  # mean, size: equal after the offsets are taken off
    for height, offset in zip(wanted, offsets, strict=True):
        mean, size = height - offset, 1
        while groups and groups[-1][0] > mean:
            before, n = groups.pop()
            mean, size = (before * n + mean * size) / (n + size), n + size
        groups.append((mean, size))
    flat = [mean for mean, size in groups for _ in range(size)]
    return [height + offset for height, offset in zip(flat, offsets, strict=True)]


def _best_lines(grid: _Grid, room: Room) -> list[range]:
    """The columns of each line, see `layout_of`."""
    crossing = [0] * len(grid.columns)  # links from before each column to it or past it
    column_of = {item: place for place, items in enumerate(grid.order) for item in items}
    for thread in grid.threads:
        for item in thread[1:]:
            crossing[column_of[item]] += 1
    best: tuple[float, list[range]] = (0.0, [])
    narrow: list[range] = []  # the fewest lines that can be read side by side
    total = sum(grid.columns) + GAP * len(grid.columns)
    for number in range(1, len(grid.columns) + 1):
        lines = _broken(grid.columns, crossing, total / number)
        width = max(sum(grid.columns[place] + GAP for place in line) for line in lines) + 2 * MARGIN
        height = sum(grid.extent(line)[1] + BETWEEN_LINES for line in lines) + 2 * MARGIN
        zoom = min(room[0] / width, room[1] / height)
        narrow = narrow or (lines if width * LEGIBLE <= room[0] else [])
        if zoom <= best[0] and number > 3 and (narrow or best[0] >= LEGIBLE):
            break
        best = max(best, (zoom, lines), key=lambda each: each[0])
    return narrow if narrow and best[0] < LEGIBLE else best[1]


def _broken(widths: Sequence[float], crossing: Sequence[int], wanted: float) -> list[range]:
    """Columns in lines of about the wanted width that few links cross between (by dynamic programming)."""
    least, start = [0.0], [0]  # cost of the best lines of the first columns, and where the last of these begins
    for end in range(1, len(widths) + 1):
        used, best = 0.0, (float("inf"), end - 1)
        for first in range(end - 1, -1, -1):
            used += widths[first] + GAP
            if used > 1.2 * wanted and first < end - 1:
                break
            cut = 0.04 * max(0, crossing[first] - 1) if first else 0.0
            best = min(best, (least[first] + (used / wanted - 1) ** 2 + cut, first))
        least.append(best[0])
        start.append(best[1])
    lines, end = list[range](), len(widths)
    while end:
        lines.append(range(start[end], end))
        end = start[end]
    return lines[::-1]


def _placed(grid: _Grid, lines: Sequence[range]) -> Layout:
    """Columns side by side in each line, lines below each other, links through their items."""
    column_of = {item: place for place, items in enumerate(grid.order) for item in items}
    middle_x, shift = [0.0] * len(grid.columns), [0.0] * len(grid.columns)
    line_of, tops = [0] * len(grid.columns), [MARGIN]
    right = 0.0
    for number, line in enumerate(lines):
        start, height = grid.extent(line)
        x = MARGIN
        for place in line:
            middle_x[place], shift[place], line_of[place] = x + grid.columns[place] / 2, tops[-1] - start, number
            x += grid.columns[place] + GAP
        right = max(right, x - GAP)
        tops.append(tops[-1] + height + BETWEEN_LINES)
    places = {item: (middle_x[place], grid.middles[item] + shift[place]) for item, place in column_of.items()}
    paths = []
    for thread in grid.threads:
        path: list[tuple[float, float]] = []
        beside = 3.0 * (thread[0] % 4)  # links of different sources stay apart along a margin
        for before, item in pairwise((thread[0], *thread)):
            (x, y), place = places[item], column_of[item]
            half = (grid.widths[item] if item < len(grid.widths) else grid.columns[place]) / 2
            if path and line_of[place] != line_of[column_of[before]]:
                gap = tops[line_of[place]] - BETWEEN_LINES / 2 + beside - 4
                outer, inner = right + MARGIN / 2 + beside - 4, MARGIN / 2 - beside + 4
                path += [(outer, path[-1][1]), (outer, gap), (inner, gap), (inner, y)]
            path += [(x - half, y), (x + half, y)]
        paths.append(tuple(path[1:-1]))  # without the far sides of its ends
    boxes = range(len(grid.widths))
    left = tuple(places[each][0] - grid.widths[each] / 2 for each in boxes)
    top = tuple(places[each][1] - HEIGHT / 2 for each in boxes)
    return Layout(left, top, grid.widths, tuple(paths), right + MARGIN, tops[-1] - BETWEEN_LINES + MARGIN)
