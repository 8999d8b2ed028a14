"""Why the front moved: lineage, mutations, one network from inside, several runs; each made when it is first opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import ipywidgets as ipw

from workbench.views.base.source import Selection, Source
from workbench.views.compare.widget import CompareView
from workbench.views.inspect.widget import InspectView
from workbench.views.lineage.widget import LineageView
from workbench.views.mutations.widget import MutationStatistics
from workbench.views.sandbox.widget import sandbox_of


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
    """Tabs whose views are made when a tab is first opened, so that a live dashboard stays quick.

    A view that is not in front rests: it has a method `wake(awake)` if it would cost anything otherwise.

    Args:
        source: the search or run.
        selection: shared by all views.

    Attributes:
        tabs: the tabs, the first of which only says what the others are.
        views: those that were made, by title.
    """

    def __init__(self, source: Source, selection: Selection) -> None:
        super().__init__()
        self._source, self._selection = source, selection
        self.views: dict[str, Any] = {}
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
