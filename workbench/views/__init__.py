"""Views of runs and networks, a folder each: what to show (data), the figure, the widget."""
