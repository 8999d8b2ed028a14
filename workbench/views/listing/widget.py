"""A network as text in a page: `ListingView`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from workbench.errors import ConfigError
from workbench.pictures import Line
from workbench.views.base.canvas import bundle
from workbench.views.base.parts import PartsView, theme
from workbench.views.base.source import Selection
from workbench.views.listing.figure import scene_of
from workbench.views.modules.data import REMOVED, STATE_NAMES

_THEMES = {name: theme(name == "dark", STATE_NAMES, REMOVED) for name in ("light", "dark")}


class ListingView(PartsView):
    """A network as text, its sections side by side where there is room; dead lines are grey.

    Click a name, such as v3, to light all places where it is written (filled) and read (outlined); click a line to
    select it. Hover for facts. Keys: up and down go from line to line, left and right through the names of a line,
    Escape clears.

        view = ListingView(space.listing(genome))
        view                                   # in a notebook cell
        view.show_change(before, lines)        # added: blue; removed: orange, struck through; changed: green
        view.selection.part                    # key of the line, or the name, that was clicked

    Args:
        lines: what to show, or None.
        selection: shared with other views; its own if None.
        height: of the text in pixels; 0: the view is as tall as its box.

    Attributes:
        lines, before: what is shown, and what it is compared with; either may be None.
        part: key of the selected line, or the selected name, or None.
        drawn: what the browser drew last: `lines`, `version`.
    """

    _esm = f"const PALETTE = {json.dumps(_THEMES)};\n" + bundle(
        "base/controls.js", "base/canvas.js", "listing/listing.js"
    )
    _css = bundle("base/canvas.css", "listing/listing.css")

    def __init__(
        self, lines: Sequence[Line] | None = None, selection: Selection | None = None, *, height: int = 480
    ) -> None:
        super().__init__(selection, height)
        self.show_change(None, lines)

    def show_change(self, before: Sequence[Line] | None, lines: Sequence[Line] | None) -> None:
        """Show the lines, and (unless it is None) what changed since `before`.

        Raises:
            ConfigError: on anything but lines.
        """
        for given in (before, lines):
            if given is not None and not (
                isinstance(given, Sequence) and all(isinstance(each, Line) for each in given)
            ):
                raise ConfigError("ListingView expects lines of text, as space.listing(genome) gives them")
        self.before, self.lines = before, lines
        self.version += 1
        self.scene = {} if lines is None else scene_of(before, lines) | {"version": self.version}
