"""A small evolution on digits, made once for all tests of results."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from workbench.datasets import load_dataset
from workbench.search import Search, preset
from workbench.store import open_run


@pytest.fixture(scope="session")
def digits():
    return load_dataset("digits")


@pytest.fixture(scope="session")
def run(digits, tmp_path_factory):
    made = preset("quick", "digits", population=6, children=4, generations=3, **{"train.epochs": 2})
    config = replace(made.config, initial_epochs=4, workers=2)
    search = Search(digits, config, tmp_path_factory.mktemp("run") / "run.sqlite", made.space(digits))
    search.start()
    search.join()
    search.close()
    return open_run(search.path)


@pytest.fixture(scope="session")
def mlp_run(digits, tmp_path_factory):
    """The same for dense MLPs."""
    changes = {"population": 4, "children": 2, "generations": 2, "initial_epochs": 2, "train.epochs": 1}
    made = preset("quick", "digits", "mlp", **changes)
    search = Search(digits, made.config, tmp_path_factory.mktemp("mlp") / "run.sqlite", made.space(digits))
    search.start()
    search.join()
    search.close()
    return open_run(search.path)


@pytest.fixture(autouse=True, scope="session")
def one_torch_thread():
    """Several threads only hinder each other on networks this small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
