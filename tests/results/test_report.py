"""The page about a run: self-contained, escaped, and with figures that agree with the run."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import workbench
from workbench.cli import main
from workbench.datasets import Dataset
from workbench.errors import ExportError, RunError
from workbench.results.files import ResultFile
from workbench.results.random_search import random_search
from workbench.results.report import ReportSources, write_report
from workbench.results.retraining import retrain_front
from workbench.search import Search, preset
from workbench.search.report import chosen_members
from workbench.space import Draws
from workbench.store import open_run
from workbench.training import TrainConfig
from workbench.views.network.figure import network_svg


class Reader(HTMLParser):
    """Collects what a page loads, its scripts, and the text that people see."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag, attributes):
        self._inside = tag if tag in ("script", "style") else ""
        given = dict(attributes)
        self.loads += [given[name] for name in ("src", "href") if given.get(name)]

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts.append(data)
        elif not self._inside:
            self.words.append(data)


def read(path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text("utf-8"))
    return reader


def test_the_page_has_everything_and_loads_nothing(run, digits, tmp_path):
    retraining = ResultFile(tmp_path / "retrain-digits.json")
    retrain_front(run, digits, TrainConfig(epochs=1), (0, 1), file=retraining, most=1, workers=1, say=lambda text: None)
    baselines = ResultFile(tmp_path / "baselines-digits.json")
    for seed in (0, 1):
        entry = {"title": "MLP <b>9</b>", "dataset": "digits", "flops": 900 + seed, "epochs": 3}
        baselines.add(f"mlp seed {seed}", {**entry, "test_accuracy": 0.9 + seed / 100})
    path = write_report(ReportSources(run, digits, results=tmp_path), tmp_path / "report.html", members=2)
    page = read(path)
    assert page.loads == []
    assert sum("plotly.js v" in script for script in page.scripts) == 1
    words = " ".join(page.words)
    for heading in (
        "The front against hand-made networks",
        "Hypervolume",
        "Accuracies",
        "trained again",
        "What the networks look like",
        "Which mutations paid",
        "Settings and versions",
    ):
        assert heading in words
    chosen = chosen_members(run, digits)
    assert all(f"{row.flops:,}" in words for row in chosen.itertuples())
    assert "MLP <b>9</b>" in words  # as text
    assert "<b>9</b>" not in path.read_text().split("</script>")[-1]
    looks = len(chosen) + 2 + 5
    assert f"The test set was evaluated {looks} times" in words
    assert path.read_text().count("<svg viewBox") == min(2, len(chosen))


