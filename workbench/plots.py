"""Runs and networks as static plotly figures, and the plain data behind them (knows no widget)."""

from workbench.views.base.figures import save_picture
from workbench.views.compare.data import Comparison, comparison
from workbench.views.compare.figure import comparison_figure, rank_table, settings_table
from workbench.views.front.data import (
    BASELINES,
    Baseline,
    FrontInfo,
    HypervolumeInfo,
    baselines_for,
    front_info,
    hypervolume_info,
)
from workbench.views.front.figure import front_figure
from workbench.views.front.hypervolume import hypervolume_figure
from workbench.views.inspect.data import (
    Confusion,
    Distributions,
    Evidence,
    TrainingCurves,
    confusion,
    distributions,
    evidence,
    training_curves,
)
from workbench.views.inspect.figure import (
    confusion_figure,
    distribution_figure,
    evidence_figure,
    training_curves_figure,
)
from workbench.views.lineage.animation import lineage_animation, save_lineage_animation
from workbench.views.lineage.data import LineageInfo, lineage_info
from workbench.views.lineage.figure import lineage_figure
from workbench.views.mutations.data import MutationEffects, mutation_effects
from workbench.views.mutations.figure import mutation_effects_figure
from workbench.views.network.data import DagInfo, GenomeDifference, dag_layout, genome_difference
from workbench.views.network.figure import (
    dag_difference_figure,
    dag_figure,
    edge_length_figure,
    space_difference_figure,
    spatial_figure,
)
from workbench.views.network.maps import (
    EdgeLengths,
    activations,
    edge_density,
    edge_length_histogram,
    neuron_density,
    receptive_field,
)
from workbench.views.run.data import Change, changes, run_changes
from workbench.views.steering.figure import SpatialLawInfo, spatial_law_figure, spatial_law_info

__all__ = [
    "BASELINES",
    "Baseline",
    "Change",
    "Comparison",
    "Confusion",
    "DagInfo",
    "Distributions",
    "EdgeLengths",
    "Evidence",
    "FrontInfo",
    "GenomeDifference",
    "HypervolumeInfo",
    "LineageInfo",
    "MutationEffects",
    "SpatialLawInfo",
    "TrainingCurves",
    "activations",
    "baselines_for",
    "changes",
    "comparison",
    "comparison_figure",
    "confusion",
    "confusion_figure",
    "dag_difference_figure",
    "dag_figure",
    "dag_layout",
    "distribution_figure",
    "distributions",
    "edge_density",
    "edge_length_figure",
    "edge_length_histogram",
    "evidence",
    "evidence_figure",
    "front_figure",
    "front_info",
    "genome_difference",
    "hypervolume_figure",
    "hypervolume_info",
    "lineage_animation",
    "lineage_figure",
    "lineage_info",
    "mutation_effects",
    "mutation_effects_figure",
    "neuron_density",
    "rank_table",
    "receptive_field",
    "run_changes",
    "save_lineage_animation",
    "save_picture",
    "settings_table",
    "space_difference_figure",
    "spatial_figure",
    "spatial_law_figure",
    "spatial_law_info",
    "training_curves",
    "training_curves_figure",
]
