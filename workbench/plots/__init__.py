"""Runs as static plotly figures (knows no widget)."""

from workbench.plots.fronts import FrontInfo, front_figure, front_info
from workbench.plots.pictures import save_picture

__all__ = ["FrontInfo", "front_figure", "front_info", "save_picture"]
