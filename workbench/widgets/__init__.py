"""Live views of searches and networks for notebooks; each usable alone, all together in `Dashboard`."""

from workbench.widgets.compare_view import CompareView
from workbench.widgets.dag_view import DagView
from workbench.widgets.dashboard import Dashboard
from workbench.widgets.front_view import FrontView
from workbench.widgets.individual_card import IndividualCard
from workbench.widgets.inspect_view import InspectView
from workbench.widgets.lineage_view import LineageView
from workbench.widgets.log_view import LogView
from workbench.widgets.mutation_statistics import MutationStatistics
from workbench.widgets.run_control import RunControl
from workbench.widgets.sandbox import Sandbox
from workbench.widgets.selection import Selection
from workbench.widgets.spatial_view import SpatialView
from workbench.widgets.steering import Steering

__all__ = [
    "CompareView",
    "DagView",
    "Dashboard",
    "FrontView",
    "IndividualCard",
    "InspectView",
    "LineageView",
    "LogView",
    "MutationStatistics",
    "RunControl",
    "Sandbox",
    "Selection",
    "SpatialView",
    "Steering",
]
