"""Parts of a page whose contents are made when they are first opened: folds and tabs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import ipywidgets as ipw
import traitlets

from workbench.views.base.source import Selection, Source
from workbench.views.base.view import button, classed, close_all


class Fold(ipw.VBox):
    """A titled part that opens and closes.

    Args:
        title: on the button that opens and closes it.
        content: what is in it, or what makes it when it is first opened.
        name: CSS class.

    Attributes:
        opened: whether it is open; may be set.
        content: what is in it; None before it was first opened.
    """

    opened = traitlets.Bool(False)

    def __init__(self, title: str, content: ipw.Widget | Callable[[], ipw.Widget], name: str = "") -> None:
        super().__init__()
        self._given, self._body = content, ipw.VBox()
        self.content: Any = None
        self.head = button(title, "wb-fold-head", f"Open or close: {title}", self._toggle)
        classed(self, "wb-fold", name)
        self._body.layout.display = "none"
        self.children = (self.head, self._body)
        self._show_opened()

    def _toggle(self) -> None:
        self.opened = not self.opened

    @traitlets.observe("opened")
    def _show_opened(self, _: Any = None) -> None:
        if self.opened and self.content is None:
            self.content = self._given() if callable(self._given) else self._given
            self._body.children = (self.content,)
        self._body.layout.display = None if self.opened else "none"
        self.head.icon = "caret-down" if self.opened else "caret-right"


class Part(NamedTuple):
    """A tab: its title, and what makes its view."""

    title: str
    make: Callable[[Source, Selection], ipw.Widget]


class LazyTabs(ipw.VBox):
    """Tabs whose views are made when first opened, so that a page stays quick.

    A view that is not in front rests: it has a method `wake(awake)` if it would cost anything otherwise.

    Args:
        opened: number of the tab that is open at first; None leaves all closed.
    """

    def __init__(
        self, source: Source, selection: Selection, parts: tuple[Part, ...], opened: int | None = None
    ) -> None:
        super().__init__()
        self._source, self._selection, self.parts = source, selection, parts
        self.views: dict[str, Any] = {}  # those that were made, by title
        self.tabs = ipw.Tab([ipw.VBox() for _ in parts], titles=[part.title for part in parts])
        self.tabs.selected_index = None
        self.tabs.observe(self._open, "selected_index")
        self.tabs.selected_index = opened
        self.add_class("wb-tabs")
        self.children = (self.tabs,)

    def _open(self, change: Any) -> None:
        """Make the view of the tab that was opened; wake it, and let the others rest."""
        part = None if change.new is None else self.parts[change.new]
        if part is not None and part.title not in self.views:
            self.views[part.title] = part.make(self._source, self._selection)
            self.tabs.children[change.new].children = (self.views[part.title],)
        for title, view in self.views.items():
            if hasattr(view, "wake"):
                view.wake(part is not None and title == part.title)

    @property
    def title(self) -> str | None:
        """Title of the tab in front; None if all are closed."""
        index = self.tabs.selected_index
        return None if index is None else self.parts[index].title

    def show_tab(self, title: str) -> Any:
        """Open a tab by its title; returns its view."""
        self.tabs.selected_index = [part.title for part in self.parts].index(title)
        return self.views[title]

    def close(self) -> None:
        """End all views."""
        close_all(self)
