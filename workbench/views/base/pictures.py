"""Figures to files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import ExportError

if TYPE_CHECKING:
    import plotly.graph_objects as go

FORMATS = (".html", ".png", ".svg", ".pdf")


def save_picture(figure: go.Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure: `.html` needs nothing else to be shown; `.png`, `.svg` and `.pdf` need kaleido and Chrome.

    Raises:
        ExportError: on another ending, if kaleido is missing, or if the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise ExportError(f"a picture's name must end in one of {', '.join(FORMATS)}, got {path.name!r}")
    try:
        if path.suffix == ".html":
            figure.write_html(path, include_plotlyjs=True, config={"showSendToCloud": False})
        else:
            figure.write_image(path)
    except OSError as error:
        raise ExportError(f"cannot write {path}: {error.strerror or error}") from None
    except (ValueError, ImportError, RuntimeError) as error:
        raise ExportError(
            f"{path.suffix} pictures need `pip install kaleido` and Chrome; .html needs neither ({error})"
        ) from None
    return path
