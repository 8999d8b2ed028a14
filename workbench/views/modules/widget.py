"""A network as a graph of modules beside the tree of its derivation, in a page: `ModulesView`."""

from __future__ import annotations

import json
from typing import Any

import traitlets

from workbench.pictures import Picture
from workbench.views.base import palette
from workbench.views.base.canvas import Given, bundle
from workbench.views.base.parts import PartsView, theme
from workbench.views.base.source import Selection
from workbench.views.modules.data import (
    MOST_AT_START,
    REMOVED,
    STATE_NAMES,
    PictureDifference,
    open_at_start,
    open_to_level,
    picture_difference,
)
from workbench.views.modules.figure import COLORS, scene_of


def _theme(dark: bool) -> dict[str, Any]:
    """The colours of modules on light or dark ground, for the browser."""
    kinds = ["#d0d0d0" if dark and color == palette.OUTPUTS else palette.ink(color, dark) for color in COLORS]
    return {"kinds": kinds, **theme(dark, STATE_NAMES, REMOVED)}


_HEAD = f"const PALETTE = {json.dumps({'light': _theme(False), 'dark': _theme(True)})};\n"


BOX_AREA, FEWEST = 9_000, 12
"""Pixels that a box takes where many can be read, with what is around it; boxes that there is always room for."""


PICTURE = "a Picture, as space.picture(genome) gives it"


class ModulesView(PartsView):
    """A network as a graph of modules, each with its shape and FLOPs, beside the tree of its derivation.

    Parts of a large network are drawn as one; a click on the arrow of a branch opens or closes it, and two buttons open
    or close a level of the tree. Hover for facts; click a module or branch to highlight what comes before and after it.
    Drag to pan, scroll a clicked graph to zoom; keys: arrows, + and −, 0, Escape.

        view = ModulesView(space.picture(genome))
        view                                   # in a notebook cell
        view.show_change(before, picture)      # added: blue; removed: orange, dashed; changed: green
        view.selection.part                    # key of what was clicked
        view.level = 2                         # open two levels of the tree; -1: as many as can be read

    Args:
        picture: what to show, or None.
        selection: shared with other views; its own if None.
        height: of the graph in pixels; 0: the view is as tall as its box.

    Attributes:
        before: an earlier picture, such as the parent's, or None; if given, what changed since is shown.
        part: key of the selected node or branch, or None.
        toggled: keys of branches that are open though their level is closed, or closed though it is open.
        room: width and height of the graph on the page in pixels, for which it is laid out.
        drawn: what the browser drew last: `boxes`, `links`, `version`.
        version: counts the scenes.
    """

    _esm = _HEAD + bundle("base/controls.js", "base/canvas.js", "modules/tree.js", "modules/modules.js")
    _css = bundle("base/canvas.css", "modules/modules.css")

    picture = Given(Picture, PICTURE)
    before = Given(Picture, PICTURE)
    level = traitlets.Int(-1).tag(sync=True)
    toggled = traitlets.List(traitlets.Unicode()).tag(sync=True)
    room = traitlets.Tuple(traitlets.Float(min=1), traitlets.Float(min=1), default_value=(760.0, 440.0)).tag(sync=True)
    _difference: PictureDifference | None = None
    _shown: tuple[Picture | None, Picture | None] = (None, None)

    def __init__(
        self, picture: Picture | None = None, selection: Selection | None = None, *, height: int = 480
    ) -> None:
        super().__init__(selection, height)
        self.picture = picture

    def show_change(self, before: Picture | None, picture: Picture | None) -> None:
        """Show `picture`, and (unless it is None) what changed since `before`."""
        version = self.version
        with self.hold_trait_notifications():
            self.before, self.picture = before, picture
        if self.version == version:  # equal ones are drawn again, too: who waits for that is told
            self._draw()

    @traitlets.observe("picture", "before")
    def _compare(self, _: traitlets.Bunch) -> None:
        if self._shown[0] is self.before and self._shown[1] is self.picture:
            return  # both changed together: already shown
        self._shown = self.before, self.picture
        self._difference = None if self.picture is None else picture_difference(self.before, self.picture)
        self._draw()

    @traitlets.observe("level", "toggled", "room")
    def _draw(self, _: traitlets.Bunch | None = None) -> None:
        self.version += 1
        if self._difference is None:
            self.scene = {}
            return
        compared = self.before is not None
        scene = scene_of(self._difference, self.opened, self.room, compared)
        self.scene = scene | {"version": self.version}

    @property
    def opened(self) -> frozenset[str]:
        """Keys of the branches whose modules are drawn, not drawn as one."""
        if self._difference is None:
            return frozenset()
        tree = self._difference.picture.tree
        most = int(min(max(self.room[0] * self.room[1] / BOX_AREA, FEWEST), MOST_AT_START))
        opened = open_at_start(self._difference, most) if self.level < 0 else open_to_level(tree, self.level)
        return opened ^ frozenset(self.toggled)
