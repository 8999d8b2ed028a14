"""Hand-made networks to compare with: measured once with this project's training, one seed each."""

from __future__ import annotations

from typing import NamedTuple


class Baseline(NamedTuple):
    """A hand-made network.

    Attributes:
        name: what it is called.
        dataset: what it was trained on.
        flops: 2 per multiply-accumulate, per image.
        accuracy: on the test set.
        recipe: how it was trained.
    """

    name: str
    dataset: str
    flops: int
    accuracy: float
    recipe: str


_RECIPE = "AdamW, one-cycle rate, batch 128, one seed, {epochs} epochs, {augmentation}"
_MNIST, _CIFAR = "shifts of 1 pixel", "shifts of 2 pixels and mirroring"

BASELINES = (
    Baseline("strided CNN 3-8", "mnist", 43_360, 0.9834, _RECIPE.format(epochs=20, augmentation=_MNIST)),
    Baseline("strided CNN 6-12", "mnist", 81_600, 0.9898, _RECIPE.format(epochs=20, augmentation=_MNIST)),
    Baseline("LeNet-300-100", "mnist", 532_400, 0.9893, _RECIPE.format(epochs=20, augmentation=_MNIST)),
    Baseline("LeNet-5", "mnist", 833_040, 0.9931, _RECIPE.format(epochs=15, augmentation=_MNIST)),
    Baseline("strided CNN 8-16-24", "cifar10", 276_624, 0.6586, _RECIPE.format(epochs=40, augmentation=_CIFAR)),
    Baseline("small CNN", "cifar10", 1_453_920, 0.7127, _RECIPE.format(epochs=40, augmentation=_CIFAR)),
)


def baselines_for(dataset: str) -> tuple[Baseline, ...]:
    """Those known for a data set; none for one that is not known."""
    return tuple(one for one in BASELINES if one.dataset == dataset)
