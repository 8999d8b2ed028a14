"""Sliders for everything that may change while a search runs, made from the space's schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.search import Snapshot
from workbench.search.settings import SETTINGS_EVENT, Settings
from workbench.spatial import SpatialLaw
from workbench.store import Event
from workbench.views.base.debounce import Debounce, PointerWatcher, SliderLabels
from workbench.views.base.markup import escape
from workbench.views.base.palette import CATEGORIES
from workbench.views.base.view import View, panel, style_sheet
from workbench.views.run.data import changes
from workbench.views.steering.law import spatial_law_info
from workbench.views.steering.law_curve import law_svg
from workbench.views.steering.sliders import is_same, put, search_controls, setting_control

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
        self._refreshing = self._previewed = False
        self._moving = Debounce(self._apply)
        self._shown: Any = None
        self.controls: dict[str, Any] = {}
        self._paths: dict[str, str] = {}
        for setting in space.settings:
            self._add(setting.name, setting_control(setting), f"rates.{setting.name}")
        for path, control in search_controls(self.source.settings.config).items():
            self._add(path.removeprefix("train."), control, path)
        self.shares, self.curve, self.note, self.refusal = (ipw.HTML() for _ in range(4))
        self.add_class("wb-steering")
        names = [setting.name for setting in space.settings]
        kinds = [name for name in names if name in space.mutation_kinds]
        spatial = [name for name in names if name.startswith(SPATIAL)]
        sizes = [name for name in names if name not in kinds and name not in spatial]
        own = ["tournament", "children", "epochs", "learning_rate"]
        parts = [
            panel("Mutations", *self._of(kinds), self.shares, name="wb-area-kinds"),
            *([panel("Spatial rule", *self._of(spatial), self.curve, name="wb-area-law")] if spatial else []),
            panel("Sizes", *self._of(sizes), name="wb-area-sizes"),
            panel("Search and training", *self._of(own), name="wb-area-own"),
        ]
        grid = ipw.Box(parts)
        grid.add_class("wb-steering-grid")
        self.pointer = PointerWatcher(around=".wb-steering")
        self.pointer.observe(lambda change: self._moving.hold(change.new), "held")
        self.children = (style_sheet(), SliderLabels(), self.pointer, self.refusal, self.note, grid)

    def _add(self, name: str, control: Any, path: str) -> None:
        control.add_class(f"wb-set-{name}")
        control.observe(lambda change: self._change(control, path, change.new), "value")
        self.controls[name] = control
        self._paths[name] = path

    def _of(self, names: list[str]) -> list[Any]:
        return [self.controls[name] for name in names]

    # ------------------------------------------------------------------ a slider is moved
    def _change(self, control: Any, path: str, value: Any) -> None:
        if self._refreshing or self.source.search is None:
            return
        if is_same(control, value, self._values()[path]):
            self._moving.drop(path)
        else:
            self._moving.put(path, value)
        self._preview()

    def _apply(self, changes: Mapping[str, Any]) -> None:
        """The hand rests: what it changed becomes the search's."""
        assert self.source.search is not None
        try:
            self.source.search.update(**_nested(changes))
        except WorkbenchError as error:
            self.refusal.value = f'<div role="alert" class="wb-alert">Not changed: {escape(error)}</div>'
        else:
            self.refusal.value = ""
        self._refresh()
        self._show_note(self.source.search.snapshot())

    def _as_they_stand(self) -> Settings:
        """The settings that would hold if the hand rested now."""
        settings = self.source.settings
        try:
            return settings.changed(self.source.space, _nested(self._moving.changes))
        except WorkbenchError:  # said when the hand rests
            return settings

    def _preview(self) -> None:
        """Show what would follow."""
        if self.source.search is not None and (self._moving.changes or self._previewed):
            self._previewed = bool(self._moving.changes)
            self._draw(self._as_they_stand())
            self._show_note(self.source.search.snapshot())

    # ------------------------------------------------------------------ showing
    def show(self, snapshot: Snapshot) -> None:
        """Show the settings that hold from the next child on."""
        fixed = self.source.search is None or snapshot.state in ENDED
        if fixed:
            self._moving.changes.clear()
        if self.source.search is None or self.source.settings is not self._shown:
            self._refresh()
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
        """Bring the controls to what holds, but for those that are being moved."""
        self._shown = self.source.settings
        values = self._values()
        self._refreshing = True
        try:
            for name, control in self.controls.items():
                if self._paths[name] not in self._moving.changes:
                    put(control, values[self._paths[name]])
        finally:
            self._refreshing = False
        self._draw(self._as_they_stand())

    def _draw(self, settings: Settings) -> None:
        """Pictures of what settings come to."""
        rates = self.source.space.rates_values(settings.rates)
        self.shares.value = _shares_html({kind: rates.get(kind, 0.0) for kind in self.source.space.mutation_kinds})
        law = getattr(settings.rates, "law", None)
        if isinstance(law, SpatialLaw):
            reach = max(getattr(self.source.space, "input_shape", (1, 32, 32))[1:])
            self.curve.value = law_svg(spatial_law_info(law, reach=reach))

    def _show_note(self, snapshot: Snapshot) -> None:
        if self.source.search is None:
            self.note.value = '<p class="wb-quiet">Settings at the end of this stored run.</p>'
            return
        events, pending = list(snapshot.events), self.source.search.pending
        moving = self._as_they_stand().difference(self.source.space, self.source.settings)
        for values in filter(None, (pending, moving)):
            events.append(Event(len(events) + 1, SETTINGS_EVENT, snapshot.total, snapshot.generation, values, ""))
        last = changes(self.source.run.config, events)[-1:]
        if snapshot.state in ENDED:
            text = f"The search has {snapshot.state}; nothing can change any more."
        elif last:
            past = f"Last change, from child {last[0].from_child} on"
            when = "Counts when you let go" if moving else "Waits for the next child" if pending else past
            text = f"{when}: {'; '.join(last[0].lines)}."
        else:
            text = "A change takes effect with the next child, is marked on the timeline, and is stored in the run."
        self.note.value = f'<p class="wb-quiet" role="status">{escape(text)}</p>'

    def close(self) -> None:
        """End it; what a hand has just changed counts."""
        moving = getattr(self, "_moving", None)
        if moving is not None:
            moving.flush()
        super().close()


def _nested(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes by path as `Search.update` takes them: {"rates": {"add_edges": 0.5}}."""
    nested: dict[str, Any] = {}
    for path, value in changes.items():
        head, _, rest = path.partition(".")
        if rest:
            nested.setdefault(head, {})[rest] = value
        else:
            nested[head] = value
    return nested


def _shares_html(weights: dict[str, float]) -> str:
    """What the relative probabilities come to, as one bar."""
    total = sum(weights.values()) or 1.0
    parts, names = [], []
    for number, (kind, weight) in enumerate(weights.items(), 1):
        color, share, name = CATEGORIES[number % len(CATEGORIES)], weight / total, escape(kind.replace("_", " "))
        parts.append(f'<i style="width:{share:.2%};background:{color}"></i>')
        names.append(f'<span><i style="background:{color}"></i>{name} {share:.0%}</span>')
    return (
        f'<div class="wb-shares" role="img" aria-label="probability of each mutation">{"".join(parts)}</div>'
        f'<div class="wb-legend">{"".join(names)}</div>'
    )
