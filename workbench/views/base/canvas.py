"""What the canvas views share: a genome and a selection as traits, and JavaScript files joined into one module."""

from __future__ import annotations

from numbers import Integral
from pathlib import Path
from typing import Any, NoReturn

import anywidget
import traitlets

from workbench.errors import ConfigError
from workbench.genome import Genome
from workbench.views.base.source import Selection

VIEWS = Path(__file__).parents[1]


def bundle(*names: str) -> str:
    """The named files of `views/` as one ES module, since an anywidget module cannot import its neighbours."""
    return "\n".join((VIEWS / name).read_text(encoding="utf-8") for name in names)


class Given(traitlets.Instance[Any]):
    """A trait that a person sets, or None: `ConfigError` says what would do if it is something else."""

    def __init__(self, kind: type, expected: str) -> None:
        super().__init__(kind, allow_none=True)
        self._expected = expected

    def error(self, obj: Any, value: Any, *_: Any) -> NoReturn:
        """Raise it."""
        raise ConfigError(f"{type(obj).__name__} expects {self._expected}, got {type(value).__name__}")


NETWORK = "a network of neurons (Genome); of another space, ModulesView(space.picture(genome)) shows networks"


def _neuron_of(part: Any) -> int | None:
    """The selected part if it is a neuron."""
    return int(part) if isinstance(part, Integral) else None


class CanvasView(anywidget.AnyWidget):
    """A view of one genome in which a neuron can be selected.

    Attributes:
        genome: what is shown; None shows an empty state. Setting it updates the view in place.
        before: an earlier genome, such as an ancestor, or None; if given, what changed since is shown.
        selection: shared with other views; `selection.part` follows clicks, and clicks follow it.
        neuron: id of the selected neuron, or None.
        hovered: id of the neuron under the pointer, or None.
        drawn: what the browser drew last: `n_neurons`, `n_edges` (in view), `milliseconds`, `version`.
        version: counts the genomes shown.
        height: of the canvas in pixels; 0: the view is as tall as the box it is in, a column of flexible boxes.
    """

    _css = VIEWS / "base" / "canvas.css"

    genome = Given(Genome, NETWORK)
    before = Given(Genome, NETWORK)
    selection = traitlets.Instance(Selection)
    neuron = traitlets.Int(None, allow_none=True).tag(sync=True)
    hovered = traitlets.Int(None, allow_none=True).tag(sync=True)
    scene = traitlets.Dict().tag(sync=True)
    drawn = traitlets.Dict().tag(sync=True)
    version = traitlets.Int(0)
    height = traitlets.Int(520).tag(sync=True)
    _link: traitlets.link | None = None
    _shown: tuple[Genome | None, Genome | None] = (None, None)

    def __init__(self, genome: Genome | None, selection: Selection | None, **traits: Any) -> None:
        super().__init__(selection=Selection() if selection is None else selection, **traits)
        self.genome = genome

    def show_change(self, before: Genome | None, genome: Genome | None) -> None:
        """Show `genome`, and (unless it is None) what changed since `before`."""
        with self.hold_trait_notifications():
            self.before, self.genome = before, genome

    @traitlets.observe("genome", "before")
    def _show_genome(self, change: traitlets.Bunch) -> None:
        if self._shown[0] is self.before and self._shown[1] is self.genome:
            return  # both changed together: already shown
        self._shown = self.before, self.genome
        if self.neuron is not None and (self.genome is None or self.neuron >= self.genome.n_neurons):
            self.neuron = None
        self.hovered = None
        self._show_again()

    def _show_again(self) -> None:
        """Send what is shown."""
        self.version += 1
        self.scene = {} if self.genome is None else self._scene_of(self.genome) | {"version": self.version}

    @traitlets.observe("selection")
    def _follow_selection(self, change: traitlets.Bunch) -> None:
        self._unlink()
        both = (_neuron_of, lambda neuron: neuron)
        self._link = traitlets.link((self.selection, "part"), (self, "neuron"), transform=both)

    def _unlink(self) -> None:
        if self._link is not None:
            self._link.unlink()
            self._link = None

    def _scene_of(self, genome: Genome) -> dict[str, Any]:
        """What the browser needs to draw a genome: plain values, and arrays as bytes."""
        raise NotImplementedError

    def close(self) -> None:
        """Unlink the shared selection and remove the view from the browser."""
        self._unlink()
        super().close()
