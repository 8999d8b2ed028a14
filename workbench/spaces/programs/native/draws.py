"""Random streams: each number is a hash of a seed and its place in the stream (splitmix64).

Sources: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators"; Box and Muller 1958, "A note on
the generation of random normal deviates". Logarithm and sine are polynomials (as in Sun's fdlibm, to the last bit or
two), since loops over them are compiled for several numbers at once, and give the same everywhere.
"""

from __future__ import annotations

import numpy as np

from workbench.spaces.programs.native.lanes import put_at
from workbench.training.native.jit import kernel

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ROOT_HALF = np.int64(0x3FE6A09E00000000)  # bits of about sqrt(1/2)
_FRACTION = np.int64((1 << 52) - 1)  # of the bits of a number


@kernel(inline="always")
def _mixed(state):
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


@kernel(inline="always")
def _unit(seed, place):
    """A number from 0 to 1, below 1."""
    return np.float64(_mixed(seed + (np.uint64(place) + np.uint64(1)) * GOLDEN) >> np.uint64(11)) * 2.0**-53


@kernel(inline="always", error_model="numpy")
def _log(x):
    """The natural logarithm of a number from 2^-53 to 1: that of m·2^k with m from sqrt(1/2) to sqrt(2)."""
    bits = np.float64(x).view(np.int64) - _ROOT_HALF
    k = np.float64(bits >> np.int64(52))
    f = np.int64((bits & _FRACTION) + _ROOT_HALF).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z, half = s * s, 0.5 * f * f
    r = 2.222219843214978396e-01 + z * (
        1.818357216161805012e-01 + z * (1.531383769920937332e-01 + z * 1.479819860511658591e-01)
    )
    r = z * (6.666666666666735130e-01 + z * (3.999999999940941908e-01 + z * (2.857142874366239149e-01 + z * r)))
    return k * 6.93147180369123816490e-01 - ((half - (s * (half + r) + k * 1.90821492927058770002e-10)) - f)


@kernel(inline="always", error_model="numpy")
def _circle(turn):
    """Cosine and sine of a turn from 0 to 1, by the nearest quarter and an angle of at most π / 4 from there."""
    quarter = np.floor(4.0 * turn + 0.5)
    angle = 2.0 * np.pi * (turn - 0.25 * quarter)
    z = angle * angle
    s = -1.98412698298579493134e-04 + z * (
        2.75573137070700676789e-06 + z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)
    )
    s = angle + angle * z * (-1.66666666666666324348e-01 + z * (8.33333333332248946124e-03 + z * s))
    c = -2.75573143513906633035e-07 + z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)
    c = -1.38888888888741095749e-03 + z * (2.48015872894767294178e-05 + z * c)
    c = 1.0 - 0.5 * z + z * z * (4.16666666666666019037e-02 + z * c)
    number = np.int64(quarter)
    cosine, sine = (s, c) if number & 1 else (c, s)
    return -cosine if (number + 1) & 2 else cosine, -sine if number & 2 else sine


@kernel(error_model="numpy")
def fill_uniform(out, count, low, high, seed, place):
    """Store numbers between `low` and `high`, from a place of the stream on; returns the place after them.

    `out` is the address of the first.
    """
    for i in range(count):
        put_at(out, i, low + (high - low) * _unit(seed, place + i))
    return place + count


@kernel(error_model="numpy")
def fill_gaussian(out, count, mean, std, seed, place):
    """Store normal numbers, two from two places: one for each half of the numbers."""
    half = count // 2
    for i in range(half):
        radius = np.sqrt(-2.0 * _log(1.0 - _unit(seed, place + 2 * i)))
        cosine, sine = _circle(_unit(seed, place + 2 * i + 1))
        put_at(out, i, mean + std * (radius * cosine))
        put_at(out, half + i, mean + std * (radius * sine))
    if count % 2:
        radius = np.sqrt(-2.0 * _log(1.0 - _unit(seed, place + 2 * half)))
        cosine, _ = _circle(_unit(seed, place + 2 * half + 1))
        put_at(out, count - 1, mean + std * (radius * cosine))
    return place + count + count % 2
