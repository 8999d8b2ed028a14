"""The figure of the README, `docs/assets/front-mnist.svg`, from the stored results: `python docs/hooks/front.py`."""

from __future__ import annotations

import html
import json
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT = 860, 430
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 46, 48
FLOPS, ERRORS = (3_500, 1_300_000), (0.09, 0.0055)
FOUND, FRESH, MADE = "#D55E00", "#0072B2", "#6b6b6b"
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#333}.end{text-anchor:end}.middle{text-anchor:middle}"
    ".name{fill:#555}.grid{stroke:#e4e4e4;fill:none}"
)
LABELS = {
    "LeNet-5": (0, -12, "middle"),
    "LeNet-300-100": (0, -12, "middle"),
    "LeNet-300-100, pruned 90.0%": (9, 16, "start"),
    "strided CNN 6-12": (8, 16, "start"),
    "MLP 32": (10, 4, "start"),
    "MLP 100": (10, 4, "start"),
    "logistic regression": (10, 4, "start"),
}
"""Of the hand-made networks that are named: where, and how the name is anchored."""


def place(flops: float, accuracy: float) -> tuple[float, float]:
    """Where a network is drawn, both axes logarithmic, that of accuracy in the error."""

    def share(value: float, ends: tuple[float, float]) -> float:
        return math.log(value / ends[0]) / math.log(ends[1] / ends[0])

    x = LEFT + share(flops, FLOPS) * (WIDTH - LEFT - RIGHT)
    return round(x, 1), round(HEIGHT - BOTTOM - share(1 - accuracy, ERRORS) * (HEIGHT - TOP - BOTTOM), 1)


def members() -> Iterator[tuple[int, float, float]]:
    """FLOPs and test accuracy of each network of the fronts, as found and (mean) from scratch."""
    for seed in range(3):
        text = (ROOT / "data" / "results" / f"retrain-mnist-best-{seed}.json").read_text("utf-8")
        rows = defaultdict(list)
        for name, entry in json.loads(text).items():
            if name != "about":
                rows[entry["id"], entry["flops"], entry["start"]].append(entry["test_accuracy"])
        for (id, flops, start), found in rows.items():
            if start == "found":
                yield flops, found[0], mean(rows[id, flops, "fresh"])


def baselines() -> Iterator[tuple[str, int, float]]:
    """Title, FLOPs and test accuracy of each hand-made network."""
    text = (ROOT / "data" / "results" / "baselines-mnist.json").read_text("utf-8")
    for name, entry in json.loads(text).items():
        if "seed 0" in name:
            yield entry["title"], entry["flops"], entry["test_accuracy"]


def drawn() -> Iterator[str]:
    """The parts of the figure."""
    yield from axes()
    for title, flops, accuracy in baselines():
        x, y = place(flops, accuracy)
        yield square(x, y)
        if title in LABELS:
            right, down, anchor = LABELS[title]
            yield text(x + right, y + down, title.replace(".0%", " %"), f"{anchor} name")
    for flops, found, fresh in sorted(members()):
        (x, high), (_, low) = place(flops, found), place(flops, fresh)
        yield f'<path d="M{x} {high}V{low}" stroke="{FRESH}" stroke-opacity=".35"/>{circle(x, low)}{diamond(x, high)}'
    yield diamond(LEFT + 6, 24) + text(LEFT + 18, 28, "as found, weights inherited")
    yield circle(LEFT + 226, 24) + text(LEFT + 238, 28, "its topology from scratch")
    yield square(LEFT + 426, 24) + text(LEFT + 438, 28, "hand-made networks")


def axes() -> Iterator[str]:
    """Lines and words of both axes."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    for percent in (92, 95, 97, 98, 98.5, 99, 99.3):
        y = place(FLOPS[0], percent / 100)[1]
        yield f'<path class="grid" d="M{LEFT} {y}H{right}"/>' + text(LEFT - 8, y + 4, f"{percent:g} %", "end")
    for flops in (5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000):
        x = place(flops, 0.9)[0]
        words = "1M" if flops == 1_000_000 else f"{flops // 1000}k"
        yield f'<path class="grid" d="M{x} {TOP}V{bottom}"/>' + text(x, bottom + 18, words, "middle")
    yield text((LEFT + right) / 2, HEIGHT - 10, "FLOPs of an image (2 per edge, 2 · MACs)", "middle")
    yield text(right, 28, "MNIST, test accuracy", "end")


def text(x: float, y: float, words: str, style: str = "") -> str:
    """Words at a place."""
    return f'<text x="{x}" y="{y}" class="{style}">{html.escape(words)}</text>'


def circle(x: float, y: float) -> str:
    """A topology trained from scratch."""
    return f'<circle cx="{x}" cy="{y}" r="4.5" fill="{FRESH}"/>'


def diamond(x: float, y: float) -> str:
    """A network as found."""
    return f'<path d="M{x} {y - 6}l6 6l-6 6l-6 -6z" fill="{FOUND}"/>'


def square(x: float, y: float) -> str:
    """A hand-made network."""
    return f'<rect x="{x - 4}" y="{y - 4}" width="8" height="8" fill="{MADE}"/>'


def main() -> None:
    """Write the figure."""
    path = ROOT / "docs" / "assets" / "front-mnist.svg"
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
        f"<title>MNIST: test accuracy against FLOPs</title><style>{STYLE}</style>"
        f'<rect width="100%" height="100%" rx="6" fill="#fff"/>{"".join(drawn())}</svg>\n',
        "utf-8",
    )


if __name__ == "__main__":
    main()
