"""Sliders for everything that may change while a search runs, made from the space's schema."""

from __future__ import annotations

import math
from typing import Any

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.plots.changes import changes
from workbench.plots.fronts import PALETTE
from workbench.plots.laws import LAYER_COLORS, SpatialLawInfo, spatial_law_info
from workbench.search import Snapshot
from workbench.search.settings import EVENT_KIND
from workbench.space import Setting
from workbench.spatial import SpatialLaw
from workbench.store import Event
from workbench.widgets.view import View, escape, panel, style_sheet

ENDED = ("finished", "failed")
SPATIAL = "spatial_"


class Steering(View):
    """Sliders that change the search from its next child on; every change is an event of the run.

    Args:
        watched: a `Search`, or a `Run` to read (its sliders only show).
        selection: not used here; all views take one.

    Attributes:
        controls: the sliders by setting: "add_edges", …, "tournament", "children", "epochs", "learning_rate".
    """

    interval = 0.5

    def _build(self) -> None:
        space = self.source.space
        self._refreshing = False
        self._shown: Any = None
        self.controls: dict[str, Any] = {}
        self._paths: dict[str, str] = {}
        for setting in space.settings:
            self._add(setting.name, _control(setting), f"rates.{setting.name}")
        for name, control in self._search_controls().items():
            self._add(name, control, {"epochs": "train.epochs", "learning_rate": "train.learning_rate"}.get(name, name))
        self.shares, self.curve, self.note = ipw.HTML(), ipw.HTML(), ipw.HTML()
        self.add_class("wb-steering")
        names = [setting.name for setting in space.settings]
        kinds = [name for name in names if name in space.mutation_kinds]
        spatial = [name for name in names if name.startswith(SPATIAL)]
        sizes = [name for name in names if name not in kinds and name not in spatial]
        own = ["tournament", "children", "epochs", "learning_rate"]
        parts = [
            panel("Mutations", *self._of(kinds), self.shares),
            panel("Search and training", *self._of(own)),
            panel("Sizes", *self._of(sizes)),
            *([panel("Spatial rule", *self._of(spatial), self.curve)] if spatial else []),
        ]
        grid = ipw.Box(parts)
        grid.add_class("wb-steering-grid")
        self.children = (style_sheet(), self.note, grid)

    def _search_controls(self) -> dict[str, ipw.Widget]:
        config = self.source.settings.config
        return {
            "tournament": _slider(
                ipw.IntSlider, "tournament size", "individuals that compete to be a parent", 1, 20, 1
            ),
            "children": _slider(
                ipw.IntSlider,
                "children",
                "per generation, from the next generation on",
                1,
                max(60, config.population),
                1,
            ),
            "epochs": _slider(
                ipw.IntSlider,
                "epochs per child",
                "passes over the training set",
                1,
                max(40, 2 * config.train.epochs),
                1,
            ),
            "learning_rate": _slider(
                ipw.FloatLogSlider,
                "learning rate",
                "largest rate of the schedule",
                -4,
                -0.5,
                0.05,
                readout_format=".4f",
            ),
        }

    def _add(self, name: str, control: Any, path: str) -> None:
        control.add_class(f"wb-set-{name}")
        control.observe(lambda change: self._change(control, path, change.new), "value")
        self.controls[name] = control
        self._paths[name] = path

    def _of(self, names: list[str]) -> list[Any]:
        return [self.controls[name] for name in names]

    # ------------------------------------------------------------------ a slider was moved
    def _change(self, control: Any, path: str, value: Any) -> None:
        if self._refreshing or self.source.search is None or _is_same(control, value, self._values()[path]):
            return
        head, _, rest = path.partition(".")
        try:
            self.source.search.update(**({head: {rest: value}} if rest else {head: value}))
        except WorkbenchError as error:
            self._refresh()
            self.note.value = f'<div role="alert" class="wb-alert">Not changed: {escape(error)}</div>'
            return
        self._refresh()
        self._show_note(self.source.search.snapshot())

    # ------------------------------------------------------------------ showing
    def show(self, snapshot: Snapshot) -> None:
        """Show the settings that hold from the next child on."""
        if self.source.search is None or self.source.settings is not self._shown:
            self._refresh()
        fixed = self.source.search is None or snapshot.state in ENDED
        for control in self.controls.values():
            control.disabled = fixed
        self._show_note(snapshot)

    def _values(self) -> dict[str, Any]:
        """The settings that hold from the next child on, by path."""
        settings = self.source.settings
        values = {f"rates.{name}": v for name, v in self.source.space.rates_values(settings.rates).items()}
        values |= {"tournament": settings.config.tournament, "children": settings.config.children}
        train = settings.config.train
        return values | {"train.epochs": train.epochs, "train.learning_rate": train.learning_rate}

    def _refresh(self) -> None:
        settings = self._shown = self.source.settings
        rates, values = self.source.space.rates_values(settings.rates), self._values()
        self._refreshing = True
        try:
            for name, control in self.controls.items():
                _put(control, values[self._paths[name]])
        finally:
            self._refreshing = False
        self.shares.value = _shares_html({kind: rates.get(kind, 0.0) for kind in self.source.space.mutation_kinds})
        law = getattr(settings.rates, "law", None)
        if isinstance(law, SpatialLaw):
            reach = max(getattr(self.source.space, "input_shape", (1, 32, 32))[1:])
            self.curve.value = law_svg(spatial_law_info(law, reach=reach))

    def _show_note(self, snapshot: Snapshot) -> None:
        if self.source.search is None:
            self.note.value = '<p class="wb-quiet">Settings at the end of this stored run.</p>'
            return
        events = list(snapshot.events)
        if pending := self.source.search.pending:
            events.append(Event(len(events) + 1, EVENT_KIND, snapshot.total, snapshot.generation, pending, ""))
        last = changes(self.source.run.config, events)[-1:]
        if snapshot.state in ENDED:
            text = f"The search has {snapshot.state}; nothing can change any more."
        elif last:
            when = "Waits for the next child" if pending else f"Last change, from child {last[0].from_child} on"
            text = f"{when}: {'; '.join(last[0].lines)}."
        else:
            text = "A change takes effect with the next child, is marked on the timeline, and is stored in the run."
        self.note.value = f'<p class="wb-quiet" role="status">{escape(text)}</p>'


