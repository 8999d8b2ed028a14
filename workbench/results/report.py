"""One self-contained HTML page about a run: what it found, how good that is, which mutations paid, what it cost."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.datasets import Dataset
from workbench.errors import RunError
from workbench.formats import MISSING, in_words, table_cell
from workbench.outputs import output_file
from workbench.results.files import ABOUT, ResultFile, looks_at_test, measured_baselines
from workbench.results.random_search import training_cost
from workbench.results.retraining import lineage_epochs, retraining_table
from workbench.search.report import chosen_members, front_table
from workbench.search.stored import data_of
from workbench.space import Draws, Lists, Predicts, SearchSpace, is_text_first
from workbench.spaces import NeuronSpace
from workbench.store import Run, open_run
from workbench.views.base.palette import INPUTS, OUTPUTS, layer_color
from workbench.views.compare.data import Comparison, comparison
from workbench.views.compare.figure import comparison_figure
from workbench.views.front.data import Baseline, FrontInfo, baselines_for, front_group
from workbench.views.front.figure import draw_front
from workbench.views.front.hypervolume import hypervolume_spread_figure
from workbench.views.inspect.figure import confusion_figure
from workbench.views.listing.figure import listing_html
from workbench.views.modules.figure import picture_svg
from workbench.views.mutations.data import Estimate, mutation_effects
from workbench.views.mutations.figure import effects_figure
from workbench.views.network.figure import network_svg
from workbench.views.run.data import flat

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

TEMPLATE = Path(__file__).with_suffix(".html")


@dataclass(frozen=True)
class ReportSources:
    """Where a report takes its figures from.

    Attributes:
        run: the run to report on.
        data: its data set.
        others: runs to show beside it: other seeds, a random search.
        results: folder with `baselines-NAME.json` and retrainings; missing results are left out.
    """

    run: Run
    data: Dataset
    others: tuple[Run, ...] = ()
    results: Path = field(default_factory=lambda: Path("data/results"))

    def __post_init__(self) -> None:
        for run in (self.run, *self.others):
            if run.dataset["fingerprint"] != self.data.fingerprint:
                raise RunError(f"{run.path} was made with other data ({run.dataset['name']}); pass the same data set")

    def groups(self) -> dict[str, tuple[Run, ...]]:
        """All runs, grouped into evolution and random search."""
        runs = (self.run, *self.others)
        return {kind: tuple(run for run in runs if kind_of(run) == kind) for kind in dict.fromkeys(map(kind_of, runs))}

    def comparison(self) -> Comparison:
        """All runs at equal training and time; `ConfigError` if they do not compare."""
        runs = {f"{place}: {run.path.name}": run for place, run in enumerate((self.run, *self.others))}
        spaces, groups = {run.space_name for run in runs.values()}, dict[str, list[str]]()
        for name, run in runs.items():
            kind = kind_of(run) if len(spaces) == 1 else f"{run.space_name}: {kind_of(run)}"
            groups.setdefault(kind, []).append(name)
        return comparison(runs, groups)

    def baseline_file(self) -> ResultFile | None:
        """Measured baselines of the data set, if there are any."""
        path = self.results / f"baselines-{self.data.name}.json"
        return ResultFile(path) if path.exists() else None

    def retraining(self) -> ResultFile | None:
        """The retraining of the run's front, if one is stored."""
        for path in sorted(self.results.glob("retrain-*.json")):
            file = ResultFile(path)
            if ABOUT in file and file[ABOUT].get("run") == self.run.created_at:
                return file
        return None


def kind_of(run: Run) -> str:
    """Which kind of search a run was."""
    return "random search" if run.config.get("selection") == "random" else "evolution"


def report(
    run: Run | str | os.PathLike[str],
    path: str | os.PathLike[str] = "report.html",
    data: Dataset | None = None,
    *,
    others: Sequence[Run | str | os.PathLike[str]] = (),
    results: str | os.PathLike[str] = "data/results",
    members: int = 6,
    test: bool = True,
    root: str | os.PathLike[str] | None = None,
) -> Path:
    """Write a report of a run as one HTML page that needs nothing else; see `write_report`.

    Args:
        run: the run, or its file.
        path: the page.
        data: needed only if the run's data set was made from arrays.
        others: runs to show beside it: other seeds, a random search.
        results: folder of measured baselines and retrainings; what is missing is left out.
        members: how many networks to draw.
        test: whether to evaluate the test set.
        root: where the data lie, as for `load_dataset`.

    Raises:
        RunError: if a run cannot be read, or was made with other data, or has no trained individual yet.
        ExportError: if the page cannot be written.
    """
    runs = [each if isinstance(each, Run) else open_run(each) for each in (run, *others)]
    sources = ReportSources(runs[0], data_of(runs[0], data, root), tuple(runs[1:]), Path(results))
    return write_report(sources, path, members=members, test=test)


