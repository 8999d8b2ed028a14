"""All views of one search on one page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import ipywidgets as ipw

from workbench.datasets import Dataset
from workbench.errors import WorkbenchError
from workbench.search import Search, Snapshot
from workbench.store import Run
from workbench.views.base.markup import escape, quiet
from workbench.views.base.source import Selection, Source, source_of
from workbench.views.base.view import View, classed, panel, style_sheet
from workbench.views.compare.widget import CompareView
from workbench.views.front.widget import FrontView
from workbench.views.inspect.card import IndividualCard
from workbench.views.inspect.widget import InspectView
from workbench.views.lineage.widget import LineageView
from workbench.views.mutations.widget import MutationStatistics
from workbench.views.run.widget import LogView, RunControl
from workbench.views.sandbox.widget import sandbox_of
from workbench.views.steering.widget import Steering


class Dashboard(View):
    """Run control, live front, the selected network, steering and log, and tabs that help to understand.

    A click anywhere selects everywhere. Any number of dashboards may look at one search. Closing the page does not stop
    the search.

    Args:
        watched: a `Search`, or a run from `open_run` to read.
        others: fronts of other runs to lay over the front, by name.
        data: the data set that a stored run was made with, if it cannot be found: it was made from arrays, or lies
            elsewhere than in $WORKBENCH_DATA, "data", or above the run file.

    Attributes:
        selection: which individual and neuron are looked at; may be set.
        run_control, front, card, steering, history, understand: the views.
        dag, spatial: the network as a graph, and over the image; None if the space is not one of neurons.
    """

    def __init__(
        self, watched: Search | Run | Source, others: Mapping[str, Run] | None = None, data: Dataset | None = None
    ) -> None:
        self._others = others
        super().__init__(source_of(watched, data))

    def _build(self) -> None:
        source, selection = self.source, self.selection
        self.dag, self.spatial = _network_views(source, selection)
        self.run_control = RunControl(source, selection)
        self.front = FrontView(source, selection, self._others)
        self.card = IndividualCard(source, selection)
        self.steering = Steering(source, selection)
        self.history = LogView(source, selection)
        self.understand = Understand(source, selection)
        self._network_note = ipw.HTML()
        self.add_class("wb-dashboard")
        title = f"{escape(source.dataset)} · {escape(source.path.name)} · space of {escape(source.space.name)}"
        head = ipw.HTML(f'<h2 class="wb-heading">{title}</h2>')
        self.grid = classed(ipw.Box(self._panels()), "wb-grid")
        self.children = (style_sheet(), head, self.grid)
        self._on_selection(self._open)

    def _panels(self) -> list[ipw.Widget]:
        accuracy, *costs = (objective.label for objective in self.source.run.objectives)
        title = f"{accuracy.capitalize()} against {' and '.join(costs)}, and hypervolume"
        parts = [
            panel("Run", self.run_control, name="wb-area-run"),
            panel(title, self.front, name="wb-area-front"),
            classed(self.card, "wb-area-card"),
        ]
        if self.dag is not None:
            parts.append(panel("Graph of neurons", self._network_note, self.dag, name="wb-area-dag"))
            parts.append(panel("Neurons over the image", self.spatial, name="wb-area-spatial"))
        understand = panel("Understand", self.understand, name="wb-area-understand")
        return [*parts, classed(self.steering, "wb-area-steering"), understand, classed(self.history, "wb-area-log")]

    def _open(self, change: Any) -> None:
        """Show the network of the selected individual."""
        if self.dag is None:
            return
        note, genome = "", None
        try:
            genome = None if change.new is None else self.source.neuron_genome(change.new)
        except WorkbenchError:
            note = "Its network was not kept: it failed, or it was dropped to save space."
        self._network_note.value = quiet(note)
        self.dag.genome = self.spatial.genome = genome

    def show(self, snapshot: Snapshot) -> None:
        """Keep the spatial law of the settings that hold; all else is shown by the views."""
        if self.spatial is not None:
            self.spatial.law = self.source.settings.rates.law

    def close(self) -> None:
        """End all views, on the page and in the kernel; the search goes on."""
        for name in ("run_control", "front", "card", "steering", "history", "understand", "dag", "spatial"):
            if getattr(self, name, None) is not None:
                getattr(self, name).close()
        super().close()


def _network_views(source: Source, selection: Selection) -> tuple[Any, Any]:
    """The two canvas views, if the space is one of neurons."""
    from workbench.spaces import NeuronSpace

    if source.space.name != NeuronSpace.name:
        return None, None
    from workbench.views.network.widget import DagView, SpatialView

    data = source.data
    names = data.class_names if data is not None else ()
    law = source.settings.rates.law
    return DagView(selection=selection, class_names=names), SpatialView(data=data, selection=selection, law=law)


class Part(NamedTuple):
    """A tab: its title, the question that it answers, and what makes its view."""

    title: str
    question: str
    make: Callable[[Source, Selection], ipw.Widget]


PARTS = (
    Part("Lineage", "Where did a network come from? Walk along its ancestors, play its growth, save it.", LineageView),
    Part(
        "Mutations",
        "Which mutations pay? Their effect on accuracy and FLOPs, with intervals; rates that adapt.",
        MutationStatistics,
    ),
    Part(
        "Inspect",
        "What does a network do? Training, confusion, its mistakes with the evidence, distributions; export.",
        InspectView,
    ),
    Part(
        "Compare",
        "Is one way of searching better than another? Several runs at equal cost, with a rank test.",
        lambda source, selection: CompareView([source.path]),
    ),
    Part(
        "Sandbox",
        "What if? Change a network by hand, see what changed, train it, insert it into the population.",
        sandbox_of,
    ),
)


class Understand(ipw.VBox):
    """Tabs, after one that says what the others are; views are made when first opened, so that a dashboard stays quick.

    A view that is not in front rests: it has a method `wake(awake)` if it would cost anything otherwise.
    """

    def __init__(self, source: Source, selection: Selection) -> None:
        super().__init__()
        self._source, self._selection = source, selection
        self.views: dict[str, Any] = {}  # those that were made, by title
        guide = "".join(f"<li><b>{part.title}</b> {part.question}</li>" for part in PARTS)
        places = [ipw.VBox([ipw.HTML('<p class="wb-quiet">Being prepared …</p>')]) for _ in PARTS]
        self.tabs = ipw.Tab(
            [ipw.HTML(f'<ul class="wb-guide">{guide}</ul>'), *places],
            titles=["Guide", *(part.title for part in PARTS)],
            selected_index=0,
        )
        self.tabs.observe(self._open, "selected_index")
        self.add_class("wb-understand")
        self.children = (self.tabs,)

    def _open(self, change: Any) -> None:
        """Make the view of the tab that was opened; wake it, and let the others rest."""
        part = PARTS[change.new - 1] if change.new else None
        if part is not None and part.title not in self.views:
            self.views[part.title] = part.make(self._source, self._selection)
            self.tabs.children[change.new].children = (self.views[part.title],)
        for title, view in self.views.items():
            if hasattr(view, "wake"):
                view.wake(part is not None and title == part.title)

    def show_tab(self, title: str) -> Any:
        """Open a tab by its title; returns its view."""
        self.tabs.selected_index = 1 + [part.title for part in PARTS].index(title)
        return self.views[title]

    def close(self) -> None:
        """End all views."""
        for view in getattr(self, "views", {}).values():
            view.close()
        super().close()
