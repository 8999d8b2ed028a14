"""The sandbox: start from a network, mutate it, operate on it, compare, train, insert it into the search."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import ipywidgets as ipw

from workbench.datasets import Dataset
from workbench.errors import ConfigError, WorkbenchError
from workbench.individuals import TrainResult
from workbench.search import Search
from workbench.space import Operates, SearchSpace
from workbench.spaces import NeuronSpace
from workbench.store import Run
from workbench.views.base.again import TrainAgain
from workbench.views.base.background import Background
from workbench.views.base.markup import alert, quiet
from workbench.views.base.source import Selection, Source, source_of
from workbench.views.base.view import classed, panel, style_sheet
from workbench.views.network.data import GenomeDifference, genome_difference
from workbench.views.sandbox import panels
from workbench.views.sandbox.data import TRAIN, History, Step, changes_html, check_genome, defaults_for, first_weights
from workbench.views.sandbox.pictures import PicturesPanel
from workbench.views.sandbox.training import TrainingPanel, measured


def sandbox_of(source: Source, selection: Selection) -> ipw.Widget:
    """The sandbox of a search or run; a line of text if the space does not apply mutations by name."""
    if not isinstance(source.space, Operates):
        return ipw.HTML(quiet(f"The space {source.space.name!r} does not apply mutations by name."))
    return Sandbox(None, search=source, selection=selection)


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
        data: on which accuracy is measured and networks are trained; None = those of the search, or neither.
        genome: to begin with; None = the selected individual, if there is one.
        search: a `Search` to put networks into, or a `Run` to take them from.
        selection: which individual can be taken, shared with other views.
        space: what is changed; None = the space of the search, else networks of neurons.

    Attributes:
        history: the steps done and undone; None before it has begun.
        start, mutations, surgery, steps, training, pictures: the panels; `surgery` is None unless it is networks of
            neurons that are changed.
        changes: a table of what changed.
        message: the last error.
    """

    def __init__(
        self,
        data: Dataset | None,
        genome: Any = None,
        search: Search | Run | Source | None = None,
        selection: Selection | None = None,
        space: SearchSpace | None = None,
    ) -> None:
        super().__init__()
        self.source = None if search is None else source_of(search)
        if data is None and self.source is not None:
            data = self.source.data
        self.data, self.selection = data, selection if selection is not None else Selection()
        self.history: History | None = None
        self._space, rates, self._config = defaults_for(data, genome, self.source, space)
        self.pictures = PicturesPanel(self._space, data, rates)
        self._background = Background(lambda: self.training.draw())
        again = None if self.source is None else TrainAgain(self.source, self.selection)
        self.start = panels.StartPanel(self._space, again, self.begin)
        self.mutations = panels.MutationPanel(self._space, rates, self.mutate, self.draw_again)
        self.surgery = None
        if isinstance(self._space, NeuronSpace):
            self.surgery = panels.SurgeryPanel(self.pictures, self.operate, self._space.input_shape[1:])
        insert = self.insert if self.source is not None and self.source.search is not None else None
        missing = {} if self.source is None else {"missing": self.source.missing_data}
        self.training = TrainingPanel(self._space, data, self._config, self._background, self.train, insert, **missing)
        self.steps = panels.HistoryPanel(self.go, self.keep)
        self.changes, self.message = ipw.HTML(), ipw.HTML()
        classed(self, "wb-sandbox", "wb-view", "wb-no-surgery" * (self.surgery is None))
        self.children = (style_sheet(), style_sheet("sandbox/sandbox.css"), self.message, self._grid())
        self.selection.observe(self._name_selected, "individual")
        self._name_selected(None)
        if genome is not None:
            check_genome(self._space, genome)
            self._do(lambda: self._begin(genome, {"kind": "given"}))
        elif self.source is not None and self.selection.individual is not None:
            self._do(self._take_selected)
        else:
            self._show()

    def _grid(self) -> Any:
        parts = {
            "start": ("Network to work on", self.start),
            "mutation": ("Mutation", self.mutations),
            "surgery": ("Surgery by hand", self.surgery),
            "history": ("History", self.steps),
            "changes": ("What changed", self.changes),
            "training": ("Training", self.training),
            "pictures": ("Pictures", self.pictures),
        }
        framed = [
            panel(title, child, name=f"wb-sandbox-{name}")
            for name, (title, child) in parts.items()
            if child is not None
        ]
        return classed(ipw.Box(framed), "wb-sandbox-grid")

    # ------------------------------------------------------------------ what it is
    @property
    def genome(self) -> Any:
        """The network as it is now; None before it has begun."""
        return self.history.current.genome if self.history else None

    @property
    def difference(self) -> GenomeDifference | None:
        """What changed since the step that was kept last; None unless networks are of neurons."""
        if self.history is None or self.surgery is None:
            return None
        return genome_difference(self.history.before.genome, self.history.current.genome)

    # ------------------------------------------------------------------ what a person does
    def begin(self) -> None:
        """Work on the chosen network; the history begins anew."""
        kind, seed = self.start.kind.value, self.start.seed.value
        if kind in (panels.SELECTED, panels.BARE):
            self._do(self._take_selected)
        else:
            self._do(lambda: self._begin(self.start.fresh(), {"kind": f"fresh genome, {kind}", "seed": seed}))

    def mutate(self) -> None:
        """Apply the chosen mutation to the network as it is."""
        self.operate(self.mutations.draw)

    def draw_again(self) -> None:
        """Undo the last step if it was a draw, and draw with the next seed."""
        if self._was_drawn and not self._is_fixed():
            self.undo()
            self.mutations.seed.value += 1
            self.mutate()

    def operate(self, surgery: Callable[[Any], tuple[Any, Mapping[str, Any]]]) -> None:
        """Apply `genome -> (genome, record)` to the network as it is, as one step of the history."""

        def work() -> None:
            if self.history is None:
                raise ConfigError("there is no network to change yet: press Begin")
            if self.pictures.genome is not self.history.current.genome:
                raise ConfigError("the pictures show the network as it was before: choose “after” or “difference”")
            child, record = surgery(self.history.current.genome)
            self.history.do(Step(first_weights(child, self._seed, self._config), record))
            self._measure(self.history.current)

        self._do(work)

    def undo(self) -> None:
        """One step back; at the start nothing happens."""
        if self.history is not None:
            self.go(max(self.history.place - 1, 0))

    def redo(self) -> None:
        """One step forward again; at the end nothing happens."""
        if self.history is not None:
            self.go(min(self.history.place + 1, len(self.history.steps) - 1))

    def go(self, place: int) -> None:
        """To the step at this place of the history."""
        if (history := self.history) is not None:
            self._do(lambda: history.go(place))

    def keep(self) -> None:
        """Accept the network as it is: changes are shown from here on."""
        if self.history is not None:
            self._do(self.history.keep)

    def train(self) -> None:
        """Train the network as it is, in a thread; the trained one is a step of the history."""
        if self.history is not None and not self._is_fixed():
            step = self.history.current
            self.training.begin(step.genome, self.mutations.seed.value, step.accuracy, self._take_trained)
            self._show()

    def insert(self) -> None:
        """Put the network as it is into the population of the search; the selection goes to it."""
        search = self.source.search if self.source is not None else None
        if search is None or self.history is None or self._is_fixed():
            return
        history, step, note = self.history, self.history.current, self.training.note

        def done(id: int) -> None:
            text = f"It is individual {id:,} of the search, by hand; it is ranked with the next generation."
            note.value = quiet(text)
            self.selection.individual = id

        def failed(error: Exception) -> None:
            note.value = alert(str(error))

        note.value = quiet("Putting it into the population …")
        given: dict[str, Any] = {"parent": history.parent, "record": history.record(), "history": history.trained()}
        self._background.start(lambda: search.insert(self._weighted(step)[0], **given), done, failed)

    def wait(self) -> None:
        """Block until all threads are done; for scripts."""
        self._background.wait()

    # ------------------------------------------------------------------ steps
    def _begin(self, genome: Any, record: Mapping[str, Any], parent: int | None = None) -> None:
        self.history = History(first_weights(genome, self._seed, self._config), record, parent)
        self._measure(self.history.current)

    def _take_selected(self) -> None:
        individual = self.selection.individual
        if individual is None or self.source is None:
            raise ConfigError("no individual is selected: click a point of the front, or begin with a fresh genome")
        if self.start.kind.value == panels.BARE:
            bare = self._space.without_weights(self.source.network(individual))  # type: ignore[attr-defined]
            self._begin(bare, {"kind": f"individual {individual}, new weights"}, individual)
        else:
            self._begin(self.source.trained_genome(individual), {"kind": f"individual {individual}"}, individual)

    @property
    def _was_drawn(self) -> bool:
        """Whether the last step was a draw by a mutation."""
        return bool(
            self.history and self.history.done and self.history.current.record["kind"] in self._space.mutation_kinds
        )

    @property
    def _seed(self) -> int:
        """Of all that is drawn outside of the mutation itself."""
        seed: int = self.mutations.seed.value
        return seed

    def _measure(self, step: Step) -> None:
        """Measure a step's accuracy in a thread, with first weights where it lacks some."""
        if self.data is None:
            return

        def take(found: tuple[Any, float]) -> None:
            weighted, step.accuracy = found
            if weighted is step.genome:
                self._show_changes()
            else:
                step.genome = weighted
                self._show()

        def fail(error: Exception) -> None:
            self.message.value = alert(f"Its accuracy could not be measured: {error}")

        self._background.start(partial(self._weighted, step), take, fail)

    def _weighted(self, step: Step) -> tuple[Any, float]:
        """The genome of a step with all its weights, and its accuracy."""
        assert self.data is not None
        return measured(self._space, step.genome, self.data, self._config, self._seed)

    def _take_trained(self, result: TrainResult | None) -> None:
        if self.history is not None and result is not None:
            self.history.do(Step(result.genome, {"kind": TRAIN}, result.history, result.val_accuracy))
        self._show()

    # ------------------------------------------------------------------ showing
    def _is_fixed(self) -> bool:
        """Whether nothing may change now; says so."""
        if self.training.is_training:
            self.message.value = alert("The network is being trained: wait, or press Stop, before you change it.")
        return self.training.is_training

    def _do(self, action: Callable[[], Any]) -> None:
        """Do something and show the result; errors of the person are shown in the widget."""
        if self._is_fixed():
            return
        self.message.value = ""
        try:
            action()
        except WorkbenchError as error:
            self.message.value = alert(str(error))
        self._show()

    def _show(self) -> None:
        fixed = self.training.is_training
        self.steps.show(self.history, fixed=fixed)
        self.training.enable(self.history is not None)
        self.mutations.mutate.disabled = fixed or self.history is None
        self.mutations.again.disabled = fixed or not self._was_drawn
        self._show_changes()
        self.pictures.show(self.history)

    def _show_changes(self) -> None:
        nothing = quiet("Nothing yet: choose a network and press Begin.")
        self.changes.value = changes_html(self._space, self.history) if self.history else nothing

    def _name_selected(self, _: Any) -> None:
        self.start.show_selected(self.selection.individual)

    def close(self) -> None:
        """End it; a training in progress ends after its epoch."""
        if not self.children:  # it could not be made
            super().close()
            return
        self.training.stop()
        with contextlib.suppress(ValueError):  # it may be closed already
            self.selection.unobserve(self._name_selected, "individual")
        self.pictures.close()
        if self.start.again is not None:
            self.start.again.close()
        super().close()
