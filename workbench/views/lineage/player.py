"""Controls that walk through frames: play, step, scrub. They show the frame that is drawn, not the one asked for."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

from workbench.views.base.canvas import bundle


class Player(anywidget.AnyWidget):
    """Asks for one frame at a time; while it plays, for the next one when the last one is drawn and has stood a while.

    Keys: space plays and pauses, arrows step, Home and End go to the first and the last frame.

    Attributes:
        last: number of the last frame, counted from 0; -1 if there are none.
        asked: the frame that is wanted; set by a person, or by who shows other frames.
        drawn: the frame that is shown; -1 for none. Whoever draws sets it.
        playing: whether it plays; ends at the last frame.
    """

    _esm = bundle("base/controls.js", "lineage/player.js")
    _css = Path(__file__).with_name("player.css")

    last = traitlets.Int(-1).tag(sync=True)
    asked = traitlets.Int(0).tag(sync=True)
    drawn = traitlets.Int(-1).tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)
