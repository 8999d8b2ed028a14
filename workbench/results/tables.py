"""The tables of a study from its files of results, as Markdown: every figure of the README is printed here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.results.baselines import measured_baselines
from workbench.results.files import ABOUT, Mean, ResultFile, looks_at_test, mean_of
from workbench.results.retraining import retraining_table
from workbench.results.study import Study


def study_tables(study: Study) -> str:
    """All tables for which there are results, and how often the test set was looked at."""
    parts = [_baselines(study.baseline_path()), _searches(study.searches_path())]
    parts += [_retraining(study.retraining_path(seed), seed) for seed in study.seeds]
    parts += [_finishing(study.finishing_path(seed), seed) for seed in study.seeds]
    files = [study.baseline_path()]
    files += [path(seed) for seed in study.seeds for path in (study.retraining_path, study.finishing_path)]
    looks = looks_at_test(ResultFile(path) for path in files if path.exists())
    parts.append(f"The test set of {study.dataset} was looked at {looks} times for these tables.")
    return "\n\n".join(part for part in parts if part)


def _baselines(path: Path) -> str:
    if not path.exists():
        return ""
    file = ResultFile(path)
    totals = {entry["title"]: entry["flops_total"] for _, entry in file.items()}
    rows = []
    for one in measured_baselines(file):
        training, _, accuracy = one.recipe.partition(": ")
        rows.append((one.name, f"{one.flops:,}", f"{totals[one.name]:,}", accuracy, training))
    head = ("hand-made network", "FLOPs", "all operations", "test accuracy", "training")
    return f"### {path.stem}: hand-made networks\n\n{markdown(head, rows)}"


def _searches(path: Path) -> str:
    if not path.exists():
        return ""
    entries = {(entry["selection"] == "random", entry["seed"]): entry for _, entry in ResultFile(path).items()}
    seeds = sorted({seed for _, seed in entries})
    rows: list[tuple[str, ...]] = []
    for seed in seeds:
        found, random = entries.get((False, seed)), entries.get((True, seed))
        rows.append((str(seed), *_figures(found), *_figures(random), _difference(found, random)))
    both = [seed for seed in seeds if (False, seed) in entries and (True, seed) in entries]
    if len(both) > 1:
        differences = [entries[False, seed]["hypervolume"] - entries[True, seed]["hypervolume"] for seed in both]
        rows.append(("mean", "", "", "", "", "", "", _signed(mean_of(differences))))
    head = ("seed", "hypervolume", "individuals", "minutes", "random search", "individuals", "minutes", "difference")
    title = f"### {path.stem}: evolution against random search of equal training (epochs × FLOPs)"
    return f"{title}\n\n{markdown(head, rows)}"


def _figures(entry: dict[str, Any] | None) -> tuple[str, str, str]:
    if entry is None:
        return "–", "–", "–"
    return f"{entry['hypervolume']:.4f}", f"{entry['individuals']:,}", f"{entry['minutes']:.1f}"


def _difference(found: dict[str, Any] | None, random: dict[str, Any] | None) -> str:
    return "–" if found is None or random is None else f"{found['hypervolume'] - random['hypervolume']:+.4f}"


def _signed(mean: Mean) -> str:
    return f"{mean.mean:+.4f} ± {mean.margin:.4f}"


def _retraining(path: Path, seed: int) -> str:
    if not path.exists():
        return ""
    table = retraining_table(ResultFile(path))
    rows = [
        (
            f"{row['flops']:,}",
            f"{row['flops_total']:,}",
            f"{100 * row['found']:.2f} %",
            str(row["lineage_epochs"]),
            *(
                Mean(row[start], row[f"{start}_margin"], row[f"{start}_seeds"]).percent()
                for start in ("fresh", "inherited")
            ),
        )
        for row in table.to_dict("records")
    ]
    epochs = {start: int(table[f"{start}_epochs"].max()) if len(table) else 0 for start in ("fresh", "inherited")}
    head = (
        "FLOPs",
        "all operations",
        "as found",
        "epochs of its lineage",
        f"from scratch, {epochs['fresh']} epochs",
        f"trained on, {epochs['inherited']} epochs",
    )
    return f"### {path.stem}: the front of seed {seed}, test accuracy\n\n{markdown(head, rows)}"


def _finishing(path: Path, seed: int) -> str:
    if not path.exists():
        return ""
    rows = [
        (
            f"{entry['flops']:,}",
            f"{entry['flops_total']:,}",
            f"{entry['growth']:g}×",
            str(entry["lineage_epochs"]),
            str(entry["epochs"]),
            f"{100 * entry['test_accuracy']:.2f} %",
        )
        for key, entry in ResultFile(path).items()
        if key != ABOUT
    ]
    head = ("FLOPs", "all operations", "grown", "epochs before", "epochs of the last training", "test accuracy")
    title = f"### {path.stem}: the most accurate member of seed {seed}, grown and trained for long"
    return f"{title}\n\n{markdown(head, rows)}"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