def write_report(
    sources: ReportSources, path: str | os.PathLike[str] = "report.html", *, members: int = 6, test: bool = True
) -> Path:
    """Write one HTML page that needs nothing else, not even a network connection.

    Members of the front are chosen on the selection split, and only those are tested; the page says how often the test
    set was evaluated.

    Args:
        sources: the run and what to compare it with.
        path: the file.
        members: how many networks to draw.
        test: whether to evaluate the test set.

    Raises:
        RunError: if the run has no trained individual yet.
        ExportError: if the file cannot be written.
    """
    run, data, path = sources.run, sources.data, Path(path)
    if len(run.front()) == 0:
        raise RunError(f"{run.path} has no trained individual yet, so there is nothing to report")
    if test:
        table = front_table(run, data).dropna(subset=["test_accuracy"]).reset_index(drop=True)
    else:
        table = chosen_members(run, data)
    table = table.assign(lineage_epochs=[lineage_epochs(run, int(id)) for id in table["id"]])
    measured = sources.baseline_file()
    baselines = baselines_for(data.name) if measured is None else measured_baselines(measured)
    page = _render(
        title=f"{run.dataset['name']}: {kind_of(run)}, seed {run.seed}",
        run=run,
        test=test,
        others=bool(sources.others),
        hand_made=bool(baselines),
        confusion=_confusion(run, data, table, test),
        facts=_facts(run),
        mutations=_mutations(run),
        settings=_settings(run),
        **_figures(sources, table, baselines),
        **_accuracies(sources, table, test, baselines),
        **_networks(run, table, members),
    )
    with output_file(path) as part:
        part.write_text(page, "utf-8")
    return path


