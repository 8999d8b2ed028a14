"""The mutation sandbox: change a network by hand, see what changed, train it, put it into the search."""

from __future__ import annotations

import ipywidgets as ipw

from workbench.spaces import NeuronSpace
from workbench.views.base.selection import Selection
from workbench.views.base.source import Source
from workbench.views.sandbox.widget import Sandbox

__all__ = ["Sandbox", "sandbox_of"]


def sandbox_of(source: Source, selection: Selection) -> ipw.Widget:
    """The sandbox of a search or run; where networks are not of single neurons, a line that says so."""
    if not isinstance(source.space, NeuronSpace):
        return ipw.HTML('<p class="wb-quiet">Only networks of single neurons can be changed by hand.</p>')
    data = source.search.data if source.search is not None else None
    return Sandbox(data, search=source, selection=selection)
