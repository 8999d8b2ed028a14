"""Runs and networks as static plotly figures, and the plain data behind them (knows no widget)."""

from workbench.plots.baselines import BASELINES, Baseline, baselines_for
from workbench.plots.changes import Change, changes, run_changes
from workbench.plots.dag import DagInfo, dag_figure, dag_layout
from workbench.plots.edge_lengths import EdgeLengths, edge_length_figure, edge_length_histogram
from workbench.plots.fronts import FrontInfo, front_figure, front_info
from workbench.plots.histories import HypervolumeInfo, hypervolume_figure, hypervolume_info
from workbench.plots.laws import SpatialLawInfo, spatial_law_figure, spatial_law_info
from workbench.plots.pictures import save_picture
from workbench.plots.space_map import activations, edge_density, neuron_density, receptive_field, spatial_figure

__all__ = [
    "BASELINES",
    "Baseline",
    "Change",
    "DagInfo",
    "EdgeLengths",
    "FrontInfo",
    "HypervolumeInfo",
    "SpatialLawInfo",
    "activations",
    "baselines_for",
    "changes",
    "dag_figure",
    "dag_layout",
    "edge_density",
    "edge_length_figure",
    "edge_length_histogram",
    "front_figure",
    "front_info",
    "hypervolume_figure",
    "hypervolume_info",
    "neuron_density",
    "receptive_field",
    "run_changes",
    "save_picture",
    "spatial_figure",
    "spatial_law_figure",
    "spatial_law_info",
]
