"""The selected network from inside: training, confusion, mistakes with the evidence, distributions; and export."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as ipw
import plotly.graph_objects as go

from workbench.datasets import Dataset
from workbench.errors import DataError, WeightsError, WorkbenchError
from workbench.search import Search, Snapshot
from workbench.space import Exports, Predicts, SearchSpace, lacks, write_network
from workbench.spaces import NeuronSpace
from workbench.store import Run
from workbench.views.base.again import TrainAgain
from workbench.views.base.figures import snug
from workbench.views.base.markup import alert, quiet
from workbench.views.base.plot import Plot
from workbench.views.base.source import Selection, Source, source_of
from workbench.views.base.view import View, bar, button, classed, style_sheet
from workbench.views.inspect.data import Confusion, training_curves
from workbench.views.inspect.figure import (
    PREDICTED,
    TRUE,
    distribution_figure,
    draw_confusion,
    draw_curves,
    draw_mistake,
    evidence_figure,
)
from workbench.views.inspect.predictions import Predictions

SPLITS = ("validation", "selection")
"""The test set is not offered: looking at its mistakes while choosing networks would spend it."""

EXPORTS = {".npz": "Genome as arrays", ".pt2": "PyTorch program", ".onnx": "ONNX model", ".py": "Python code, NumPy"}
"""What files are, by their endings."""

TOPS = {"training": 44, "confusion": 4}
"""Pixels above a figure, for its legend or the titles of its parts."""

FEW = 6
"""Contributions to a logit that there is room to list."""

ANY = -1
"""Value of a choice of class that allows all of them."""


def not_offered(space: SearchSpace) -> str:
    """What cannot be done with networks of this space here, in sentences; "" if there is nothing."""
    told = [lacks(space, Predicts), lacks(space, Exports)]
    if isinstance(space, Predicts) and not isinstance(space, NeuronSpace):
        told.append(f"No evidence and no distributions: {space.name!r} has no single neurons.")
    return " ".join(filter(None, told))


class InspectView(View):
    """One figure of the selected network at a time: "training", "confusion", "mistakes" or "distributions".

    Those that its space does not offer are not on the menu: see `workbench.space.Predicts`; distributions, and the
    evidence for a mistake, are of single neurons.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: which individual is looked at.
        data: the data set, if it cannot be found (see `Source`).
    """

    def __init__(
        self, watched: Search | Run | Source, selection: Selection | None = None, data: Dataset | None = None
    ) -> None:
        self._updating, self._awake = False, True
        self._best: int | None = None
        self._shown: int | None = None
        super().__init__(source_of(watched, data), selection)

    def _build(self) -> None:
        self.predictions = Predictions(self.source, self._show_predictions, self._tell)
        self._figures: dict[str, Callable[[int], go.Figure | None]] = {
            "training": lambda id: draw_curves(training_curves(self.source.run, id))
        }
        self._has_neurons = isinstance(self.source.space, NeuronSpace)
        if isinstance(self.source.space, Predicts):
            self._figures |= {"confusion": self._confusion_figure, "mistakes": self._mistake_figure}
        if self._has_neurons:
            self._figures["distributions"] = self._distribution_figure
        what = ipw.ToggleButtons(options=list(self._figures), style={"button_width": "auto"})
        self.what = classed(what, "wb-inspect-what")
        self.split = ipw.Dropdown(options=SPLITS, tooltip="Which images the network classifies")
        data = self.source.data
        names = data.class_names if data is not None else ()
        classes = [("any class", ANY), *((name, number) for number, name in enumerate(names))]
        self.true = ipw.Dropdown(options=classes, value=ANY, description="true")
        self.predicted = ipw.Dropdown(options=classes, value=ANY, description="predicted")
        self.mistake = ipw.IntSlider(min=1, max=1, description="mistake", continuous_update=False)
        sides = ipw.ToggleButtons(options=[PREDICTED, TRUE], description="evidence for", style={"button_width": "auto"})
        self.side = classed(sides, "wb-inspect-what")
        self.message = ipw.HTML()
        self.choice = bar(self.split, self.true, self.predicted, self.mistake, self.side, self.message)
        space = self.source.space
        endings = space.formats if isinstance(space, Exports) else ()
        exports = [
            button(
                ending[1:],
                "wb-export",
                f"{EXPORTS.get(ending, ending)}: save it beside the run",
                partial(self._export, ending),
            )
            for ending in endings
        ]
        self.exports = classed(
            ipw.HBox([ipw.HTML('<i class="fa fa-download" title="Save the network beside the run"></i>'), *exports]),
            "wb-buttons",
        )
        self.exports.layout.display = None if exports else "none"
        self.title, self.exported = ipw.HTML(), ipw.HTML()
        self.missing = ipw.HTML(quiet(not_offered(space)))
        self.missing.layout.display = None if not_offered(space) else "none"
        self.again = TrainAgain(self.source, self.selection)
        self.plot = Plot(fill=True)
        classed(self, "wb-inspect", "wb-fill")
        head = classed(ipw.HBox([self.what, self.exports]), "wb-head")
        notes = (self.missing, self.again, self.exported, self.choice)
        styles = style_sheet(), style_sheet("inspect/inspect.css")
        self.children = (*styles, self.title, head, *notes, classed(self.plot, "wb-fill"))
        for control in (self.what, self.split, self.true, self.predicted, self.mistake, self.side):
            control.observe(self._change, "value")
        self._on_selection(self._look)
        self.refresh()

    # ------------------------------------------------------------------ what is shown
    @property
    def individual(self) -> int | None:
        """Who is shown: the selected one, else the most accurate."""
        chosen = self.selection.individual
        return chosen if chosen is not None else self._best

    def refresh(self) -> None:
        """Show the chosen figure of the chosen network."""
        id, what = self.individual, self.what.value
        self._shown = id
        self.split.layout.display = None if what in ("confusion", "mistakes") else "none"
        for control in (self.true, self.predicted, self.mistake):
            control.layout.display = None if what == "mistakes" else "none"
        self.side.layout.display = None if what == "mistakes" and self._has_neurons else "none"
        for export in self.exports.children[1:]:
            export.disabled = id is None
        self.message.value = ""
        if id is None:
            self.title.value = quiet("No network has been trained yet.")
            return
        self.title.value = f'<h4 class="wb-inspected" data-individual="{id}">Individual {id}</h4>'
        try:
            figure = self._figures[what](id)
            if figure is not None and (title := snug(figure, f"{what} {id}", TOPS.get(what, 24))):
                self.message.value = f'<p class="wb-quiet" role="status">{title}</p>'
            self.plot.show(figure, self._click if what == "confusion" else None)
        except WorkbenchError as error:
            self.plot.show(None)
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        self.message.value = "" if isinstance(error, WeightsError) else alert(str(error))  # `again` says it

    def _predictions(self, id: int) -> Confusion | None:
        """Those of an individual on the chosen split; None if they are being worked out."""
        split = self.split.value
        found = self.predictions.of(id, split)
        if found is None:
            self.message.value = quiet(f"Classifying {self.source.needed_data().size(split):,} {split} images …")
        return found

    def _show_predictions(self) -> None:
        if self._awake:
            self.refresh()
        else:
            self._shown = None

    def _confusion_figure(self, id: int) -> go.Figure | None:
        found = self._predictions(id)
        return None if found is None else draw_confusion(found)

    def _mistake_figure(self, id: int) -> go.Figure | None:
        found = self._predictions(id)
        if found is None:
            return None
        classes = (None if box.value == ANY else box.value for box in (self.true, self.predicted))
        wrong = found.wrong(*classes)
        self._set(most=max(1, len(wrong)))
        self.mistake.description = f"of {len(wrong):,}"
        self.mistake.tooltip = "Which mistake; the most confident ones come first"
        if not len(wrong):
            raise DataError("there is no such mistake; choose other classes")
        index = int(wrong[min(self.mistake.value, len(wrong)) - 1])
        if not self._has_neurons:
            return draw_mistake(found, self.source.needed_data(), index)
        return evidence_figure(
            self.source.trained_genome(id), self.source.needed_data(), self.split.value, index, self.side.value, FEW
        )

    def _distribution_figure(self, id: int) -> go.Figure:
        return distribution_figure(self.source.trained_genome(id), self.source.settings.rates.law)

    # ------------------------------------------------------------------ what a person does
    def _change(self, _: Any) -> None:
        if not self._updating:
            self.refresh()

    def _look(self, _: Any) -> None:
        self.exported.value = ""
        self._set(mistake=1)
        if self._awake:
            self.refresh()

    def wake(self, awake: bool) -> None:
        """Follow the selection, or rest."""
        self._awake = awake
        if awake and self._shown != self.individual:
            self.refresh()

    def show(self, snapshot: Snapshot) -> None:
        """Note the most accurate network, which is shown while none is selected."""
        before, self._best = self._best, snapshot.best
        if before is None and self._best is not None and self.selection.individual is None:
            self.refresh()

    def _click(self, trace: Any, point: tuple[int, ...]) -> None:
        """A cell of the matrix opens its mistakes."""
        true, predicted = point
        if true != predicted:
            self._set(true=true, predicted=predicted, mistake=1)
            self.what.value = "mistakes"

    def _export(self, ending: str) -> None:
        id = self.individual
        if id is None:
            return
        try:
            path = self.source.path.with_name(f"{self.source.path.stem}-{id}{ending}")
            write_network(self.source.space, self.source.trained_genome(id), path, self.source.data)
        except WorkbenchError as error:
            self.exported.value = alert(str(error))
            return
        self.exported.value = quiet(f"Saved as {path}")

    def _set(self, most: int | None = None, **values: int) -> None:
        """Set controls without drawing."""
        self._updating = True
        try:
            if most is not None:
                self.mistake.max = most
            for name, value in values.items():
                getattr(self, name).value = value
        finally:
            self._updating = False
