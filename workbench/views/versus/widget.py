"""The selected network beside a pinned one: numbers, where they err differently, and what their neurons see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as ipw
import plotly.graph_objects as go

from workbench.datasets import Dataset
from workbench.errors import WeightsError, WorkbenchError
from workbench.search import Search, Snapshot
from workbench.space import Predicts
from workbench.spaces import NeuronSpace
from workbench.store import Run
from workbench.views.base.again import TrainAgain
from workbench.views.base.figures import snug
from workbench.views.base.markup import alert, escape, quiet
from workbench.views.base.plot import Plot
from workbench.views.base.source import Selection, Source, source_of
from workbench.views.base.view import View, bar, button, classed, style_sheet
from workbench.views.inspect.predictions import Predictions
from workbench.views.inspect.widget import SPLITS
from workbench.views.versus.data import (
    Row,
    TwoNetworks,
    difference_in_words,
    kinship,
    kinship_in_words,
    number_rows,
    two_fields,
)
from workbench.views.versus.figure import draw_two_fields, draw_two_networks

NUMBERS, ERRORS, FIELDS = "numbers", "errors", "receptive fields"

THE_SELECTED = -1
"""Value of the choice of neuron that takes the one which is selected."""


class TwoNetworksView(View):
    """Compares the selected individual with the pinned one.

        TwoNetworksView(run, Selection(individual=12, pinned=3))

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: which individuals are looked at.
        data: the data set, if it cannot be found (see `Source`).
    """

    def __init__(
        self, watched: Search | Run | Source, selection: Selection | None = None, data: Dataset | None = None
    ) -> None:
        self._awake = True
        self._best: int | None = None
        self._shown: object = None
        super().__init__(source_of(watched, data), selection)

    def _build(self) -> None:
        self.predictions = Predictions(self.source, self._show_predictions, self._tell)
        self._figures: dict[str, Callable[[int, int], None]] = {NUMBERS: self._show_numbers}
        if isinstance(self.source.space, Predicts):
            self._figures[ERRORS] = self._show_errors
        if isinstance(self.source.space, NeuronSpace):
            self._figures[FIELDS] = self._show_fields
        what = ipw.ToggleButtons(options=list(self._figures), style={"button_width": "auto"})
        self.what = classed(what, "wb-versus-what")
        help = "Images that both classify; the search chose networks by the validation images, so the others are fairer"
        self.split = ipw.Dropdown(options=SPLITS, tooltip=help)
        data = self.source.data
        classes = [(f"class {name}", number) for number, name in enumerate(data.class_names if data else ())]
        neurons = [("the selected neuron", THE_SELECTED), *classes]
        self.neuron = ipw.Dropdown(
            options=neurons, value=0 if classes else THE_SELECTED, tooltip="Whose field is shown"
        )
        self.pin = button("", "wb-pin-here", "Compare others with this network", self.toggle_pin, "thumb-tack")
        self.swap = button(
            "", "wb-swap", "Swap: pin the selected one, select the pinned one", self.swap_them, "exchange"
        )
        self.message, self.table, self.plot = ipw.HTML(), ipw.HTML(), Plot(fill=True)
        self.again = [TrainAgain(self.source, self.selection, which) for which in ("pinned", "individual")]
        head = bar(self.what, self.split, self.neuron, self.pin, self.swap)
        classed(self, "wb-versus", "wb-fill")
        self.children = (
            style_sheet(),
            style_sheet("inspect/inspect.css"),
            head,
            *self.again,
            self.message,
            classed(self.table, "wb-fill"),
            classed(self.plot, "wb-fill"),
        )
        for control in (self.what, self.split, self.neuron):
            control.observe(self._change, "value")
        self._on_selection(self._look, "individual", "pinned")
        self._on_selection(self._follow_neuron, "part")
        self.refresh()

    # ------------------------------------------------------------------ what is shown
    @property
    def individuals(self) -> tuple[int | None, int | None]:
        """The pinned and the selected individual; the most accurate one if none is selected."""
        chosen = self.selection.individual
        return self.selection.pinned, chosen if chosen is not None else self._best

    def refresh(self) -> None:
        """Show the chosen part of the two networks."""
        first, second = self._shown = self.individuals
        what = self.what.value
        self.split.layout.display = None if what == ERRORS else "none"
        self.neuron.layout.display = None if what == FIELDS else "none"
        self.pin.description = "Unpin" if first is not None else "Pin this"
        self.pin.disabled = first is None and second is None
        self.swap.disabled = first is None or second is None
        self.table.value = self.message.value = ""
        self.plot.show(None)
        if second is None or first is None:
            this = "the network to compare others with" if second is None else f"individual {second}"
            self.message.value = quiet(f"Pin {this}, then select another: here they are compared.")
        else:
            try:
                self._figures[what](first, second)
            except WorkbenchError as error:
                self._tell(error)
        self.table.layout.display = None if self.table.value else "none"
        self.plot.layout.display = None if self.plot.shown is not None else "none"

    def _show_predictions(self) -> None:
        if self._awake:
            self.refresh()
        else:
            self._shown = None

    def _tell(self, error: Exception) -> None:
        self.message.value = "" if isinstance(error, WeightsError) else alert(str(error))  # `again` says it

    def _show_numbers(self, first: int, second: int) -> None:
        lines = [(*self.source.ancestors(id), id) for id in (first, second)]
        self.message.value = quiet(kinship_in_words(kinship(*lines), first, second))
        rows = number_rows(
            self.source.individual(first), self.source.individual(second), (self._facts(first), self._facts(second))
        )
        self.table.value = table_html(f"pinned: {first}", str(second), rows)

    def _facts(self, id: int) -> dict[str, Any] | None:
        try:
            return self.source.space.describe(self.source.network(id))
        except WeightsError:
            return None

    def _show_errors(self, first: int, second: int) -> None:
        split = self.split.value
        one, other = (self.predictions.of(id, split) for id in (first, second))
        if one is None or other is None:
            self.message.value = quiet(f"Both classify {self.source.needed_data().size(split):,} {split} images …")
            return
        found = TwoNetworks(one, other)
        names = (str(first), str(second))
        self.message.value = quiet(difference_in_words(found, *names))
        self._draw(draw_two_networks(found, self.source.needed_data(), names))

    def _draw(self, figure: go.Figure) -> None:
        snug(figure, f"{self.what.value} {self.individuals}")
        self.plot.show(figure)

    def _show_fields(self, first: int, second: int) -> None:
        genomes = [self.source.trained_genome(id) for id in (first, second)]
        neuron = self.neuron.value
        if neuron == THE_SELECTED:
            neuron = self.selection.part
            if neuron is None:
                self.message.value = quiet("Click a neuron in the graph or over the image, or choose a class.")
                return
        else:
            neuron += genomes[1].n_inputs
        found = two_fields(genomes[0], genomes[1], neuron)
        if not found.same:
            self.message.value = quiet(
                f"Individual {first} has no neuron {neuron} of individual {second}: its nearest one is shown, "
                f"{found.apart:.1f} px away."
            )
        self._draw(draw_two_fields(found, (str(first), str(second))))

    # ------------------------------------------------------------------ what a person does
    def toggle_pin(self) -> None:
        """Pin the network that is shown, or unpin the pinned one."""
        self.selection.pinned = self.individuals[1] if self.selection.pinned is None else None

    def swap_them(self) -> None:
        """Pin the selected one, and select the pinned one."""
        first, second = self.individuals
        if first is not None and second is not None:
            with self.selection.hold_trait_notifications():
                self.selection.pinned, self.selection.individual = second, first

    def wait(self) -> None:
        """Block until everything is shown; for scripts."""
        self.predictions.wait()

    def _change(self, _: Any) -> None:
        self.refresh()

    def _look(self, _: Any) -> None:
        if self._awake:
            self.refresh()

    def _follow_neuron(self, change: Any) -> None:
        if change.new is not None:
            self.neuron.value = THE_SELECTED
            if self._awake and self.what.value == FIELDS:
                self.refresh()

    def wake(self, awake: bool) -> None:
        """Follow the selection, or rest."""
        self._awake = awake
        if awake and self._shown != self.individuals:
            self.refresh()

    def show(self, snapshot: Snapshot) -> None:
        """Note the most accurate network, which is compared while none is selected."""
        before, self._best = self._best, snapshot.best
        if before is None and self._best is not None and self.selection.individual is None:
            self.refresh()

    def close(self) -> None:
        """End it, on the page and in the kernel."""
        for each in self.again:
            each.close()
        super().close()


def table_html(first: str, second: str, rows: list[Row]) -> str:
    """The numbers of two networks as a table."""
    head = "".join(f"<th>{escape(text)}</th>" for text in ("", first, second, "difference"))
    body = "".join(
        f"<tr><th>{escape(row.name)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in row[1:])}</tr>" for row in rows
    )
    return f'<table class="wb-changes">{head}{body}</table>'
