"""What all views have in common: a source they follow, a selection they share, and the style."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import ipywidgets as ipw
import traitlets

from workbench.search import Search, Snapshot
from workbench.store import Run
from workbench.views.base.markup import escape
from workbench.views.base.poller import POLL_SECONDS, POLLER
from workbench.views.base.source import Selection, Source, source_of


@cache
def _css(name: str) -> str:
    return (Path(__file__).parents[1] / name).read_text(encoding="utf-8")


def style_sheet(name: str = "base/dashboard.css") -> ipw.HTML:
    """A widget that shows nothing and brings the style of a file of `views/`."""
    return ipw.HTML(f"<style>{_css(name)}</style>", layout={"display": "block", "height": "0", "margin": "0"})


def panel(title: str, *children: ipw.Widget, name: str = "", enlarges: bool = False) -> ipw.VBox:
    """A titled part of a view; with `enlarges` its head has a button that the dashboard's page listens to."""
    enlarge = (
        '<button class="wb-enlarge" title="Enlarge this panel (e); Escape returns" aria-pressed="false">'
        '<i class="fa fa-expand" aria-hidden="true"></i><span class="wb-unseen">Enlarge</span></button>'
    )
    head = ipw.HTML(f'<div class="wb-panel-head"><h3 class="wb-title">{escape(title)}</h3>{enlarge * enlarges}</div>')
    return classed(ipw.VBox([head, *children]), "wb-panel", name)


def close_all(widget: ipw.Widget) -> None:
    """Close a widget and all that it holds, also as attributes, with layouts and styles: ipywidgets would keep them."""
    held: list[Any] = [widget]
    found: dict[str, ipw.Widget] = {}
    while held:
        each = held.pop()
        if isinstance(each, list | tuple):
            held.extend(each)
        elif isinstance(each, dict):
            held.extend(each.values())
        elif isinstance(each, ipw.Widget) and each.comm is not None and each.model_id not in found:
            found[each.model_id] = each
            held.extend(vars(each).values())
    for each in found.values():
        ipw.Widget.close(each) if each is widget else each.close()


def button(text: str, name: str, tooltip: str, action: Callable[[], object], icon: str = "") -> ipw.Button:
    """A button with the CSS class `name` that calls `action`."""
    made = classed(ipw.Button(description=text, icon=icon, tooltip=tooltip), name)
    made.on_click(lambda _: action())
    return made


def bar(*children: ipw.Widget) -> ipw.HBox:
    """Controls side by side, above what they control."""
    return classed(ipw.HBox(children), "wb-bar-of-controls")


def classed(widget: Any, *names: str) -> Any:
    """The widget with CSS classes; empty names are left out."""
    for name in filter(None, names):
        widget.add_class(name)
    return widget


class View(ipw.VBox):
    """A widget that follows a search or run until it is closed; `show` brings it up to date.

    Args:
        watched: a `Search`, or a `Run` to read.
        selection: which individual is looked at, shared with other views; a new one if None.
    """

    interval = POLL_SECONDS
    _selected: Sequence[tuple[Callable[[Any], None], str]] = ()  # a view that could not be made is closed, too

    def __init__(self, watched: Search | Run | Source, selection: Selection | None = None) -> None:
        super().__init__(_view_count=0)  # from now on the page tells on how many places it is shown
        self.add_class("wb-view")
        self.watch(watched, selection)

    def watch(self, watched: Search | Run | Source, selection: Selection | None = None) -> None:
        """Follow a search or run from now on, with children of its own; arguments are those of the view."""
        self._unsubscribe()
        self.source = source_of(watched)
        self.selection = selection if selection is not None else Selection()
        self._build()
        self.subscription = POLLER.subscribe(self.source, self.show, self.interval)

    def _build(self) -> None:
        """Make the children; called once."""
        raise NotImplementedError

    def show(self, snapshot: Snapshot) -> None:
        """Show what the search looks like now."""
        raise NotImplementedError

    def _on_selection(self, callback: Callable[[Any], None], *names: str) -> None:
        """Have `callback` called when another individual is selected, or `names` change, until the view is closed."""
        for name in names or ("individual",):
            self.selection.observe(callback, name)
            self._selected = (*self._selected, (callback, name))

    @traitlets.observe("_view_count")
    def _notice_page(self, change: Any) -> None:
        if hasattr(self, "subscription"):
            self.subscription.hidden = change.new == 0

    def close(self) -> None:
        """End it, on the page and in the kernel; the search goes on."""
        self._unsubscribe()
        close_all(self)

    def _unsubscribe(self) -> None:
        for observer in self._selected:
            self.selection.unobserve(*observer)
        self._selected = ()
        if hasattr(self, "subscription"):
            self.subscription.close()
