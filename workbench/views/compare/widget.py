"""Several runs in one view: what they attain, hypervolume at equal cost, a rank test, and what differs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.store import Run, open_run
from workbench.views.base.markup import alert, quiet, table
from workbench.views.base.plot import Plot
from workbench.views.base.view import bar, button, classed, style_sheet
from workbench.views.compare.curves import COSTS, TIMES
from workbench.views.compare.data import Comparison, comparison
from workbench.views.compare.figure import comparison_figure, rank_table, settings_table

ALWAYS = ("training", *TIMES)
"""Costs among which the figure chooses itself."""

NOTE = (
    "Runs that differ only in seed, workers or length form a group. The upper row is where all have had the same "
    "training, the lower one where all have had the same time. Hypervolume counts whole generations, and before the "
    "first is finished the networks until then. Thick lines are medians; the band reaches from what all runs of a "
    "group attain to what the best attains. The test is Mann-Whitney’s, two-sided, from all permutations; "
    "P(group &gt; other) is the chance that a run of the group has the higher hypervolume (Vargha and Delaney’s A)."
)


class CompareView(ipw.VBox):
    """Choose run files, and compare them.

        CompareView(["a.sqlite", "b.sqlite", "c.sqlite"])

    Args:
        files: run files that are chosen at the start; they are compared at once if there are several.
        folder: whose run files are offered besides; that of the first file if None, else the current one.

    Attributes:
        chosen: the files offered and chosen.
        found: the comparison that is shown, or None.
    """

    def __init__(
        self, files: Sequence[str | os.PathLike[str]] = (), folder: str | os.PathLike[str] | None = None
    ) -> None:
        super().__init__()
        self.found: Comparison | None = None
        self._files: dict[str, Path] = {}
        given = [Path(os.path.expanduser(file)) for file in files]
        self._folder = Path(folder) if folder is not None else given[0].parent if given else Path()
        self.chosen = classed(ipw.SelectMultiple(rows=6, description="runs"), "wb-runs")
        hint = "other files, such as ../runs/*.sqlite"
        more = ipw.Text(placeholder=hint, description="more", continuous_update=False)
        self.more = classed(more, "wb-more-runs")
        costs = [("nothing more", None), *((text, name) for name, text in COSTS.items() if name not in ALWAYS)]
        tip = "Training and time are always shown, since each alone favours some backends and spaces"
        self.cost = classed(ipw.Dropdown(options=costs, description="also at equal", tooltip=tip), "wb-cost")
        help = "Read the chosen runs and compare"
        self.button = button("Compare", "wb-compare-now", help, self.compare, "balance-scale")
        self.message, self.tests, self.settings = ipw.HTML(), ipw.HTML(), ipw.HTML()
        self.plot = Plot()
        self.more.observe(lambda _: self._offer(), "value")
        self.cost.observe(lambda _: self._show(), "value")
        classed(self, "wb-view", "wb-compare")
        head = bar(self.chosen, ipw.VBox([self.more, ipw.HBox([self.cost, self.button])]))
        explained = ipw.HTML(f'<p class="wb-quiet">{NOTE}</p>')
        self.children = (style_sheet(), head, self.message, self.plot, self.tests, self.settings, explained)
        self._offer(given)
        if len(given) > 1:
            self.compare()
        else:
            self._say("Choose runs (Ctrl or Shift adds to the choice), then Compare.")

    def _offer(self, given: Iterable[Path] = ()) -> None:
        """Offer the files of the folder, those given, and those that the text names."""
        before = set(self.chosen.value)
        found = [*given, *self._files.values(), *sorted(self._folder.glob("*.sqlite"))]
        text = self.more.value.strip()
        named = [path for part in text.split(",") if part.strip() for path in _expand(part.strip())] if text else []
        self._files = _by_name([*found, *named])
        self.chosen.options = list(self._files)
        wanted = {path.resolve() for path in (*given, *named)}
        self.chosen.value = [name for name, path in self._files.items() if name in before or path.resolve() in wanted]
        if text and not named:
            self._say(f"No file is called {text}.", is_error=True)

    def compare(self) -> None:
        """Read the chosen runs and show the comparison."""
        if not self.chosen.value:
            self._say("Choose at least one run.", is_error=True)
            return
        try:
            runs: dict[str, Run] = {name: open_run(self._files[name]) for name in self.chosen.value}
            self.found = comparison(runs)
        except WorkbenchError as error:
            self._say(str(error), is_error=True)
            return
        self._say("")
        self._show()

    def _show(self) -> None:
        if self.found is None:
            return
        cost = self.cost.value
        self.plot.show(comparison_figure(self.found, cost=cost))
        ranks = rank_table(self.found, cost)
        title = "Rank tests of the hypervolumes, where all have spent the same"
        self.tests.value = table(title, ranks) if len(ranks) else quiet("One group: nothing to test.")
        settings = settings_table(self.found).rename_axis("setting").reset_index()
        title = "Settings that differ"
        self.settings.value = table(title, settings) if len(settings) else quiet("No setting differs.")

    def _say(self, text: str, is_error: bool = False) -> None:
        self.message.value = alert(text) if text and is_error else quiet(text)


def _expand(pattern: str) -> list[Path]:
    """The files that a name or pattern stands for."""
    path = Path(os.path.expanduser(pattern))
    if path.is_file():
        return [path]
    parent = path.parent if path.parent.is_dir() else Path()
    return sorted(each for each in parent.glob(path.name) if each.is_file()) if path.name else []


def _by_name(paths: Iterable[Path]) -> dict[str, Path]:
    """Files by their names; with the folder where a name comes twice."""
    different = {path.resolve(): path for path in paths}
    names = [path.stem for path in different.values()]
    return {
        path.stem if names.count(path.stem) == 1 else f"{path.parent.resolve().name}/{path.stem}": path
        for path in different.values()
    }
