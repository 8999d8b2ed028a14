"""Live views of searches and networks for notebooks; each usable alone, all together in `Dashboard`."""

from workbench.views.base.source import Selection
from workbench.views.compare.widget import CompareView
from workbench.views.dashboard.widget import Dashboard
from workbench.views.front.widget import FrontView
from workbench.views.individuals.widget import IndividualsTable
from workbench.views.inspect.widget import InspectView
from workbench.views.lineage.widget import LineageView
from workbench.views.listing.widget import ListingView
from workbench.views.modules.widget import ModulesView
from workbench.views.mutations.widget import MutationStatistics
from workbench.views.network.panel import NetworkPanel
from workbench.views.network.widget import DagView, SpatialView
from workbench.views.run.widget import LogView, RunControl
from workbench.views.sandbox.widget import Sandbox
from workbench.views.steering.widget import Steering
from workbench.views.versus.widget import TwoNetworksView
