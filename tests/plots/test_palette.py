"""Colours of categories can be told apart, with each kind of colour blindness, on light and on dark ground."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from workbench.views.base.palette import BLUE, CATEGORIES, mutation_color

SEEN = {  # linear RGB as it is seen with complete blindness to one colour: Machado, Oliveira and Fernandes 2009
    "all": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_LMS = np.array(  # Oklab: Ottosson 2020
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.793617785, -0.0040720468],
        [1.9779984951, -2.428592205, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.808675766],
    ]
)
KINDS = [*CATEGORIES[1:], BLUE]  # of mutation, and by hand


def linear(color: str) -> np.ndarray:
    values = np.array([int(color[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("sight", SEEN)
def test_any_two_are_told_apart(sight):
    seen = [TO_LAB @ np.cbrt(TO_LMS @ np.clip(SEEN[sight] @ linear(color), 0, 1)) for color in KINDS]
    assert min(np.linalg.norm(one - other) for one, other in combinations(seen, 2)) > 0.07


@pytest.mark.parametrize("ground", ["#ffffff", "#111111"])
def test_all_are_seen_on_light_and_dark_ground(ground):
    def light(color: str) -> float:
        return float(np.array([0.2126, 0.7152, 0.0722]) @ linear(color)) + 0.05

    assert all(max(light(color), light(ground)) / min(light(color), light(ground)) > 2 for color in KINDS)


def test_eight_kinds_have_colours_of_their_own():
    kinds = [f"kind {number}" for number in range(8)]
    assert len({mutation_color(kind, kinds) for kind in [*kinds, "by hand"]}) == 9
