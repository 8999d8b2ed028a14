"""All of the sandbox in one widget: begin, mutate, operate, compare, train, insert."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as ipw
import numpy as np

from workbench.datasets import Dataset
from workbench.errors import ConfigError, WorkbenchError
from workbench.genome import Genome
from workbench.individuals import TrainResult
from workbench.initial import initialise
from workbench.mutations import KINDS
from workbench.search import Search
from workbench.store import Run
from workbench.views.base.markup import escape
from workbench.views.base.selection import Selection
from workbench.views.base.source import Source
from workbench.views.base.view import panel, style_sheet
from workbench.views.network.data import GenomeDifference, genome_difference
from workbench.views.sandbox.background import Background
from workbench.views.sandbox.changes_panel import ChangesPanel
from workbench.views.sandbox.controls import sandbox_style
from workbench.views.sandbox.history import TRAIN, History, Step
from workbench.views.sandbox.history_panel import HistoryPanel
from workbench.views.sandbox.mutation_panel import MutationPanel
from workbench.views.sandbox.pictures_panel import PicturesPanel
from workbench.views.sandbox.setting import Measures, Setting
from workbench.views.sandbox.start_panel import SELECTED, StartPanel
from workbench.views.sandbox.surgery_panel import Surgery, SurgeryPanel
from workbench.views.sandbox.training_panel import TrainingPanel


class Sandbox(ipw.VBox):
    """Change a network by hand, see in pictures and numbers what changed, train it, put it into the search.

        sandbox = Sandbox(data, genome)
        sandbox.mutations.kind.value = "add_edges"
        sandbox.mutate()               # what the button does
        sandbox.operate(lambda genome: surgery.delete_neurons(genome, 900))
        sandbox.undo()
        sandbox.train()                # in a thread; sandbox.wait() waits for it
        sandbox.genome, sandbox.difference.counts

    Args:
        data: on which accuracy is measured and networks are trained; None = neither.
        genome: to begin with; None = the selected individual, if there is one.
        search: a `Search` to put networks into, or a `Run` to take them from.
        selection: which individual can be taken, shared with other views.

    Attributes:
        history: the steps done and undone; None before it has begun.
        start, mutations, surgery, steps, changes, training, pictures: the panels.
    """

    def __init__(
        self,
        data: Dataset | None,
        genome: Genome | None = None,
        search: Search | Run | Source | None = None,
        selection: Selection | None = None,
    ) -> None:
        super().__init__()
        self.source = None if search is None else Source(search)
        self.data, self.selection = data, selection if selection is not None else Selection()
        self.history: History | None = None
        self._setting = Setting.of(data, genome, self.source)
        space, rates = self._setting.space, self._setting.rates
        self._background = Background(self._live)
        self._measures = Measures(space, data, self._background)
        self.pictures = PicturesPanel(data, rates.law)
        self.start = StartPanel(space, self.source is not None, self.begin)
        self.mutations = MutationPanel(space, rates, self.mutate, self.draw_again)
        self.surgery = SurgeryPanel(self.pictures.spatial, self.pictures.neurons, self.operate, space.input_shape[1:])
        can_insert = self.source is not None and self.source.search is not None
        insert = self.insert if can_insert else None
        self.training = TrainingPanel(space, data, self._setting.train, self._background, self.train, insert)
        self.steps = HistoryPanel(self.go, self.keep)
        self.changes, self._note = ChangesPanel(), ipw.HTML()
        self.add_class("wb-sandbox")
        self.add_class("wb-view")
        self.children = (style_sheet(), sandbox_style(), self._note, self._grid())
        self.selection.observe(self._name_selected, "individual")
        self._name_selected(None)
        self._begin_with(genome)

    def _grid(self) -> Any:
        parts = [
            panel("Network to work on", self.start),
            panel("Mutation", self.mutations),
            panel("Surgery by hand", self.surgery),
            panel("History", self.steps),
            panel("What changed", self.changes),
            panel("Training", self.training),
            panel("Pictures", self.pictures),
        ]
        names = ("start", "mutation", "surgery", "history", "changes", "training", "pictures")
        for part, name in zip(parts, names, strict=True):
            part.add_class(f"wb-sandbox-{name}")
        grid = ipw.Box(parts)
        grid.add_class("wb-sandbox-grid")
        return grid

    # ------------------------------------------------------------------ what it is
    @property
    def genome(self) -> Genome | None:
        """The network as it is now."""
        return self.history.current.genome if self.history else None

    @property
    def difference(self) -> GenomeDifference | None:
        """What changed since the step that was kept last."""
        if self.history is None:
            return None
        return genome_difference(self.history.before.genome, self.history.current.genome)

    # ------------------------------------------------------------------ what a person does
    def begin(self) -> None:
        """Work on the chosen network; the history begins anew."""
        kind = self.start.kind.value
        if kind == SELECTED:
            self._do(self._take_selected)
        else:
            self._do(
                lambda: self._begin(self.start.fresh(), {"kind": f"fresh genome, {kind}", "seed": self._start_seed})
            )

    @property
    def _start_seed(self) -> int:
        return int(self.start.seed.value)

    def mutate(self) -> None:
        """Apply the chosen mutation to the network as it is."""
        self.operate(self.mutations.draw)

    def draw_again(self) -> None:
        """Take the last step back if it was a draw, and draw with the next seed."""
        if self.history is None or not self._was_drawn or self._is_fixed():
            return
        self.undo()
        self.mutations.seed.value += 1
        self.mutate()

    @property
    def _was_drawn(self) -> bool:
        """Whether the last step was a draw by a mutation."""
        return bool(self.history and self.history.done and self.history.current.record["kind"] in KINDS)

    def operate(self, surgery: Surgery) -> None:
        """Apply `genome -> (genome, record)` to the network as it is, as one step of the history."""

        def work() -> None:
            if self.history is None:
                raise ConfigError("there is no network to change yet: press Begin")
            if self.pictures.dag.genome is not self.history.current.genome:
                raise ConfigError("the pictures show the network as it was before: choose “after” or “difference”")
            child, record = surgery(self.history.current.genome)
            self._measure(self.history.do(self._with_weights(child), record))

        self._do(work)

    def undo(self) -> None:
        """One step back."""
        self._move(History.undo)

    def redo(self) -> None:
        """One step forward again."""
        self._move(History.redo)

    def go(self, place: int) -> None:
        """To the step at this place of the history."""
        self._move(lambda history: history.go(place))

    def keep(self) -> None:
        """Accept the network as it is: what changes is shown from here on."""
        self._move(History.keep)

    def train(self) -> None:
        """Train the network as it is, in a thread; the trained one is a step of the history."""
        if self.history is None or self._is_fixed():
            return
        step = self.history.current
        self.training.begin(step.genome, self._seed, self._measures.of(step), self._take_trained)
        self._show()

    def insert(self) -> None:
        """Put the network as it is into the population of the search; the selection goes to it."""
        search = self.source.search if self.source is not None else None
        if search is None or self.history is None or self._is_fixed():
            return
        genome, record, history = self.history.current.genome, self.history.record(), self.history.trained()
        parent = self.history.parent
        self.training.say("Putting it into the population …")
        self._background.start(
            lambda: search.insert(genome, parent=parent, record=record, history=history),
            self._take_inserted,
            lambda error: self.training.fail(str(error)),
        )

    def wait(self) -> None:
        """Wait until threads have done what is asked of them; for scripts, as it blocks."""
        self._background.wait()

    # ------------------------------------------------------------------ steps
    def _begin_with(self, genome: Genome | None) -> None:
        if genome is not None:
            self._do(lambda: self._begin(genome, {"kind": "given"}))
        elif self.source is not None and self.selection.individual is not None:
            self._do(self._take_selected)
        else:
            self._show()

    def _begin(self, genome: Genome, record: Mapping[str, Any], parent: int | None = None) -> None:
        self.history = History(self._with_weights(genome), record, parent)
        self._measure(self.history.current)

    def _take_selected(self) -> None:
        individual = self.selection.individual
        if individual is None or self.source is None:
            raise ConfigError("no individual is selected: click a point of the front, or begin with a fresh genome")
        genome = self.source.neuron_genome(individual)
        if genome is None:
            raise ConfigError("only networks of single neurons can be changed here")
        lost = " (its weights were not kept: new ones)" if np.isnan(genome.weights).any() else ""
        self._begin(genome, {"kind": f"individual {individual}{lost}"}, individual)

    @property
    def _seed(self) -> int:
        return int(self.mutations.seed.value)

    def _with_weights(self, genome: Genome) -> Genome:
        """Edges without a weight get a small one, as training would give them."""
        return initialise(genome, np.random.default_rng([self._seed, 1]), self._setting.train.new_edge_scale)

    def _take_trained(self, result: TrainResult | None) -> None:
        if self.history is not None and result is not None:
            step = self.history.do(result.genome, {"kind": TRAIN}, result.history)
            self._measures.put(step, result.val_accuracy)
        self._show()

    def _take_inserted(self, id: int) -> None:
        self.training.say(f"It is individual {id:,} of the search, by hand; it is ranked with the next generation.")
        self.selection.individual = id

    def _measure(self, step: Step) -> None:
        self._measures.measure(
            step, self._show_changes, lambda error: self._complain(f"Its accuracy could not be measured: {error}")
        )

    # ------------------------------------------------------------------ showing
    def _is_fixed(self) -> bool:
        """Whether nothing may change now; says so."""
        if self.training.is_training:
            self._complain("The network is being trained: wait, or press Stop, before you change it.")
        return self.training.is_training

    def _do(self, action: Callable[[], Any]) -> None:
        """Do something, show what came of it; an error of the person's is told in the widget."""
        if self._is_fixed():
            return
        self._note.value = ""
        try:
            action()
        except WorkbenchError as error:
            self._complain(str(error))
        self._show()

    def _move(self, move: Callable[[History], None]) -> None:
        """Go along the history, if there is one."""
        history = self.history
        if history is not None:
            self._do(lambda: move(history))

    def _complain(self, text: str) -> None:
        self._note.value = f'<div role="alert" class="wb-alert">{escape(text)}</div>'

    def _live(self) -> None:
        """Called a few times a second while threads work."""
        self.training.draw()

    def _show(self) -> None:
        fixed = self.training.is_training
        self.steps.show(self.history, fixed=fixed)
        self.training.enable(self.history is not None)
        self.mutations.mutate.disabled = fixed or self.history is None
        self.mutations.again.disabled = fixed or not self._was_drawn
        self._show_changes()
        self.pictures.show(self.history)

    def _show_changes(self) -> None:
        self.changes.show(self.history, self._measures)

    def _name_selected(self, _: Any) -> None:
        self.start.show_selected(self.selection.individual)

    def close(self) -> None:
        """End it; a training in progress ends after its epoch."""
        self.training.stop()
        with contextlib.suppress(ValueError):  # it may be closed already
            self.selection.unobserve(self._name_selected, "individual")
        for view in (self.surgery, self.pictures):
            view.close()
        super().close()
