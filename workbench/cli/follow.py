"""`workbench show --follow`: a run's progress and front, live, from another process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.cli.tables import table_view

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Group

    from workbench.search import Snapshot


def follow(path: str) -> None:
    """Show a run until its search has ended; Ctrl-C only ends the looking.

    In a terminal the progress line and the front are redrawn; elsewhere one line is printed per generation.
    """
    from rich.console import Console
    from rich.live import Live

    from workbench.search.follow import follow_run

    console = Console()
    try:
        if console.is_terminal:
            with Live(console=console, auto_refresh=False) as display:
                for snapshot in follow_run(path):
                    display.update(_view(path, snapshot), refresh=True)
        else:
            _print_lines(path)
    except KeyboardInterrupt:
        console.print("No longer looking; the search goes on.")


def _print_lines(path: str) -> None:
    from workbench.search.follow import follow_run
    from workbench.search.progress import progress_line

    shown, line = None, None
    for snapshot in follow_run(path):
        line = progress_line(snapshot)
        if snapshot.generation != shown:
            shown = snapshot.generation
            print(line, flush=True)
            line = None
    if line:
        print(line, flush=True)


def _view(path: str, snapshot: Snapshot) -> Group:
    from rich.console import Group
    from rich.text import Text

    from workbench.search.progress import progress_line

    return Group(Text(progress_line(snapshot)), table_view(front_rows(snapshot), f"{path}: the all-time front"))


def front_rows(snapshot: Snapshot) -> pd.DataFrame:
    """The front by rising FLOPs: columns id, generation, mutation, flops, parameters, val_accuracy."""
    import pandas as pd

    rows = [
        {
            "id": one.id,
            "generation": one.generation,
            "mutation": one.mutation.get("kind"),
            "flops": one.flops,
            "parameters": one.cost.parameters if one.cost else 0,
            "val_accuracy": one.val_accuracy,
        }
        for one in snapshot.archive
    ]
    return pd.DataFrame(rows, columns=["id", "generation", "mutation", "flops", "parameters", "val_accuracy"])
