"""Data sets: raw images, normalised by the train split, in four disjoint, class-balanced splits."""

from workbench.datasets.dataset import Dataset
from workbench.datasets.own import FORMS, is_own, load_again, load_own, options_of
from workbench.datasets.pixels import COLOURS
from workbench.datasets.registry import FACTS, DataFacts, DatasetInfo, dataset_names, find_datasets, load_dataset
from workbench.datasets.splits import SPLITS
