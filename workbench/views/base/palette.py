"""All colours of figures: Okabe and Ito's palette, safe for colour-blind readers, seen on light and dark ground."""

from __future__ import annotations

from collections.abc import Sequence

BLUE, VERMILLION, GREEN, PINK = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
ORANGE, SKY, YELLOW, GREY = "#e69f00", "#56b4e9", "#b8a900", "#8c8c8c"
WINE, BRICK, LEAF = "#994466", "#bb2200", "#9ac07a"  # three more, for many categories

INK, GRID, LINE = "#808080", "rgba(128,128,128,0.22)", "rgba(128,128,128,0.6)"
"""Text, grid lines and zero lines."""

FRONT, ALIVE, DEAD, NEW, SELECTED = VERMILLION, BLUE, "#999999", SKY, PINK
"""Individuals by what became of them; the ring around the selected one."""

TRAINING, VALIDATION = ORANGE, BLUE
"""Accuracy on the training and on the validation split."""

POSITIVE, NEGATIVE = BLUE, VERMILLION
EDGES = (POSITIVE, NEGATIVE, GREEN, PINK, "#999999")
"""Edges: positive, negative, the same with shared weights, no weight yet."""

STATES = ("#9a9a9a", BLUE, VERMILLION, GREEN)
"""Neurons and edges between two genomes: kept, added, removed, now shared."""

INPUTS, OUTPUTS = "#9e9e9e", "#444444"
"""Neurons that belong to no hidden layer."""

LAYERS = (BLUE, ORANGE, GREEN, PINK, SKY, VERMILLION, YELLOW)
"""Hidden layers in turn."""

RELATIVES = (ORANGE, SKY)
"""Ancestors and descendants of a selected neuron."""

ON_DARK = {
    BLUE: SKY,
    VERMILLION: "#f0813a",
    GREEN: "#2cc295",
    PINK: "#e3a3c6",
    SKY: "#3d8fd1",
    YELLOW: "#f0e442",
    STATES[0]: "#7c7c7c",
}
"""What takes a colour's place on dark ground, where it would be too dark."""

CATEGORIES = (GREY, ORANGE, SKY, GREEN, VERMILLION, PINK, WINE, BRICK, LEAF)
"""Mutations in turn, as the search space lists them; the first is for initial individuals. Any two, and blue, can be
told apart with each kind of colour blindness."""

GROUPS = (FRONT, GREEN, PINK, SKY, YELLOW, BLUE, ORANGE)
"""Runs, or groups of runs, in turn: the run itself first, then those it is compared with."""


def ink(color: str, dark: bool) -> str:
    """What a colour is on light or dark ground."""
    return ON_DARK.get(color, color) if dark else color


def layer_color(layer: int, last: int | None = None) -> str:
    """The colour of a layer's neurons; layer 0 are the inputs, `last` (if given) the outputs."""
    if layer in (0, last):
        return INPUTS if layer == 0 else OUTPUTS
    return LAYERS[(layer - 1) % len(LAYERS)]


def mutation_color(kind: str, kinds: Sequence[str]) -> str:
    """The colour of one of `kinds` of mutation, the same in all views of a run; blue for what was made by hand."""
    return CATEGORIES[1 + kinds.index(kind) % (len(CATEGORIES) - 1)] if kind in kinds else BLUE


def group_color(number: int) -> str:
    """The colour of a run, or of a group of runs."""
    return GROUPS[number % len(GROUPS)]