def _render(**parts: Any) -> str:
    """Fill the template: text is escaped, plotly is inlined once, nothing is loaded from elsewhere."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    def align(rows: pd.DataFrame, name: str) -> Markup:
        return Markup(' class="number"' if rows[name].dtype.kind in "iuf" else "")

    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters["in_words"] = in_words
    template = environment.from_string(TEMPLATE.read_text("utf-8"), {"cell": table_cell, "align": align})
    return template.render(plotly=Markup(get_plotlyjs()), **parts)


def _embedded(figure: go.Figure) -> Any:
    """An interactive figure as wide as the page, which holds plotly itself."""
    from markupsafe import Markup

    figure.update_layout(width=None, autosize=True)
    if not figure.layout.title.text:
        figure.update_layout(margin_t=24)
    config = {"responsive": True, "displaylogo": False, "showSendToCloud": False}
    return Markup(figure.to_html(full_html=False, include_plotlyjs=False, config=config))


def _facts(run: Run) -> dict[str, str]:
    individuals, generations = run.individuals, run.generations
    return {
        "individuals": f"{len(individuals):,}",
        "of them failed": f"{int((individuals['status'] != 'ok').sum()):,}",
        "generations": f"{max(0, len(generations) - 1):,}",
        "on the front": f"{len(run.front()):,}",
        "minutes": f"{float(generations['wall_seconds'].sum()) / 60:,.1f}",
        "epochs trained": f"{int(individuals['epochs'].fillna(0).sum()):,}",
        "epochs × FLOPs": f"{training_cost(run):,.3g}",
    }


def _figures(sources: ReportSources, table: pd.DataFrame, baselines: Sequence[Baseline]) -> dict[str, Any]:
    others = {f"{kind_of(run)}, seed {run.seed}": front_group(run) for run in sources.others}
    tested = "test_accuracy" in table
    accuracies = table["test_accuracy" if tested else "val_accuracy"]
    shown = front_group(sources.run, dict(zip(table["id"].tolist(), accuracies.tolist(), strict=True)))
    info = FrontInfo({"all-time front": shown}, tested=tested)
    front = draw_front(info, baselines=baselines, others=others).update_layout(showlegend=True)
    volumes = [hypervolume_spread_figure(sources.groups())]
    if others:
        volumes.append(comparison_figure(sources.comparison()))
    return {"front": _embedded(front), "hypervolumes": [_embedded(each) for each in volumes]}


def _accuracies(
    sources: ReportSources, table: pd.DataFrame, test: bool, baselines: Sequence[Baseline]
) -> dict[str, Any]:
    """The tables of accuracies, and how often the test set was evaluated for them."""
    import pandas as pd

    names = ["id", "flops", "flops_total", "parameters", "summary", "lineage_epochs", "val_accuracy"]
    names += ["selection_accuracy", *(["test_accuracy"] if test else [])]
    file, retraining = sources.baseline_file(), sources.retraining()
    rows = [(one.name, one.flops, one.accuracy, one.recipe) for one in baselines]
    columns = ["hand-made network", "flops", "mean test_accuracy", "recipe: mean ± 95 %"]
    files = [each for each in (file, retraining) if each is not None]
    return {
        "accuracies": table[names],
        "baselines": None if file is None else pd.DataFrame(rows, columns=columns),
        "retrained": None if retraining is None else _retrained(retraining_table(retraining)),
        "looks": (len(table) if test else 0) + (looks_at_test(files) if files else 0),
    }


def _retrained(table: pd.DataFrame) -> pd.DataFrame:
    """The table of retraining for people: means with margins as text."""
    shown = table[["id", "flops", "lineage_epochs"]].assign(found_accuracy=table["found"])
    for start, words in (("fresh", "from fresh weights"), ("inherited", "trained on")):
        shown[f"{words}, {int(table[f'{start}_epochs'].max())} epochs"] = [
            f"{mean:.2%}" + (f" ± {100 * margin:.2f}" if margin == margin else "")
            for mean, margin in zip(table[start], table[f"{start}_margin"], strict=True)
        ]
    return shown


def _confusion(run: Run, data: Dataset, table: pd.DataFrame, test: bool) -> dict[str, Any]:
    """The mistakes of the member that the selection split prefers; nothing if the space does not tell predictions."""
    space: SearchSpace = run.space
    if not isinstance(space, Predicts):
        return {}
    id, split = int(table["id"].iloc[int(table["selection_accuracy"].argmax())]), "test" if test else "selection"
    return {"id": id, "split": split, "figure": _embedded(confusion_figure(run.genome(id), data, split, space))}


def _networks(run: Run, table: pd.DataFrame, members: int) -> dict[str, Any]:
    """Pictures of members spread over the front with captions, and the colours of the layers of neurons."""
    from markupsafe import Markup

    space = run.space
    has_neurons = isinstance(space, NeuronSpace)
    if members < 1 or not isinstance(space, NeuronSpace | Draws | Lists):
        return {"networks": [], "colors": {}, "is_text": False}
    places = sorted({round(index * (len(table) - 1) / max(1, members - 1)) for index in range(members)})
    column = "test_accuracy" if "test_accuracy" in table else "val_accuracy"
    drawn = [
        (
            Markup(_drawn(space, run.genome(int(row["id"])))),
            f"Individual {row['id']}: {row[column]:.2%}, {row['flops']:,} FLOPs, {row['summary']}",
        )
        for row in table.iloc[places].to_dict("records")
    ]
    if not has_neurons:
        return {"networks": drawn, "colors": {}, "is_text": is_text_first(space)}
    hidden = max(row.count("-") for row in table["summary"]) - 1
    layers = {f"layer {layer}": layer_color(layer) for layer in range(1, hidden + 1)}
    return {"networks": drawn, "colors": {"inputs": INPUTS, "outputs": OUTPUTS, **layers}, "is_text": False}


def _drawn(space: Any, genome: Any) -> str:
    if isinstance(space, NeuronSpace):
        return network_svg(genome)
    return listing_html(space.listing(genome)) if is_text_first(space) else picture_svg(space.picture(genome))


def _share(estimate: Estimate) -> str:
    return f"{estimate.value:.0%}" if estimate.n else MISSING


def _mutations(run: Run) -> dict[str, Any]:
    import pandas as pd

    info = mutation_effects(run)
    if not len(info.table):
        return {}
    rows = [
        {
            "mutation": in_words(effects.kind),
            "children": effects.children,
            "failed": effects.failed,
            "on the front": f"{effects.front.value:.0%}",
            "line alive": f"{effects.lines.value:.0%}",
            "before training": f"{100 * effects.before.value:+z.2f}",
            "after training": f"{100 * effects.after.value:+z.2f}",
            "FLOPs": f"× {effects.flops.value:.2f}",
        }
        | ({"neutral": _share(effects.neutral), "died": _share(effects.died)} if info.has_screened else {})
        for effects in info.effects
        if effects.children
    ]
    return {"table": pd.DataFrame(rows), "figure": _embedded(effects_figure(info)), "has_screened": info.has_screened}


def _settings(run: Run) -> dict[str, pd.DataFrame]:
    """Everything that the run's head says, each part as a table of dotted names and values."""
    import pandas as pd

    parts: dict[str, Mapping[str, Any]] = {
        "Settings of the search": run.config,
        f"Search space {run.space_name}": run.space_config,
        "Versions": {**run.versions, "processor": run.description.cpu},
    }
    return {
        title: pd.DataFrame([(name, str(value)) for name, value in flat(values).items()], columns=["setting", "value"])
        for title, values in parts.items()
    }
