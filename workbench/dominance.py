"""What no other dominates: the one definition of a front, for the loop and for tables of a run."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence


def undominated(points: Sequence[tuple[float, float, float]], ids: Sequence[int]) -> list[int]:
    """Places of the points that no other dominates, by rising FLOPs; of equal points that of the lowest id.

    Args:
        points: FLOPs (fewer are better), accuracy (more is better) and latency (less is better; the same for all if it
            is no objective) of each.
        ids: of each.
    """
    order = sorted(
        range(len(points)), key=lambda place: (points[place][0], -points[place][1], points[place][2], ids[place])
    )
    front: list[int] = []
    accuracies, latencies = list[float](), list[float]()  # of what is best in both so far, each rising
    for place in order:
        _, accuracy, latency = points[place]
        above = bisect_left(accuracies, accuracy)
        if above < len(accuracies) and latencies[above] <= latency:
            continue
        front.append(place)
        end = bisect_right(accuracies, accuracy)
        start = bisect_left(latencies, latency, 0, end)
        accuracies[start:end], latencies[start:end] = [accuracy], [latency]
    return front
