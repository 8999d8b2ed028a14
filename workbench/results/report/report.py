"""The report on a run: what it found, how good that is, which mutations paid, and what it cost."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ExportError, RunError
from workbench.genome import Genome
from workbench.results.random_search import training_cost
from workbench.results.report import figures, page
from workbench.results.report.networks import network_svg
from workbench.results.report.sources import ReportSources, kind_of
from workbench.results.retraining import lineage_epochs, looks_at_test, retraining_table
from workbench.search.report import front_table
from workbench.store import Run
from workbench.views.base.palette import INPUTS, OUTPUTS, layer_color
from workbench.views.mutations.data import mutation_effects
from workbench.views.mutations.figure import effects_figure

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ReportSources", "write_report"]


def write_report(
    sources: ReportSources, path: str | os.PathLike[str] = "report.html", *, members: int = 6, test: bool = True
) -> Path:
    """Write one HTML page that needs nothing else, not even a network connection.

    Members of the front are chosen on the selection split, and only those are tested; the page says how often the test
    set was looked at.

    Args:
        sources: the run and what to compare it with.
        path: the file.
        members: how many networks are drawn.
        test: whether to look at the test set.

    Raises:
        RunError: if the run has no trained individual yet.
        ExportError: if the file cannot be written.
    """
    run = sources.run
    if len(run.front()) == 0:
        raise RunError(f"{run.path} has no trained individual yet, so there is nothing to report")
    table = _chosen(run, sources, test)
    parts = [
        _head(run),
        _front(sources, table, test),
        _hypervolume(sources),
        _accuracies(sources, table, test),
        _networks(run, table, members),
        _mutations(run),
        _settings(run),
    ]
    path = Path(path)
    try:
        path.write_text(page.page(f"{run.dataset['name']}: {kind_of(run)}, seed {run.seed}", parts), "utf-8")
    except OSError as error:
        raise ExportError(f"cannot write {path}: {error.strerror or error}") from None
    return path


def _chosen(run: Run, sources: ReportSources, test: bool) -> pd.DataFrame:
    """Members that the selection split chose, with the epochs of their lineages."""
    table = front_table(run, sources.data, test=test)
    before = table["selection_accuracy"].cummax().shift(fill_value=float("-inf"))
    table = table[table["selection_accuracy"] > before].reset_index(drop=True)
    epochs = [lineage_epochs(run, int(id)) for id in table["id"]]
    return (table if test else table.drop(columns="test_accuracy")).assign(lineage_epochs=epochs)


def _head(run: Run) -> str:
    individuals, generations = run.individuals, run.generations
    minutes = float(generations["wall_seconds"].sum()) / 60
    values = {
        "individuals": f"{len(individuals):,}",
        "of them failed": f"{int((individuals['status'] != 'ok').sum()):,}",
        "generations": f"{max(0, len(generations) - 1):,}",
        "on the front": f"{len(run.front()):,}",
        "minutes": f"{minutes:,.1f}",
        "epochs trained": f"{int(individuals['epochs'].fillna(0).sum()):,}",
        "epochs × FLOPs": f"{training_cost(run):,.3g}",
    }
    made = (
        f"{run.path.name}, begun {run.created_at[:16].replace('T', ' ')} UTC, {run.state}. " if run.created_at else ""
    )
    where = f"{made}Minutes are of {run.description.cpu or 'an unknown processor'}."
    title = f"{run.dataset['name']}: {kind_of(run)}, seed {run.seed}"
    return f"<h1>{page.text(title)}</h1>{page.paragraph(where, quiet=True)}{page.facts(values)}"


def _front(sources: ReportSources, table: pd.DataFrame, test: bool) -> str:
    others = {f"{kind_of(run)}, seed {run.seed}": run.front() for run in sources.others}
    made = figures.tested_front_figure(table, others, sources.baselines(), "")
    words = (
        "Each member shown was chosen on the selection split, then tested."
        if test
        else "Validation accuracy, which drove the search and is therefore too high by a little; nothing was tested."
    )
    more = " Other runs show validation accuracy." if others else ""
    return page.section(
        "The front against hand-made networks",
        page.paragraph(f"{words}{more} Stars: test accuracy."),
        page.figure(made),
    )


def _hypervolume(sources: ReportSources) -> str:
    groups = sources.groups()
    several = len(sources.others) > 0
    words = "The share of the box of error and log FLOPs that the front dominates; the box is fixed per data set."
    band = " Thick: the median over runs; the band holds all of them." if several else ""
    parts = [page.figure(figures.hypervolume_figure(groups))]
    if several:
        parts.append(page.figure(figures.hypervolume_figure(groups, "training")))
    return page.section("Hypervolume", page.paragraph(words + band), *parts)


def _accuracies(sources: ReportSources, table: pd.DataFrame, test: bool) -> str:
    import pandas as pd

    names = ["id", "flops", "flops_total", "parameters", "layers", "lineage_epochs", "val_accuracy"]
    names += ["selection_accuracy", *(["test_accuracy"] if test else [])]
    parts, looks = [page.table(table[names])], len(table) if test else 0
    baselines, retrained = sources.baseline_file(), sources.retraining()
    if baselines is not None:
        rows = pd.DataFrame([(one.name, one.flops, one.accuracy, one.recipe) for one in sources.baselines()])
        rows.columns = pd.Index(["hand-made network", "flops", "mean test_accuracy", "recipe: mean ± 95 %"])
        parts += ["<h3>Hand-made networks, same data and schedule</h3>", page.table(rows)]
        looks += looks_at_test([baselines])
    if retrained is not None:
        parts += ["<h3>The front's networks trained again</h3>", page.table(_retrained(retraining_table(retrained)))]
        parts.append(page.paragraph("Test accuracy: mean ± half of a 95 % interval by Student's t over the seeds."))
        looks += looks_at_test([retrained])
    parts.append(page.paragraph(f"The test set was looked at {looks:,} times for what this page shows."))
    return page.section("Accuracies", *parts)


def _retrained(table: pd.DataFrame) -> pd.DataFrame:
    """The table of retraining for people: means with margins as text."""
    shown = table[["id", "flops", "lineage_epochs"]].assign(found_accuracy=table["found"])
    for start, words in (("fresh", "from fresh weights"), ("inherited", "trained on")):
        shown[f"{words}, {int(table[f'{start}_epochs'].max())} epochs"] = [
            f"{mean:.2%}" + (f" ± {100 * margin:.2f}" if margin == margin else "")
            for mean, margin in zip(table[start], table[f"{start}_margin"], strict=True)
        ]
    return shown


def _networks(run: Run, table: pd.DataFrame, members: int) -> str:
    if run.space_name != "neurons" or members < 1:
        return ""
    places = sorted({round(index * (len(table) - 1) / max(1, members - 1)) for index in range(members)})
    column, drawn = "test_accuracy" if "test_accuracy" in table else "val_accuracy", []
    for row in table.iloc[places].to_dict("records"):
        genome: Genome = run.genome(int(row["id"]))
        words = f"Individual {row['id']}: {row[column]:.2%}, {row['flops']:,} FLOPs, layers of {row['layers']} neurons"
        drawn.append(f"<figure>{network_svg(genome)}<figcaption>{page.text(words)}</figcaption></figure>")
    hidden = max(row.count("-") for row in table["layers"]) - 1
    colors = {"inputs": INPUTS, "outputs": OUTPUTS}
    colors |= {f"layer {layer}": layer_color(layer) for layer in range(1, hidden + 1)}
    key = "".join(f'<span class="key" style="background:{color}"></span>{name}' for name, color in colors.items())
    words = (
        "Left: layers from left to right, the heaviest edges (blue positive, orange negative). Right: hidden neurons "
        "over the image, at the mean position of what feeds them, coloured by layer."
    )
    grid = f'<div class="networks">{"".join(drawn)}</div>'
    return page.section("What the networks look like", page.paragraph(words), f"<p>{key}</p>", grid)


def _mutations(run: Run) -> str:
    import pandas as pd

    info = mutation_effects(run)
    if not len(info.table):
        return ""
    rows = [
        {
            "mutation": effects.kind.replace("_", " "),
            "children": effects.children,
            "of them failed": effects.failed,
            "on the front": f"{effects.front.value:.0%}",
            "line is alive": f"{effects.lines.value:.0%}",
            "change before training": f"{100 * effects.before.value:+.2f}",
            "after training": f"{100 * effects.after.value:+.2f}",
            "FLOPs": f"× {effects.flops.value:.2f}",
        }
        for effects in info.effects
        if effects.children
    ]
    words = (
        "Of each mutation's children: how many reached the all-time front of their generation, and by how many points "
        "of accuracy (median) and what factor of FLOPs they differ from their parents."
    )
    return page.section(
        "Which mutations paid", page.paragraph(words), page.table(pd.DataFrame(rows)), page.figure(effects_figure(info))
    )


def _settings(run: Run) -> str:
    import pandas as pd

    def rows(values: Mapping[str, Any]) -> str:
        flat = pd.DataFrame(_flat(values), columns=["setting", "value"], dtype=object)
        return page.table(flat)

    return page.section(
        "Settings and versions",
        page.folded("Settings of the search", rows(run.config)),
        page.folded(f"Search space {run.space_name}", rows(run.space_config)),
        page.folded("Versions", rows({**run.versions, "processor": run.description.cpu})),
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as dotted names and text."""
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", str(value)))
    return rows
