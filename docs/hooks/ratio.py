"""FLOPs at equal accuracy, `docs/assets/ratio-*.svg`, from the stored results: `python docs/hooks/ratio.py`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from front import BOTTOM, FOUND, FRESH, HEIGHT, LEFT, RIGHT, ROOT, STYLE, TOP, WIDTH, text

from workbench.results.envelope import ACCURACIES, stored_ratios
from workbench.results.files import ResultFile

RESULTS = ROOT / "data" / "results"
NAMES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
TICKS = (0.5, 1, 2, 3, 5, 10, 20, 50)
CLAIM = 3
LABEL = 54  # pixels that an accuracy takes
LINES = {
    ("found", "flops"): (FOUND, "", "as found, FLOPs"),
    ("found", "flops_total"): (FOUND, "5 4", "all operations"),
    ("fresh", "flops"): (FRESH, "", "from scratch, FLOPs"),
    ("fresh", "flops_total"): (FRESH, "5 4", "all operations"),
}
"""Colour, dashes and name of each way of training and of counting."""


class Axes:
    """Where accuracies and ratios are drawn; accuracy logarithmic in the error, the ratio logarithmic."""

    def __init__(self, accuracies: np.ndarray, ratios: np.ndarray) -> None:
        self.errors = 1 - accuracies[0], 1 - accuracies[-1]
        self.ends = min(0.9, float(np.nanmin(ratios)) / 1.1), max(1.1 * CLAIM, float(np.nanmax(ratios)) * 1.15)

    def x(self, accuracy: float) -> float:
        """Pixels from the left."""
        share = math.log((1 - accuracy) / self.errors[0]) / math.log(self.errors[1] / self.errors[0])
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, ratio: float) -> float:
        """Pixels from the top."""
        share = math.log(ratio / self.ends[0]) / math.log(self.ends[1] / self.ends[0])
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def drawn(self, dataset: str) -> Iterator[str]:
        """Lines and words of both axes."""
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        free = right + LABEL
        for x, accuracy in sorted(((self.x(one), one) for one in ACCURACIES[dataset]), reverse=True):
            yield f'<path class="grid" d="M{x} {TOP}V{bottom}"/>'
            if x <= free - LABEL:
                free = x
                yield text(x, bottom + 18, f"{100 * accuracy:.4g} %", "middle")
        for ratio in TICKS:
            if self.ends[0] <= ratio <= self.ends[1]:
                style = "stroke:#333;stroke-width:1.5" if ratio == CLAIM else "stroke:#999" if ratio == 1 else ""
                yield f'<path class="grid" d="M{LEFT} {self.y(ratio)}H{right}" style="{style}"/>'
                yield text(LEFT - 8, self.y(ratio) + 4, f"{ratio:g}×", "end")
        yield text((LEFT + right) / 2, HEIGHT - 10, f"{NAMES[dataset]}, test accuracy", "middle")
        yield text(LEFT, 16, "times fewer operations than hand-made networks of the same test accuracy")


def curve(axes: Axes, accuracies: np.ndarray, ratios: np.ndarray, color: str, dashes: str) -> str:
    """A line that breaks where no network of ours or no hand-made one reaches an accuracy."""
    words, is_open = "", False
    for accuracy, ratio in zip(accuracies.tolist(), ratios.tolist(), strict=True):
        if not math.isnan(ratio):
            words += f"{'L' if is_open else 'M'}{axes.x(accuracy)} {axes.y(ratio)}"
        is_open = not math.isnan(ratio)
    return f'<path d="{words}" fill="none" stroke="{color}" stroke-width="2" stroke-dasharray="{dashes or "none"}"/>'


def legend() -> Iterator[str]:
    """Above the curves."""
    for place, (color, dashes, name) in zip((0, 150, 310, 490), LINES.values(), strict=True):
        x = LEFT + place
        yield f'<path d="M{x} 32h26" stroke="{color}" stroke-width="2" stroke-dasharray="{dashes or "none"}"/>'
        yield text(x + 32, 36, name)


def figure(dataset: str) -> str:
    """The figure of a data set."""
    made = ResultFile(RESULTS / f"baselines-{dataset}.json")
    paths = [[RESULTS / f"{kind}-{dataset}-best-{seed}.json" for kind in ("retrain", "finish")] for seed in range(3)]
    searches = [found for each in paths if (found := [ResultFile(path) for path in each if path.exists()])]
    ends = ACCURACIES[dataset]
    accuracies = 1 - np.geomspace(1 - ends[0], 1 - ends[-1], 400)
    curves = {line: stored_ratios(made, searches, *line, accuracies).ratio for line in LINES}
    axes = Axes(accuracies, np.array(list(curves.values())))
    lines = (curve(axes, accuracies, ratios, *LINES[line][:2]) for line, ratios in curves.items())
    parts = "".join((*axes.drawn(dataset), *legend(), *lines))
    title = f"{NAMES[dataset]}: FLOPs ratio at equal test accuracy"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
        f"<title>{title}</title><style>{STYLE}</style>"
        f'<rect width="100%" height="100%" rx="6" fill="#fff"/>{parts}</svg>\n'
    )


def main() -> None:
    """Write the figures."""
    for dataset in NAMES:
        Path(ROOT / "docs" / "assets" / f"ratio-{dataset}.svg").write_text(figure(dataset), "utf-8")


if __name__ == "__main__":
    main()
