"""The neuron-level NAS workbench: search, watch and understand networks designed neuron by neuron.

    import workbench as wb

    data = wb.load_dataset("digits")
    search = wb.Search(data, wb.SearchConfig(population=8, generations=4), path="run.sqlite")
    search.run()
    wb.open_run("run.sqlite").front()

Names are imported when they are first used, so that `import workbench` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.compiler.export import export_onnx
    from workbench.compiler.network import NeuronNetwork, interpret
    from workbench.datasets import Dataset, load_dataset
    from workbench.errors import WorkbenchError
    from workbench.genome import Genome
    from workbench.initial import random_genome, windowed
    from workbench.mutations import MutationRates, mutate
    from workbench.results.report import report
    from workbench.search import Search, SearchConfig, attach, open_run, preset
    from workbench.search.replay import replay
    from workbench.spaces import InitialConfig, MlpSpace, NeuronSpace
    from workbench.spatial import SpatialLaw
    from workbench.training import TrainConfig, evaluate, train


__version__ = "0.1.0"

_HOMES = {
    name: f"workbench.{home}"
    for home, names in {
        "compiler.export": "export_onnx",
        "compiler.network": "NeuronNetwork interpret",
        "datasets": "Dataset load_dataset",
        "errors": "WorkbenchError",
        "genome": "Genome",
        "initial": "random_genome windowed",
        "mutations": "MutationRates mutate",
        "results.report": "report",
        "search": "Search SearchConfig attach open_run preset",
        "search.replay": "replay",
        "spaces": "InitialConfig MlpSpace NeuronSpace",
        "spatial": "SpatialLaw",
        "training": "TrainConfig evaluate train",
    }.items()
    for name in names.split()
}
_SUBMODULES = ("baselines", "datasets", "initial", "mutations", "plots", "results", "spaces", "widgets")

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    if name in _SUBMODULES:
        return importlib.import_module(f"workbench.{name}")
    raise AttributeError(f"module 'workbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_SUBMODULES])
