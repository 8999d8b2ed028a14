"""Settings that suit a data set: `quick` takes minutes on two cores, `paper` has the published grammar and sizes."""

from __future__ import annotations

import math

from workbench.datasets import DataFacts, Dataset
from workbench.space import SpacePreset, check_preset
from workbench.spaces.recipes import AGEING_EVOLUTION, recipe_for

PRESETS = ("quick", "paper")

LARGEST_IMAGE = 16
"""Pixels of a side to which `quick` averages images down."""
MOST_FLOPS = 3e6
"""Of a network of `quick`."""
CHILD_IMAGES = 100_000
"""That a child of `quick` is trained on, all epochs together, unless the data's own recipe has fewer epochs."""
LEARNING_RATE = 0.01
"""The best of 0.002, 0.005, 0.01 and 0.02 for most of six random networks on MNIST."""
MOST_VALUES = 2**15
"""Values between the operations of a network of `quick`: they, more than FLOPs, decide how long it trains."""


def einspace_preset(name: str, data: Dataset | DataFacts) -> SpacePreset:
    """The preset `name` for a data set."""
    check_preset(name, PRESETS, "einspace")
    recipe, about = recipe_for(data)
    if name == "paper":
        search = {
            **recipe.shared,
            **AGEING_EVOLUTION,
            "train.epochs": 8,
            "rates": {"published": True, "budget": 256},
        }
        space = {
            "inherit": False,
            "head": "published",
            "budget": 256,
            "max_width": 2048,
            "max_flops": 1e10,
            "max_parameters": 2**24,
            "max_values": 2**22,  # 2 GB for a batch of 128; the published networks have up to 3.5 million
        }
        return SpacePreset(search, space, f"{about}; grammar, head and protocol of Ericsson et al. (2024)")
    size = quick_size(data.shape)
    flops = min(MOST_FLOPS, recipe.bounds[2])
    search = {
        **recipe.shared,
        "train.epochs": max(2, min(recipe.train["epochs"], round(CHILD_IMAGES / data.size("train")))),
        "train.learning_rate": LEARNING_RATE,
        "population": 20,
        "children": 8,
        "generations": 8 if flops <= 1e6 else 6,
        "flops_min": recipe.bounds[1],
        "flops_max": flops,
    }
    about += f"; networks of up to {flops:,.0f} FLOPs for images averaged to {size or max(data.shape[1:])} pixels"
    return SpacePreset(search, {"image_size": size, "max_flops": flops, "max_values": MOST_VALUES}, about)


def quick_size(shape: tuple[int, int, int]) -> int:
    """The largest image size up to `LARGEST_IMAGE` that divides both sides; 0 if images stay as they are."""
    _, height, width = shape
    if max(height, width) <= LARGEST_IMAGE:
        return 0
    common = math.gcd(height, width)
    return max((size for size in range(4, LARGEST_IMAGE + 1) if common % size == 0), default=0)