def test_without_tests_nothing_is_tested(run, digits, tmp_path, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("the test set was looked at")

    monkeypatch.setattr("workbench.results.report.looks_at_test", refuse)
    path = write_report(ReportSources(run, digits, results=tmp_path), tmp_path / "report.html", test=False)
    words = " ".join(read(path).words)
    assert "test accuracy" not in words.replace("Stars: hand-made networks, test accuracy", "")
    assert "evaluated 0 times" in words


def test_other_runs_lie_beside_it(run, digits, tmp_path):
    for seed in (1, 2):
        search = random_search(run, digits, tmp_path / f"random{seed}.sqlite", seed=seed)
        search.start()
        search.join()
        search.close()
    others = tuple(open_run(tmp_path / f"random{seed}.sqlite") for seed in (1, 2))
    sources = ReportSources(run, digits, others, results=tmp_path)
    assert {kind: len(runs) for kind, runs in sources.groups().items()} == {"evolution": 1, "random search": 2}
    text = write_report(sources, tmp_path / "report.html", test=False).read_text()
    assert "random search: median of 2 runs" in text
    assert "processor seconds of training" in text


def test_another_space_is_told_of_in_its_own_words(mlp_run, digits, tmp_path):
    retraining = ResultFile(tmp_path / "retrain-mlp.json")
    table = retrain_front(
        mlp_run, digits, TrainConfig(epochs=1), (0,), file=retraining, most=1, workers=1, say=lambda text: None
    )
    assert table["fresh_epochs"].tolist() == [1]
    search = random_search(mlp_run, digits, tmp_path / "random.sqlite", seed=1)
    search.start()
    search.join()
    search.close()
    others = (open_run(tmp_path / "random.sqlite"),)
    assert others[0].individuals["parent"].isna().all()
    path = write_report(ReportSources(mlp_run, digits, others, results=tmp_path), tmp_path / "report.html", members=2)
    words = " ".join(read(path).words)
    assert "What the best one gets wrong" in words
    assert "trained again" in words
    assert chosen_members(mlp_run, digits)["summary"].iloc[0] in words
    assert "neurons" not in words
    assert ("What the networks look like" in words) == isinstance(mlp_run.space, Draws)


def test_a_space_read_as_text_is_shown_as_text(mlp_run, digits, tmp_path, monkeypatch):
    monkeypatch.setattr(type(mlp_run.space), "text_first", True)
    path = write_report(ReportSources(mlp_run, digits, (), results=tmp_path), tmp_path / "report.html", members=1)
    assert "Line by line" in " ".join(read(path).words)
    assert path.read_text().count('<div class="wbl-sections">') == 1


def test_text_is_escaped(run, digits, tmp_path):
    entry = {"title": "<script>", "dataset": "digits", "flops": 900, "epochs": 3, "test_accuracy": 0.9}
    ResultFile(tmp_path / "baselines-digits.json").add("one", entry)
    page = write_report(ReportSources(run, digits, results=tmp_path), tmp_path / "page.html", test=False).read_text()
    made = page.split("<h3>Hand-made networks")[1]
    assert "&lt;script&gt;" in made
    assert "<script>" not in made.split("</table>")[0]
    assert re.search(r'<td class="number">\d\d\.\d\d%</td>', made)


def test_pictures_are_small(run):
    picture = network_svg(run.genome(int(run.front()["id"].iloc[-1])))
    assert picture.startswith("<svg")
    assert len(picture) < 100_000


def test_the_command_line(run, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(run.path), "--output", "page.html", "--members", "1", "--no-test"]) == 0
    assert "page.html" in capsys.readouterr().out
    assert (tmp_path / "page.html").stat().st_size > 1_000_000
    assert main(["report", str(run.path), "--output", str(tmp_path / "none" / "page.html"), "--no-test"]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_errors(run, digits, tmp_path):
    with pytest.raises(RunError, match="made with other data"):
        ReportSources(run, digits.subset(100))
    with pytest.raises(ExportError, match="cannot write"):
        write_report(ReportSources(run, digits), tmp_path, test=False)


def test_a_report_on_own_data(tmp_path):
    """No word of hand-made networks where there are none; the classes by name."""
    images = np.random.default_rng(0).random((160, 6, 6)).astype(np.float32)
    images[np.arange(160), np.arange(160) % 3] += 1
    parts = images[:120], np.arange(120) % 3, images[120:], np.arange(120, 160) % 3
    data = Dataset.from_arrays(*parts, name="shapes", class_names=["bar", "cross", "ring"])
    chosen = preset("quick", data, population=3, children=1, generations=1, workers=1, **{"train.epochs": 1})
    Search(data, chosen, tmp_path / "run.sqlite").run(progress=False).close()
    text = workbench.report(tmp_path / "run.sqlite", tmp_path / "report.html", data, results=tmp_path).read_text()
    assert "hand-made" not in text
    assert "Stars" not in text
    assert "What the best one gets wrong" in text
    assert '["bar","cross","ring"]' in text
    assert '"showlegend":true' in text


@pytest.mark.slow
def test_a_study_of_own_data_is_one_command(tmp_path):
    from workbench.results.__main__ import main

    images, labels = np.random.default_rng(0).random((200, 6, 6)).astype(np.float32), np.arange(200) % 3
    images[np.arange(200), labels] += 1
    arrays = {"train_images": images[:160], "train_labels": labels[:160]}
    np.savez(tmp_path / "shapes.npz", **arrays, test_images=images[160:], test_labels=labels[160:])
    folder = tmp_path / "results"
    line = ["--quick", "--seeds", "0", "--data", str(tmp_path / "shapes.npz"), "--folder", str(folder)]
    assert main(line) == 0
    assert "logistic" in (folder / "baselines-shapes.json").read_text()
    assert (folder / "retrain-shapes-quick-0.json").exists()
