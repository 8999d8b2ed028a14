"""Random streams: each number is a hash of a seed and its place in the stream (splitmix64).

Source: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
"""

from __future__ import annotations

import numpy as np

from workbench.spaces.programs.native.lanes import SIZE, put
from workbench.training.native.jit import kernel

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@kernel(inline="always")
def _mixed(state):
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


@kernel(inline="always")
def _unit(seed, place):
    """A number from 0 to 1, below 1."""
    return np.float64(_mixed(seed + (np.uint64(place) + np.uint64(1)) * GOLDEN) >> np.uint64(11)) * 2.0**-53


@kernel(error_model="numpy")
def fill_uniform(out, count, low, high, seed, place):
    """Store numbers between `low` and `high`, from a place of the stream on; returns the place after them.

    `out` is the address of the first.
    """
    for i in range(count):
        put(out + i * SIZE, low + (high - low) * _unit(seed, place + i))
    return place + count


@kernel(error_model="numpy")
def fill_gaussian(out, count, mean, std, seed, place):
    """Store normal numbers, by Box and Muller (1958), two from two places; returns the place after them."""
    for i in range(0, count, 2):
        radius = np.sqrt(-2.0 * np.log(1.0 - _unit(seed, place + i)))
        angle = 2.0 * np.pi * _unit(seed, place + i + 1)
        put(out + i * SIZE, mean + std * (radius * np.cos(angle)))
        if i + 1 < count:
            put(out + (i + 1) * SIZE, mean + std * (radius * np.sin(angle)))
    return place + count + count % 2