def _control(setting: Setting) -> Any:
    """The control of a setting of the space."""
    help = f"{setting.help}{f' ({setting.unit})' if setting.unit else ''}"
    text = setting.name.replace("_", " ")
    if setting.kind == "switch":
        return ipw.Checkbox(description=text, tooltip=help, indent=False)
    if setting.kind == "integer":
        return _slider(ipw.IntSlider, text, help, int(setting.low), int(setting.high), 1)
    kind = ipw.FloatRangeSlider if setting.kind == "range" else ipw.FloatSlider
    step = 0.01 if setting.high - setting.low <= 1 else 0.05
    return _slider(kind, text, help, setting.low, setting.high, step, readout_format=".2f")


def _slider(kind: type, text: str, help: str, low: float, high: float, step: float, **more: Any) -> Any:
    return kind(
        description=text,
        tooltip=help,
        min=low,
        max=high,
        step=step,
        continuous_update=True,
        style={"description_width": "9.4em"},
        **more,
    )


def _put(control: Any, value: Any) -> None:
    """Show a value, widening the slider if it lies outside."""
    value = tuple(value) if isinstance(value, list) else value
    if _is_same(control, control.value, value):
        return
    if hasattr(control, "max") and not isinstance(control, ipw.FloatLogSlider):
        ends = value if isinstance(value, tuple) else (value, value)
        control.min, control.max = min(control.min, ends[0]), max(control.max, ends[1])
    control.value = value


def _is_same(control: Any, one: Any, other: Any) -> bool:
    """Whether a control cannot tell two values apart.

    A slider in a browser moves what it is given to its nearest step and says so, which is no wish of a person.
    """
    if isinstance(one, tuple | list):
        return all(_is_same(control, a, b) for a, b in zip(one, other, strict=True))
    if isinstance(control, ipw.FloatLogSlider):
        one, other = math.log(one, control.base), math.log(other, control.base)
    step = control.step if isinstance(one, float) and hasattr(control, "step") else 0
    return abs(one - other) < max(step / 2, 1e-9)


def _shares_html(weights: dict[str, float]) -> str:
    """What the relative probabilities come to, as one bar."""
    total = sum(weights.values()) or 1.0
    parts, names = [], []
    for number, (kind, weight) in enumerate(weights.items(), 1):
        color, share, name = PALETTE[number % len(PALETTE)], weight / total, escape(kind.replace("_", " "))
        parts.append(f'<i style="width:{share:.2%};background:{color}"></i>')
        names.append(f'<span><i style="background:{color}"></i>{name} {share:.0%}</span>')
    return (
        f'<div class="wb-shares" role="img" aria-label="probability of each mutation">{"".join(parts)}</div>'
        f'<div class="wb-legend">{"".join(names)}</div>'
    )


def law_svg(info: SpatialLawInfo, width: int = 360, height: int = 150) -> str:
    """The curves of a spatial rule as a picture that follows the page's colours."""
    left, right, top, bottom = 34, 8, 6, 30
    reach = float(info.distance[-1])

    def x(distance: float) -> float:
        return left + distance / reach * (width - left - right)

    def y(weight: float) -> float:
        return height - bottom - weight * (height - top - bottom)

    lines = "".join(
        f'<polyline fill="none" stroke="{LAYER_COLORS[number % len(LAYER_COLORS)]}" stroke-width="2" points="'
        + " ".join(f"{x(d):.1f},{y(w):.1f}" for d, w in zip(info.distance, info.weight[number], strict=True))
        + '"/>'
        for number in range(len(info.layers))
    )
    marks = "".join(
        f'<text x="{x(reach * part):.0f}" y="{height - 16}" text-anchor="middle">{reach * part:g}</text>'
        for part in (0, 0.25, 0.5, 0.75, 1)
    ) + "".join(f'<text x="{left - 5}" y="{y(part) + 4:.0f}" text-anchor="end">{part:g}</text>' for part in (0, 0.5, 1))
    frame = (
        f'<path d="M{left},{top}V{height - bottom}H{width - right}" fill="none" stroke="currentColor" opacity=".4"/>'
    )
    names = "".join(
        f'<span><i style="background:{LAYER_COLORS[number % len(LAYER_COLORS)]}"></i>layer {layer}</span>'
        for number, layer in enumerate(info.layers)
    )
    return (
        f'<svg class="wb-law" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(info.formula)}">'
        f'{frame}{lines}{marks}<text x="{width / 2:.0f}" y="{height - 2}" text-anchor="middle">distance, pixels</text>'
        f'</svg><div class="wb-legend"><code>{escape(info.formula)}</code>{names}</div>'
    )
