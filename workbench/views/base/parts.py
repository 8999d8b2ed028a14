"""What views of networks made of named parts have in common."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from workbench.views.base import palette
from workbench.views.base.source import Selection


def theme(dark: bool, names: tuple[str, ...], dashed: int) -> dict[str, Any]:
    """The colours of what changed and of relatives on light or dark ground, for the browser.

    Args:
        dark: whether the ground is.
        names: of the states, in the order of `palette.STATES`.
        dashed: the one that is drawn so.
    """
    states = zip(names, palette.STATES, strict=True)
    changes: list[dict[str, Any]] = [{"name": name, "color": palette.ink(color, dark)} for name, color in states]
    changes[dashed]["dashed"] = True
    ancestor, descendant = palette.RELATIVES
    return {"changes": changes, "ancestor": ancestor, "descendant": descendant}


class PartsView(anywidget.AnyWidget):
    """Abstract: a view of one network, whose chosen part is shared with other views.

    Attributes:
        selection: shared; `selection.part` follows clicks, and clicks follow it.
        part: key of the selected part, or None.
        drawn: what the browser drew last; its `version` is that of the scene.
        version: counts the scenes.
        height: in pixels; 0: the view is as tall as the box it is in.
    """

    selection = traitlets.Instance(Selection)
    part = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    scene = traitlets.Dict().tag(sync=True)
    drawn = traitlets.Dict().tag(sync=True)
    version = traitlets.Int(0)
    height = traitlets.Int(480).tag(sync=True)
    _followed: Selection | None = None

    def __init__(self, selection: Selection | None, height: int) -> None:
        super().__init__(selection=Selection() if selection is None else selection, height=height)

    @traitlets.observe("selection")
    def _follow_selection(self, _: traitlets.Bunch) -> None:
        self._leave_selection()
        self._followed = self.selection
        self._followed.observe(self._take_part, "part")
        self._take_part()

    def _leave_selection(self) -> None:
        if self._followed is not None:
            self._followed.unobserve(self._take_part, "part")
            self._followed = None

    def _take_part(self, _: traitlets.Bunch | None = None) -> None:
        part = self.selection.part
        self.part = part if isinstance(part, str) else None

    @traitlets.observe("part")
    def _tell_part(self, change: traitlets.Bunch) -> None:
        if self.part is not None or isinstance(self.selection.part, str):
            self.selection.part = self.part

    def close(self) -> None:
        """Leave the shared selection and remove the view from the browser."""
        self._leave_selection()
        super().close()
