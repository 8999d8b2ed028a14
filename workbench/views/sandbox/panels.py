"""The sandbox's panels: start, mutation, history, surgery; each shows what it is given and calls back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import ipywidgets as ipw
import numpy as np

from workbench.formats import in_words, percent
from workbench.genome import Genome
from workbench.settings import Setting
from workbench.space import DropsWeights, SearchSpace
from workbench.spaces import NeuronSpace
from workbench.surgery import connect, delete_edges, delete_neurons, edges_of, share_edges
from workbench.views.base.again import TrainAgain
from workbench.views.base.controls import put, setting_control
from workbench.views.base.markup import quiet
from workbench.views.base.view import button, classed
from workbench.views.base.words import mutation_in_words
from workbench.views.network.data import counterpart
from workbench.views.sandbox.data import History, Step, operating
from workbench.views.sandbox.pictures import PicturesPanel

MOST_SEED = 2**31 - 1

SELECTED, BARE = "selected", "bare"
SAMPLED = {"sample": "as in an initial population"}
"""Fresh networks of other spaces."""

FRESH = {"random": "random", "dense": "dense layers", "local": "local windows", "convolution": "convolution-shaped"}
"""Fresh networks of neurons: shares of `InitialConfig`, in words."""


def number(text: str, name: str, help: str, high: int = MOST_SEED) -> Any:
    """A field for a whole number from 0 to `high`, with the class `wb-NAME`."""
    return classed(ipw.BoundedIntText(min=0, max=high, description=text, tooltip=help), f"wb-{name}", "wb-short")


def controls_of(settings: Iterable[Setting], record: Any) -> dict[str, Any]:
    """Controls of declared settings by name, with the values of a record."""
    controls = {setting.name: setting_control(setting) for setting in settings}
    for name, control in controls.items():
        put(control, getattr(record, name))
    return controls


def with_values(record: Any, controls: Mapping[str, Any]) -> Any:
    """The record with the values of the controls."""
    return replace(record, **{name: control.value for name, control in controls.items()})


def row(*children: Any) -> Any:
    """Controls beside each other, wrapping."""
    return classed(ipw.HBox(children), "wb-buttons")


class StartPanel(ipw.VBox):
    """Choice of a genome to work on: `kind` is `SELECTED` or `BARE` (if there is a run), or a key of `kinds`.

    `kinds` are those of fresh genomes; `again` brings weights back that were not kept, None without a run.
    """

    def __init__(self, space: SearchSpace, again: TrainAgain | None, begin: Callable[[], None]) -> None:
        self._space, self.again = space, again
        self.kinds = FRESH if isinstance(space, NeuronSpace) else SAMPLED
        self.kind = classed(ipw.Dropdown(options=self._options(None), description="begin with"), "wb-start-kind")
        self.seed = number("seed", "start-seed", "Of a fresh genome")
        self.begin = button("Begin", "wb-begin", "Work on this network; the history begins anew", begin, "play")
        choice = row(self.kind, self.seed, self.begin)
        super().__init__([choice] if again is None else [choice, again])
        self.seed.disabled = again is not None
        self.kind.observe(lambda change: setattr(self.seed, "disabled", change.new not in self.kinds), "value")

    def _options(self, individual: int | None) -> list[tuple[str, str]]:
        fresh = [(f"fresh: {text}", name) for name, text in self.kinds.items()]
        if self.again is None:
            return fresh
        which = "none is selected" if individual is None else f"{individual:,}"
        selected = [(f"individual: {which}", SELECTED)]
        if isinstance(self._space, DropsWeights):
            selected.append((f"individual: {which}, with new weights", BARE))
        return [*selected, *fresh]

    def show_selected(self, individual: int | None) -> None:
        """Name the individual that would be taken."""
        kind = self.kind.value
        self.kind.options = self._options(individual)
        self.kind.value = kind

    def fresh(self) -> Any:
        """A genome of the chosen kind, its sizes drawn as in an initial population."""
        space = self._space
        if isinstance(space, NeuronSpace):
            shares: dict[str, Any] = {kind: float(kind == self.kind.value) for kind in FRESH}
            space = replace(space, initial=replace(space.initial, **shares))
        return space.sample(0, np.random.default_rng(self.seed.value))


class MutationPanel(ipw.VBox):
    """Choice of a mutation, its settings (controls by name, at first as in `rates`) and its seed."""

    def __init__(self, space: SearchSpace, rates: Any, mutate: Callable[[], None], again: Callable[[], None]) -> None:
        self._space, self._rates = space, rates
        options = [(in_words(kind), kind) for kind in space.mutation_kinds]
        kind = ipw.Dropdown(options=options, description="mutation", style={"description_width": "9.4em"})
        self.kind = classed(kind, "wb-mutation-kind")
        self._settings = [setting for setting in space.settings if setting.name not in space.mutation_kinds]
        self.sizes = controls_of(self._settings, rates)
        self.seed = number("seed", "mutation-seed", "Of all random choices of the mutation")
        self.mutate = button("Mutate", "wb-mutate", "Apply the mutation to the network as it is now", mutate, "random")
        self.again = button("Draw again", "wb-draw-again", "Undo the last draw and use the next seed", again, "refresh")
        super().__init__([self.kind, *self.sizes.values(), row(self.seed, self.mutate, self.again)])
        self.kind.observe(self._show_sizes, "value")
        self._show_sizes(None)

    def _show_sizes(self, _: Any) -> None:
        """Show the settings of the chosen mutation, and those that belong to none in particular."""
        for setting in self._settings:
            shown = not setting.of or self.kind.value in setting.of
            self.sizes[setting.name].layout.display = None if shown else "none"

    def draw(self, genome: Any) -> tuple[Any, dict[str, Any]]:
        """The mutated genome (what is new has no weights yet) and its record; `MutationError` if it is impossible."""
        rates = with_values(self._rates, self.sizes)
        rng = np.random.default_rng(self.seed.value)
        child, record = operating(self._space).apply(self.kind.value, genome, rates, rng)
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


WITHIN, INTO, OUT_OF, ALL = "within the region", "into its neurons", "out of its neurons", "into or out of them"

Surgery = Callable[[Genome], tuple[Genome, dict[str, Any]]]


class SurgeryPanel(ipw.VBox):
    """Buttons that operate on the selected neuron, between the two selected last, and on a brushed region.

    `operate` is called with what is to be done; `size` (rows, columns) is that of the image in pixels.
    """

    def __init__(self, pictures: PicturesPanel, operate: Callable[[Surgery], None], size: tuple[int, int]) -> None:
        self._spatial, self._selection = spatial, selection = pictures.spatial, pictures.selection
        self._updating = False
        self._genome: Genome | None = None

        def does(text: str, name: str, icon: str, help: str, surgery: Surgery) -> Any:
            return button(text, f"wb-{name}", help, lambda: operate(surgery), icon)

        help = "Delete the selected neuron"
        self.delete = does(
            "Delete neuron",
            "delete-neuron",
            "trash",
            help,
            lambda now: delete_neurons(now, filter(None, [selection.part])),
        )
        self.source = number("from", "connect-from", "Neuron at the edge's start", 0)
        self.target = number("to", "connect-to", "Neuron at the edge's end", 0)
        help = "Add an edge between these two neurons"
        self.connect = does(
            "Connect", "connect", "link", help, lambda now: connect(now, self.source.value, self.target.value)
        )
        self.rows, self.columns = self._side("rows", size[0]), self._side("columns", size[1])
        self.found = ipw.HTML()
        self.which = ipw.Dropdown(options=[WITHIN, INTO, OUT_OF, ALL], description="edges")
        help = "Delete the region's hidden neurons"
        self.cut_neurons = does(
            "Delete neurons",
            "cut-neurons",
            "trash",
            help,
            lambda now: delete_neurons(now, spatial.brushed_neurons()),
        )
        self.cut_edges = does(
            "Delete edges", "cut-edges", "cut", "Delete these edges", lambda now: delete_edges(now, self._edges())
        )
        help = "One weight for edges of equal offset"
        self.share = does("Share weights", "share", "clone", help, lambda now: share_edges(now, self._edges()))
        self.clear = button("Clear", "wb-clear-region", "Choose no region", self._clear, "times")
        of_region = row(self.cut_neurons, self.cut_edges, self.share, self.clear)
        of_two = row(self.source, self.target, self.connect)
        super().__init__([row(self.delete), of_two, self.rows, self.columns, self.found, row(self.which), of_region])
        selection.observe(self._follow_neuron, "part")
        spatial.observe(self._follow_region, ["region", "scene", "layer"])
        self.which.observe(self._follow_region, "value")
        self._follow_region(None)

    def _side(self, name: str, length: int) -> Any:
        made = ipw.FloatRangeSlider(
            value=(-0.5, length - 0.5),
            min=-0.5,
            max=length - 0.5,
            step=0.1,
            description=name,
            readout_format=".1f",
            tooltip=f"{name} of the region, pixels",
            continuous_update=False,
            style={"description_width": "4.5em"},
        )
        made.observe(self._take_sides, "value")
        return made

    def _clear(self) -> None:
        self._spatial.region = {}

    # ------------------------------------------------------------------ what is selected
    def _follow_neuron(self, change: Any) -> None:
        genome = self._spatial.genome
        is_there = genome is not None and change.new is not None and change.new < genome.n_neurons
        if is_there and change.new != self.target.value:  # a difference also shows neurons that are gone
            self.source.value, self.target.value = self.target.value, change.new
        self._show_neuron()

    def _show_neuron(self) -> None:
        genome, neuron = self._spatial.genome, self._selection.part
        hidden = False
        if genome is not None and neuron is not None:
            hidden = genome.n_inputs + genome.n_outputs <= neuron < genome.n_neurons
        self.delete.description = f"Delete neuron {neuron}" if hidden else "Delete neuron"
        self.delete.disabled = not hidden

    def _take_sides(self, _: Any) -> None:
        if not self._updating:
            (top, bottom), (left, right) = self.rows.value, self.columns.value
            self._spatial.region = {"top": top, "left": left, "bottom": bottom, "right": right}

    def _follow_region(self, _: Any) -> None:
        """Show what the region holds; called whenever it, the network or the layer shown changes."""
        spatial = self._spatial
        region = spatial.region
        self._updating = True
        self.rows.value = (region["top"], region["bottom"]) if region else (self.rows.min, self.rows.max)
        self.columns.value = (region["left"], region["right"]) if region else (self.columns.min, self.columns.max)
        self._updating = False
        self._follow_genome(spatial.genome)
        neurons, edges = spatial.brushed_neurons(), self._edges()
        self.cut_neurons.disabled = len(neurons) == 0
        self.cut_edges.disabled = self.share.disabled = len(edges) == 0
        self.clear.disabled = not region
        layer = "all layers" if spatial.layer < 0 else f"layer {spatial.layer}"
        text = "No region: drag with Shift over the image, or move these sliders."
        if region:
            text = f"{len(neurons):,} hidden neurons of {layer} in the region, {len(edges):,} edges {self.which.value}."
        self.found.value = quiet(text)
        self._show_neuron()

    def _follow_genome(self, genome: Genome | None) -> None:
        """Keep the two neurons to connect when the network is changed: their ids may be others."""
        if genome is self._genome:
            return
        for field in (self.source, self.target):
            same = None if genome is None or self._genome is None else counterpart(self._genome, genome, field.value)
            field.value, field.max = 0, 0 if genome is None else genome.n_neurons - 1
            field.value = same or 0
        self._genome = genome

    def _edges(self) -> np.ndarray:
        """The edges that `which` means, int64."""
        genome, region, neurons = self._spatial.genome, self._spatial.brushed(), self._spatial.brushed_neurons()
        if genome is None or region is None or len(neurons) == 0:
            return np.zeros(0, np.int64)
        if self.which.value == WITHIN:
            return region.edges(genome, neurons)
        return edges_of(genome, neurons, into=self.which.value != OUT_OF, out_of=self.which.value != INTO)
