"""Runs and networks as static plotly figures, and the plain data behind them (knows no widget)."""

from workbench.views.base.figures import save_picture
from workbench.views.compare.data import Comparison, comparison
from workbench.views.compare.figure import comparison_figure, rank_table, reached_table, settings_table
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
from workbench.views.listing.figure import listing_html
from workbench.views.modules.data import PictureDifference, picture_difference
from workbench.views.modules.figure import picture_svg
from workbench.views.mutations.data import MutationEffects, mutation_effects
from workbench.views.mutations.figure import mutation_effects_figure
from workbench.views.network.data import GenomeDifference, genome_difference
from workbench.views.network.figure import (
    dag_difference_figure,
    dag_figure,
    edge_length_figure,
    space_difference_figure,
    spatial_figure,
)
from workbench.views.network.layout import DagInfo, dag_layout
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
from workbench.views.versus.data import Kinship, TwoFields, TwoNetworks, kinship, two_fields, two_networks
from workbench.views.versus.figure import two_fields_figure, two_networks_figure
