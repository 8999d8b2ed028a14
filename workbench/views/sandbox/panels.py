"""The sandbox's panels: start, mutation, history, pictures; each shows what it is given and calls back for buttons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets as ipw
import numpy as np

from workbench.datasets import Dataset
from workbench.formats import percent
from workbench.genome import Genome
from workbench.mutations import KINDS, MutationRates, apply
from workbench.settings import settings_of
from workbench.spaces import NeuronSpace
from workbench.spatial import SpatialLaw
from workbench.views.base.controls import put, setting_control
from workbench.views.base.source import Selection
from workbench.views.base.view import button, classed
from workbench.views.inspect.card import mutation_in_words
from workbench.views.network.data import counterpart
from workbench.views.network.widget import DagView, SpatialView
from workbench.views.sandbox.data import History, Step

MOST_SEED = 2**31 - 1

SELECTED = "selected"
FRESH = {"random": "random", "dense": "dense layers", "local": "local windows", "convolution": "convolution-shaped"}
"""Shares of `InitialConfig`, in words."""

BEFORE, AFTER, DIFFERENCE = "before", "after", "difference"


def number(text: str, name: str, help: str, high: int = MOST_SEED) -> Any:
    """A field for a whole number from 0 to `high`, with the class `wb-NAME`."""
    return classed(ipw.BoundedIntText(min=0, max=high, description=text, tooltip=help), f"wb-{name}", "wb-short")


def row(*children: Any) -> Any:
    """Controls beside each other, wrapping."""
    return classed(ipw.HBox(children), "wb-buttons")


class StartPanel(ipw.VBox):
    """Choice of a genome to work on: `kind` is `SELECTED` (if there is a run), or a key of `FRESH`."""

    def __init__(self, space: NeuronSpace, has_run: bool, begin: Callable[[], None]) -> None:
        self._space, self._has_run = space, has_run
        self.kind = classed(ipw.Dropdown(options=self._options(None), description="begin with"), "wb-start-kind")
        self.seed = number("seed", "start-seed", "Of a fresh genome")
        self.begin = button("Begin", "wb-begin", "Work on this network; the history begins anew", begin, "play")
        super().__init__([row(self.kind, self.seed, self.begin)])
        self.seed.disabled = has_run
        self.kind.observe(self._disable_seed, "value")

    def _options(self, individual: int | None) -> list[tuple[str, str]]:
        fresh = [(f"fresh: {text}", name) for name, text in FRESH.items()]
        which = "none is selected" if individual is None else f"{individual:,}"
        return [(f"individual: {which}", SELECTED), *fresh] if self._has_run else fresh

    def show_selected(self, individual: int | None) -> None:
        """Name the individual that would be taken."""
        kind = self.kind.value
        self.kind.options = self._options(individual)
        self.kind.value = kind

    def _disable_seed(self, _: Any) -> None:
        self.seed.disabled = self.kind.value == SELECTED

    def fresh(self) -> Genome:
        """A genome of the chosen kind, its sizes drawn as in an initial population."""
        shares: dict[str, Any] = {kind: float(kind == self.kind.value) for kind in FRESH}
        space = replace(self._space, initial=replace(self._space.initial, **shares))
        return space.sample(0, np.random.default_rng(self.seed.value))


class MutationPanel(ipw.VBox):
    """Choice of a mutation, its sizes (controls by name of the setting, at first as in `rates`) and its seed."""

    def __init__(self, rates: MutationRates, mutate: Callable[[], None], again: Callable[[], None]) -> None:
        self._rates = rates
        options = [(kind.replace("_", " "), kind) for kind in KINDS]
        self.kind = ipw.Dropdown(options=options, description="mutation", style={"description_width": "9.4em"})
        self.kind.add_class("wb-mutation-kind")
        self.sizes: dict[str, Any] = {}
        self._settings = [setting for setting in settings_of(MutationRates) if setting.of]
        for setting in self._settings:
            self.sizes[setting.name] = control = setting_control(setting)
            put(control, getattr(rates, setting.name))
        self.seed = number("seed", "mutation-seed", "Of all random choices of the mutation")
        self.mutate = button("Mutate", "wb-mutate", "Apply the mutation to the network as it is now", mutate, "random")
        self.again = button("Draw again", "wb-draw-again", "Undo the last draw and use the next seed", again, "refresh")
        super().__init__([self.kind, *self.sizes.values(), row(self.seed, self.mutate, self.again)])
        self.kind.observe(self._show_sizes, "value")
        self._show_sizes(None)

    def _show_sizes(self, _: Any) -> None:
        for setting in self._settings:
            self.sizes[setting.name].layout.display = None if self.kind.value in setting.of else "none"

    def draw(self, genome: Genome) -> tuple[Genome, dict[str, Any]]:
        """The mutated genome (new edges without a weight yet) and its record; `MutationError` if it is impossible."""
        rates = replace(self._rates, **{name: control.value for name, control in self.sizes.items()})
        child, record = apply(self.kind.value, genome, rates, np.random.default_rng(self.seed.value))
        return child, {**record, "seed": self.seed.value}


class HistoryPanel(ipw.VBox):
    """The list of steps; a click on a step goes to it: `go` is called with its place in the history."""

    def __init__(self, go: Callable[[int], None], keep: Callable[[], None]) -> None:
        self._go, self._place, self._updating = go, 0, False
        self.steps = classed(ipw.Select(options=[], rows=6, description="steps"), "wb-steps")
        self.undo = button("Undo", "wb-undo", "One step back", lambda: go(self._place - 1), "undo")
        self.redo = button("Redo", "wb-redo", "One step forward again", lambda: go(self._place + 1), "repeat")
        self.keep = button("Keep", "wb-keep", "Show changes from this step on", keep, "check")
        super().__init__([self.steps, row(self.undo, self.redo, self.keep)])
        self.steps.observe(self._pick, "value")
        self.show(None)

    def _pick(self, change: Any) -> None:
        if not self._updating and change.new is not None and change.new != self._place:
            self._go(change.new)

    def show(self, history: History | None, *, fixed: bool = False) -> None:
        """Show a history; with `fixed`, its steps cannot be changed now."""
        steps, self._place, base = (history.steps, history.place, history.base) if history else ([], 0, 0)
        texts = [f"{number}. {step_in_words(step)}" for number, step in enumerate(steps)]
        if base < self._place:
            texts[base] += " ← before"
        self._updating = True
        self.steps.options = [(text, number) for number, text in enumerate(texts)]
        self.steps.value = self._place if steps else None
        self._updating = False
        self.steps.disabled = fixed
        self.undo.disabled = fixed or self._place == 0
        self.redo.disabled = fixed or self._place >= len(steps) - 1
        self.keep.disabled = fixed or base == self._place


def step_in_words(step: Step) -> str:
    """What a step did."""
    words = mutation_in_words(step.record)
    if step.trained:
        words += f": {len(step.trained)} epochs, validation accuracy {percent(step.accuracy)}"
    return words


class PicturesPanel(ipw.VBox):
    """The network as a graph and over the image: before, after, or what changed.

    The selected neuron (`neurons`) is the sandbox's own: other views show other networks.
    """

    def __init__(self, data: Dataset | None, law: SpatialLaw) -> None:
        self._history: History | None = None
        self.neurons = Selection()
        names = data.class_names if data is not None else ()
        self.dag = DagView(selection=self.neurons, class_names=names, height=460)
        self.spatial = SpatialView(data=data, selection=self.neurons, law=law, height=460)
        self.spatial.brush = True
        self.sight = classed(ipw.ToggleButtons(options=[BEFORE, AFTER, DIFFERENCE], value=DIFFERENCE), "wb-sight")
        super().__init__([row(ipw.Label("show"), self.sight), self.dag, self.spatial])
        self.sight.observe(lambda _: self.show(self._history), "value")

    def show(self, history: History | None) -> None:
        """Show a history's current step, the one it is compared with, or what changed between them."""
        self._history = history
        before = genome = None
        if history is not None:
            before, genome = history.before.genome, history.current.genome
            if self.sight.value == BEFORE:
                before, genome = None, before
            elif self.sight.value == AFTER or history.base == history.place:
                before = None
        shown, neuron = self.spatial.genome, self.neurons.neuron
        if neuron is not None and shown is not genome:  # the same neuron has another id in the other network
            neuron = None if shown is None or genome is None else counterpart(shown, genome, neuron)
        self.neurons.neuron = None
        for picture in (self.dag, self.spatial):
            picture.show_change(before, genome)
        self.neurons.neuron = neuron

    def close(self) -> None:
        """End it."""
        self.dag.close()
        self.spatial.close()
        super().close()
