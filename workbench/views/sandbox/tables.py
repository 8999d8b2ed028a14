"""The sandbox's numbers and curves as HTML that follows the page's colours (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.genome import Genome
from workbench.views.base.markup import escape
from workbench.views.base.palette import TRAINING, VALIDATION
from workbench.views.network.data import genome_figures
from workbench.views.sandbox.history import TRAIN, History, Step


def changes_html(before: Genome, after: Genome, accuracies: tuple[float | None, float | None], when: str) -> str:
    """What the numbers of a genome were and are.

    Args:
        before: the genome compared with.
        after: the genome as it is.
        accuracies: of both on the validation split; None = not measured (yet).
        when: in which state the later accuracy was measured.
    """
    was, now = genome_figures(before), genome_figures(after)
    rows = [_row(name, _number(was[name]), _number(now[name]), _change(was[name], now[name])) for name in was]
    first, second = accuracies
    change = "" if first is None or second is None else f"{100 * (second - first):+.2f} points".replace("-", "−")
    rows.append(_row("validation accuracy" + (f", {when}" if when else ""), _percent(first), _percent(second), change))
    head = "<tr><th></th><th>before</th><th>after</th><th>change</th></tr>"
    return f'<table class="wb-changes">{head}{"".join(rows)}</table>'


def _row(name: str, *cells: str) -> str:
    return f"<tr><th>{escape(name)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3%}"


def _percent(value: float | None) -> str:
    return "…" if value is None else f"{value:.2%}"


def _change(was: float, now: float) -> str:
    if now == was:
        return "0"
    share = "" if not was else f" ({(now - was) / was:+.0%})" if now < 10 * was else f" (×{now / was:.0f})"
    difference = f"{now - was:+,}{share}" if isinstance(now, int) else f"{(now - was) / was:+.1%}" if was else ""
    return difference.replace("-", "−")


def steps_html(history: History) -> list[str]:
    """Each step in a few words, for a list."""
    return [f"{number}. {step_in_words(step)}" for number, step in enumerate(history.steps)]


def step_in_words(step: Step) -> str:
    """What a step did."""
    if step.record["kind"] == TRAIN:
        return f"train: {len(step.trained)} epochs, validation accuracy {step.trained[-1]['val_accuracy']:.2%}"
    record = step.record
    gone = {what: record.get(f"{what}_removed", 0) + record.get(f"{what}_pruned", 0) for what in ("neurons", "edges")}
    parts = [
        f"{what} +{record.get(f'{what}_added', 0):,} −{gone[what]:,}"
        for what in ("neurons", "edges")
        if record.get(f"{what}_added", 0) or gone[what]
    ]
    parts += [f"{record['edges_shared']:,} edges now share weights"] if "edges_shared" in record else []
    parts += [f"seed {record['seed']}"] if "seed" in record else []
    return str(record["kind"]).replace("_", " ") + (f": {', '.join(parts)}" if parts else "")


def curve_svg(rows: Sequence[Mapping[str, float]], epochs: int, start: float | None) -> str:
    """Accuracy over epochs as a picture.

    Args:
        rows: of the history so far: epoch, train_accuracy, val_accuracy.
        epochs: that there will be.
        start: validation accuracy before training, or None.
    """
    width, height, left, right, top, bottom = 460, 190, 46, 10, 8, 34
    validation = [(0.0, start)] if start is not None else []
    validation += [(row["epoch"], row["val_accuracy"]) for row in rows]
    training = [(row["epoch"], row["train_accuracy"]) for row in rows if "train_accuracy" in row]
    lowest = min([value for _, value in validation + training], default=0.0)
    low = min(0.95, int(lowest * 20) / 20)  # a round number; the top is 100 %

    def place(epoch: float, value: float) -> str:
        x = left + epoch / max(epochs, 1) * (width - left - right)
        y = height - bottom - (value - low) / (1 - low) * (height - top - bottom)
        return f"{x:.1f},{y:.1f}"

    def line(points: Sequence[tuple[float, float]], color: str) -> str:
        path = " ".join(place(*point) for point in points)
        dots = "".join(f'<circle cx="{p.split(",")[0]}" cy="{p.split(",")[1]}" r="2.5"/>' for p in path.split())
        return f'<g fill="{color}"><polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>{dots}</g>'

    marks = "".join(
        f'<text x="{left - 6}" y="{float(place(0, low + part * (1 - low)).split(",")[1]) + 4:.0f}" text-anchor="end">'
        f"{100 * (low + part * (1 - low)):g} %</text>"
        for part in (0, 0.5, 1)
    )
    step = max(1, -(-epochs // 8))
    marks += "".join(
        f'<text x="{place(epoch, low).split(",")[0]}" y="{height - 19}" text-anchor="middle">{epoch}</text>'
        for epoch in range(0, epochs + 1, step)
    )
    frame = f'<path d="M{left},{top}V{height - bottom}H{width - right}" fill="none" stroke="currentColor"/>'
    names = "".join(
        f'<span><i style="background:{color}"></i>{name}</span>'
        for name, color in (("validation accuracy", VALIDATION), ("training accuracy", TRAINING))
    )
    label = f"accuracy over {epochs} epochs" + (f", now {validation[-1][1]:.2%}" if validation else "")
    return (
        f'<svg class="wb-curve" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{frame}'
        f'{line(training, TRAINING)}{line(validation, VALIDATION)}{marks}<text x="{width / 2}" y="{height - 3}" '
        f'text-anchor="middle">epoch</text></svg><div class="wb-legend">{names}</div>'
    )
