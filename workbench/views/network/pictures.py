"""The pictures that a search space offers of a network, by title: each shows it against an earlier one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import traitlets

from workbench.space import Draws, Lists, SearchSpace, is_text_first
from workbench.views.base.source import Selection
from workbench.views.network.data import changes_in_words

GRAPH, OVER_THE_IMAGE, TEXT = "Graph", "Image", "Text"
"""Titles of pictures."""


class Shows(NamedTuple):
    """A picture: its widget, and what shows networks in it."""

    widget: Any
    show: Callable[[Any, Any], str]
    """(before or None, genome or None) -> what changed, in words; "" if nothing is compared."""


def pictures_of(space: SearchSpace, rates: Any, selection: Selection, height: int) -> dict[str, Shows]:
    """By title; empty if the space does not draw its networks.

    Args:
        space: whose networks are shown.
        rates: its mutation rates; those of networks of neurons have the spatial law.
        selection: which part is looked at, shared by the pictures.
        height: of each picture in pixels; 0 = as high as its box.
    """
    from workbench.spaces import NeuronSpace

    if space.name == NeuronSpace.name:
        return _neurons(rates, selection, height)
    pictures = {}
    if isinstance(space, Draws):
        pictures[GRAPH] = _modules(space, selection, height)
    if isinstance(space, Lists):
        text = {TEXT: _text(space, selection, height)}
        pictures = text | pictures if is_text_first(space) else pictures | text
    return pictures


def _neurons(rates: Any, selection: Selection, height: int) -> dict[str, Shows]:
    """The graph of neurons, and neurons over the image; both show the same image."""
    from workbench.views.network.widget import DagView, SpatialView

    dag = DagView(selection=selection, height=height)
    spatial = SpatialView(selection=selection, law=rates.law, height=height)
    for name in ("split", "index"):
        traitlets.link((dag, name), (spatial, name))

    def shows(view: Any) -> Shows:
        def show(before: Any, genome: Any) -> str:
            view.show_change(before, genome)
            return changes_in_words(counts) if (counts := view.scene.get("changes")) else ""

        return Shows(view, show)

    return {GRAPH: shows(dag), OVER_THE_IMAGE: shows(spatial)}


def _modules(space: Draws, selection: Selection, height: int) -> Shows:
    """The graph of modules, with the tree of its derivation."""
    from workbench.views.modules.data import picture_changes_in_words
    from workbench.views.modules.widget import ModulesView

    view = ModulesView(selection=selection, height=height)

    def show(before: Any, genome: Any) -> str:
        view.show_change(*(None if each is None else space.picture(each) for each in (before, genome)))
        return picture_changes_in_words(counts) if (counts := view.scene.get("changes")) else ""

    return Shows(view, show)


def _text(space: Lists, selection: Selection, height: int) -> Shows:
    """The network line by line."""
    from workbench.views.listing.data import changes_of_lines
    from workbench.views.listing.widget import ListingView

    view = ListingView(selection=selection, height=height)

    def show(before: Any, genome: Any) -> str:
        view.show_change(*(None if each is None else space.listing(each) for each in (before, genome)))
        return changes_of_lines(counts) if (counts := view.scene.get("changes")) else ""

    return Shows(view, show)
