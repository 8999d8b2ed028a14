"""scikit-learn's handwritten digits: bundled with it, nothing to download."""

import numpy as np

from workbench.datasets.dataset import Dataset
from workbench.datasets.splits import draw_balanced

DESCRIPTION = "1,797 handwritten digits, 8x8 grey, bundled with scikit-learn"


def load(seed: int = 0) -> Dataset:
    """The digits, uint8 (values 0..16): 20 % test, the rest 70 / 15 / 15 train, validation, selection.

    Args:
        seed: decides the train, validation and selection splits. The test set is always the same.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images, labels = bunch.images.astype(np.uint8), bunch.target.astype(np.int64)  # [1797, 8, 8], [1797]
    test = np.zeros(len(labels), dtype=bool)
    test[draw_balanced(labels, 10, round(0.2 * len(labels)), np.random.default_rng(0))] = True
    parts = images[~test], labels[~test], images[test], labels[test]
    return Dataset.from_arrays(*parts, validation=0.15, selection=0.15, seed=seed, name="digits")
