"""Sliders for everything that may change while a search runs, made from the declared settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.formats import in_words, setting_text
from workbench.search import SearchConfig, Snapshot
from workbench.search.config import Settings
from workbench.settings import Setting, settings_of
from workbench.space import obeys
from workbench.spatial import SpatialLaw
from workbench.training import TrainConfig
from workbench.views.base.controls import Debounce, SliderHelper, is_same, put, setting_control
from workbench.views.base.markup import alert, quiet
from workbench.views.base.plot import Plot
from workbench.views.base.view import View, classed, panel, style_sheet
from workbench.views.run.data import changes
from workbench.views.steering.data import Lately, lately
from workbench.views.steering.figure import mutation_rows, spatial_law_figure

LIVE = {
    "config": (SearchConfig, ("tournament", "children", "adapt")),
    "train": (TrainConfig, ("epochs", "learning_rate")),
}
"""Settings of search and training that may change."""

WIDEST = 13.0
"""Em that the name of a mutation may take beside its slider."""


class Steering(View):
    """Sliders that change the search from its next child on, and what the latest children of each mutation did.

    Every change is an event of the run. What has no effect in the space has no slider.

    Args:
        watched: a `Search`, or a `Run` to read (then with values instead of sliders).
        selection: not used here; all views take one.

    Attributes:
        controls: the sliders by setting: "add_edges", …, "tournament", "children", "adapt", "epochs", "learning_rate".
        head, panels: its parts, which the dashboard places: messages, and controls by title ("Mutations" first).
    """

    interval = 0.5

    def _build(self) -> None:
        self._refreshing = self._previewed = False
        self._debounce = Debounce(self._apply)
        self._shown: Settings | None = None
        self._law: SpatialLaw | None = None
        self._told: object = None
        self._lately: tuple[Lately, ...] = ()
        self.controls: dict[str, Any] = {}
        self._records: dict[str, str] = {}  # by setting, what it belongs to: "rates", "config" or "train"
        self.rows, self.note, self.refusal = ipw.HTML(), ipw.HTML(), ipw.HTML()
        self.curve = Plot()
        self.pointer = SliderHelper()
        self.pointer.observe(lambda change: self._debounce.hold(change.new), "held")
        self.add_class("wb-steering")
        self._refuse("")
        self.head = ipw.VBox([self.pointer, self.refusal])
        self.panels = self._panels()
        self.children = (style_sheet(), self.head, *self.panels.values())

    def _panels(self) -> dict[str, ipw.Widget]:
        space, config = self.source.space, self.source.settings.config
        kinds: list[Any] = [ipw.HTML('<h3 class="wb-title">Mutations</h3>')]
        law, sizes, own = list[Any](), list[Any](), list[Any]()
        longest = max((len(in_words(kind)) for kind in space.mutation_kinds), default=0)
        width = f"{min(max(8.0, 0.62 * longest), WIDEST):g}em"
        for setting in space.settings:
            if not obeys(space, f"rates.{setting.name}"):
                continue
            if setting.name in space.mutation_kinds:
                kinds.append(self._add("rates", setting, width))
            else:
                part = law if setting.name.startswith("spatial_") else sizes
                part.append(self._add("rates", setting))
        for record, (declared, names) in LIVE.items():
            prefix = "" if record == "config" else f"{record}."
            live = (setting for setting in settings_of(declared) if setting.name in names)
            own += [self._add(record, setting) for setting in live if obeys(space, prefix + setting.name)]
        for name, most in (("children", config.population), ("epochs", 2 * config.train.epochs)):
            if self.source.search is not None and name in self.controls:
                self.controls[name].max = max(self.controls[name].max, most)
        grid = classed(ipw.Box([ipw.VBox(kinds), self.rows]), "wb-mutation-grid")
        grid.layout.height = f"{20 + 26 * len(space.mutation_kinds)}px"  # exactly its rows
        panels = {
            "Mutations": classed(ipw.VBox([grid, self.note]), "wb-panel"),
            "Sizes": panel("Sizes", _columns(*sizes)),
            "Spatial law": panel("Spatial law", _columns(ipw.VBox(law), self.curve)),
            "Search and training": panel("Search and training", _columns(*own)),
        }
        empty = {title for title, controls in (("Sizes", sizes), ("Spatial law", law)) if not controls}
        return {title: each for title, each in panels.items() if title not in empty}

    def _add(self, record: str, setting: Setting, label_width: str = "14.5em") -> Any:
        name, fixed = setting.name, self.source.search is None
        control = classed(
            setting_control(setting, label_width=label_width, fixed=fixed), "wb-setting", f"wb-set-{name}"
        )
        self.controls[name], self._records[name] = control, record
        if not fixed:
            control.observe(lambda change: self._move(name, change.new), "value")
        return control

    def _value(self, name: str) -> Any:
        """The value of a setting that holds from the next child on."""
        settings = self.source.settings
        records = {"rates": settings.rates, "config": settings.config, "train": settings.config.train}
        return getattr(records[self._records[name]], name)

    # ------------------------------------------------------------------ a slider is moved
    def _move(self, name: str, value: Any) -> None:
        if self._refreshing:
            return
        if is_same(self.controls[name], value, self._value(name)):
            self._debounce.drop(name)
        else:
            self._debounce.put(name, value)
        if self._debounce.changes or self._previewed:
            self._preview()

    def _apply(self, moved: Mapping[str, Any]) -> None:
        """The drag is over: what it changed becomes the search's; `show` tells of it."""
        assert self.source.search is not None
        try:
            self.source.search.update(**self._update(moved))
        except WorkbenchError as error:
            self._refuse(alert(f"Not changed: {error}"))
            self._refresh()
        else:
            self._refuse("")

    def _refuse(self, message: str) -> None:
        """Say why nothing was changed; an empty message takes no room."""
        self.refusal.value, self.refusal.layout.display = message, None if message else "none"

    def _update(self, moved: Mapping[str, Any]) -> dict[str, Any]:
        """Values by name as `Search.update` takes them: rates and training as whole records."""
        settings = self.source.settings
        by_record: dict[str, dict[str, Any]] = {"rates": {}, "train": {}, "config": {}}
        for name, value in moved.items():
            by_record[self._records[name]][name] = value
        update = by_record["config"]
        if by_record["rates"]:
            update["rates"] = replace(settings.rates, **by_record["rates"])
        if by_record["train"]:
            update["train"] = replace(settings.config.train, **by_record["train"])
        return update

    def _preview(self) -> None:
        """Show what would follow if the drag ended now."""
        moved, rates = self._debounce.changes, self.source.settings.rates
        self._previewed = bool(moved)
        try:
            self._draw(self._update(moved).get("rates", rates))
        except WorkbenchError:  # said when the drag ends
            self._draw(rates)
        if moved:
            told = (
                f"{self.controls[name].description} {setting_text(self._value(name))} → {setting_text(value)}"
                for name, value in moved.items()
            )
            self.note.value = quiet(f"Counts when you let go: {'; '.join(told)}.")
        else:
            self._show_note(self.source.latest or self.source.snapshot())

    # ------------------------------------------------------------------ showing
    def show(self, snapshot: Snapshot) -> None:
        """Show the settings that hold from the next child on."""
        if self.source.search is not None:
            fixed = snapshot.state == "failed"
            if fixed:
                self._debounce.changes.clear()
            for control in self.controls.values():
                control.disabled = fixed
        if (snapshot.total, snapshot.generation) != self._told:
            self._told = snapshot.total, snapshot.generation
            self._lately = lately(snapshot, self.source.space.mutation_kinds)
        if self.source.settings is not self._shown:
            self._refresh()
        elif not self._debounce.changes:
            self._draw(self._shown.rates)
        if not self._debounce.changes:
            self._show_note(snapshot)

    def _refresh(self) -> None:
        """Bring the controls to what holds, but for those that are being moved."""
        self._shown = self.source.settings
        self._refreshing = True
        try:
            for name, control in self.controls.items():
                if name not in self._debounce.changes:
                    put(control, self._value(name))
        finally:
            self._refreshing = False
        if not self._debounce.changes:
            self._draw(self._shown.rates)

    def _draw(self, rates: Any) -> None:
        """The rows of the mutations and the spatial law of some rates."""
        search, kinds = self.source.search, self.source.space.mutation_kinds
        total = sum(getattr(rates, kind) for kind in kinds) or 1.0
        asked = {kind: getattr(rates, kind) / total for kind in kinds}
        held = asked
        if search is not None and self.source.settings.config.adapt is not None:
            held = search.probabilities
        self.rows.value = mutation_rows(asked, held, self._lately)
        law = getattr(rates, "law", None)
        if isinstance(law, SpatialLaw) and law != self._law:
            self._law = law
            reach = max(getattr(self.source.space, "input_shape", (1, 32, 32))[1:])
            self.curve.show(spatial_law_figure(law, reach=reach).update_layout(height=210, margin={"t": 24}))

    def _show_note(self, snapshot: Snapshot) -> None:
        search = self.source.search
        if search is None:
            text = "A stored run: settings as they were at its end."
        elif snapshot.state == "failed":
            text = "The search has failed; nothing can change any more."
        elif snapshot.state == "finished" and not search.pending:
            text = "The search has finished; a change counts if it goes on."
        elif last := changes(self.source.run.config, snapshot.events, self.source.space, search.pending)[-1:]:
            when = "Waits for the next child" if search.pending else f"Last change, from child {last[0].from_child} on"
            text = f"{when}: {'; '.join(last[0].lines)}."
        else:
            text = "A change takes effect with the next child, is marked on the timeline, and is stored in the run."
        self.note.value = quiet(text)

    def close(self) -> None:
        """End it; what was moved last still counts."""
        if hasattr(self, "_debounce"):
            self._debounce.flush()
        super().close()


def _columns(*controls: Any) -> ipw.Box:
    """Controls in as many columns as there is room for."""
    return classed(ipw.Box(controls), "wb-columns")
