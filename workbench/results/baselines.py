"""All baselines of a data set over several seeds, into a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace

from workbench import baselines
from workbench.datasets import Dataset
from workbench.results.files import ResultFile, mean_of
from workbench.views.front.data import Baseline

Say = Callable[[str], None]


def measure_baselines(
    file: ResultFile,
    data: Dataset,
    seeds: Iterable[int],
    names: Iterable[str] | None = None,
    *,
    epochs: int | None = None,
    say: Say = print,
) -> None:
    """Train what is missing in `file`, the first seed of all baselines before the second of any.

    Those of `names`, or the data set's suite if None; for at most `epochs`, for a quick look; `say` is told of each.
    """
    chosen = list(names) if names is not None else list(baselines.SUITES[data.name])
    for seed in seeds:
        for name in chosen:
            _measure(file, data, baselines.baseline(name), seed, epochs, say)


def _measure(
    file: ResultFile, data: Dataset, baseline: baselines.Architecture, seed: int, epochs: int | None, say: Say
) -> None:
    config = baselines.recipe(baseline, data.name)
    if epochs is not None:
        config = replace(config, epochs=min(epochs, config.epochs))
    done = f"{baseline.name} seed {seed}"
    last = f"{done} {baseline.sparsities[-1]:.1%}" if baseline.sparsities else done
    if last in file:
        return

    def keep(record: baselines.BaselineRecord) -> None:
        key = f"{done} {record.title.rpartition(' ')[2]}" if baseline.sparsities else done
        file.add(key, asdict(record))
        say(f"{data.name}, {key}: {record.test_accuracy:.2%} test accuracy, {record.seconds:.0f} s")

    if baseline.sparsities:
        baselines.train_pruned(baseline, data, config, seed, keep)
    else:
        keep(baselines.train(baseline, data, config, seed))


def measured_baselines(file: ResultFile) -> tuple[Baseline, ...]:
    """The hand-made networks in a file, by rising FLOPs, each with its mean test accuracy over the seeds."""
    titles = dict.fromkeys(entry["title"] for _, entry in file.items())
    made = []
    for title in titles:
        group = [entry for _, entry in file.items() if entry["title"] == title]
        first, reached = group[0], mean_of([entry["test_accuracy"] for entry in group])
        flops = round(sum(entry["flops"] for entry in group) / len(group))  # seeds are pruned to slightly other edges
        seeds = "1 seed" if reached.n == 1 else f"{reached.n} seeds"
        recipe = f"{first['epochs']} epochs, {seeds}: {reached.percent()}"
        made.append(Baseline(title, first["dataset"], flops, reached.mean, recipe))
    return tuple(sorted(made, key=lambda one: one.flops))
