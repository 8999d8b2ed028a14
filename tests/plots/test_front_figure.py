"""The front as a figure."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.errors import ExportError
from workbench.individuals import Cost, Individual, TrainResult
from workbench.objectives import objectives_of
from workbench.plots import front_figure, front_info, save_picture
from workbench.search.history import IndividualSummary
from workbench.store import GenerationRecord, Run, RunDescription, create_run, open_run
from workbench.views.base.figures import log_axis
from workbench.views.front.data import Baseline
from workbench.views.front.figure import group_trace, live_figure

POINTS = [(0.90, 4000), (0.50, 100), (0.70, 2000), (0.80, 1000), (0.60, 3000)]
"""(accuracy, FLOPs) by id: 0, 1 and 3 are the front."""


def individual(id: int, accuracy: float, flops: int) -> Individual:
    initial = id < 2
    return Individual(
        id=id,
        parent=None if initial else 0,
        generation=0 if initial else 1,
        origin="initial" if initial else "mutation",
        mutation={} if initial else {"kind": "add_edges"},
        seed=id,
        status="ok",
        failure=None,
        cost=Cost(flops, flops, flops // 2),
        result=TrainResult(None, accuracy, 0.1, ({},)),
        wall_seconds=1.0,
    )


def make_run(path: Path, name: str = "digits", *, empty: bool = False) -> Run:
    description = RunDescription("neurons", {}, {}, {"name": name, "fingerprint": "", "root": None}, 0)
    with create_run(path, description) as writer:
        if not empty:
            for id, point in enumerate(POINTS):
                writer.add_individual(individual(id, *point), None)
            lost = replace(individual(5, 0.99, 10), status="failed", failure="diverged")
            writer.add_individual(lost, None)
            writer.finish_generation(GenerationRecord(1, (2, 3), (1, 3, 0), 0.5, 0.9, 5, 1, 5, 1.0))
    return open_run(path)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return make_run(tmp_path / "run.sqlite")


def test_rows_are_sorted_right(run):
    info = front_info(run)
    assert info.front["id"].tolist() == [1, 3, 0]  # by rising FLOPs
    assert info.alive["id"].tolist() == [2]  # 3 is alive too, but on the front
    assert info.dead["id"].tolist() == [4]
    assert info.title == "digits: 5 networks, 3 on the front"  # the failed one is nowhere


def test_axes_are_labelled_and_flops_logarithmic(run):
    layout = front_figure(run).layout
    assert layout.xaxis.type == "log"
    assert "FLOPs" in layout.xaxis.title.text
    assert "validation accuracy" in layout.yaxis.title.text
    assert layout.title.text == front_info(run).title


def test_traces(run):
    traces = {trace.name: trace for trace in front_figure(run).data}
    assert list(traces) == ["dead (1)", "alive (1)", "all-time front (3)"]
    front = traces["all-time front (3)"]
    assert list(front.x) == [100, 1000, 4000]
    assert list(front.y) == [0.5, 0.8, 0.9]
    assert front.line.shape == "hv"  # a front is a staircase
    assert len({trace.marker.color for trace in traces.values()}) == 3


def test_hover_text(run):
    front = front_figure(run).data[-1]
    assert [list(row) for row in front.customdata] == [
        [1, 0, "initial", 50],
        [3, 1, "add_edges", 500],
        [0, 0, "initial", 2000],
    ]
    for shown in ("customdata[0]", "customdata[1]", "customdata[2]", "customdata[3]", "%{y", "%{x"):
        assert shown in front.hovertemplate


def test_an_empty_run(tmp_path):
    run = make_run(tmp_path / "empty.sqlite", empty=True)
    assert front_info(run).title == "digits: 0 networks, 0 on the front"
    assert [len(trace.x) for trace in front_figure(run).data] == [0, 0, 0]


def test_names_are_text_and_not_markup(tmp_path):
    run = make_run(tmp_path / "run.sqlite", "<b>a</b> & </script><script>alert(1)</script>")
    assert front_figure(run).layout.title.text.startswith("&lt;b&gt;a&lt;/b&gt; &amp; &lt;/script&gt;")
    assert front_info(run).title.startswith("<b>a</b> & ")
    page = save_picture(front_figure(run), tmp_path / "front.html").read_text()
    assert "<script>alert(1)" not in page


def test_a_page_needs_nothing_else(run, tmp_path):
    path = save_picture(front_figure(run), tmp_path / "front.html")
    assert path == tmp_path / "front.html"
    page = path.read_text()
    assert not re.search(r"<script[^>]*\bsrc\s*=", page)
    assert "all-time front (3)" in page


@pytest.mark.parametrize("name", ["front.bmp", "front", "html", "front.html.gz"])
def test_an_unknown_ending(run, tmp_path, name):
    with pytest.raises(ExportError, match=r"must end in one of \.html, \.png"):
        save_picture(front_figure(run), tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_folder_that_is_not_there(run, tmp_path):
    with pytest.raises(ExportError, match=r"cannot write .*missing"):
        save_picture(front_figure(run), tmp_path / "missing" / "front.html")


@pytest.mark.parametrize("reason", [ValueError("no kaleido"), ImportError("no kaleido"), RuntimeError("no Chrome")])
def test_without_kaleido_an_error_says_what_to_do(run, tmp_path, monkeypatch, reason):
    figure = front_figure(run)

    def write_image(self, path):
        raise reason

    monkeypatch.setattr(type(figure), "write_image", write_image)
    with pytest.raises(ExportError, match=r"pip install kaleido.*\.html needs neither"):
        save_picture(figure, tmp_path / "front.png")


def test_the_axes_show_the_front_and_the_baselines_round_numbers_marked(run):
    """What lies far below the front would squeeze it; what a star or the front reaches is never cut off."""
    best = Baseline("hand-made", "digits", 50_000, 0.95, "by hand")
    layout = front_figure(run, baselines=[best]).layout
    low, high = layout.yaxis.range
    assert 0 < low < 0.5 < 0.95 < high <= 1.05
    assert layout.xaxis.dtick == 1  # 100 to 50,000: powers of ten
    assert log_axis([1000, 40_000])["dtick"] == "D2"
    assert log_axis([])["dtick"] == 1


def test_without_a_front_the_axis_is_free(tmp_path):
    assert front_figure(make_run(tmp_path / "empty", empty=True)).layout.yaxis.range is None


def test_the_axes_are_the_objectives_of_the_run():
    """Accuracy against the first cost; hovering tells the others."""
    point = IndividualSummary(7, 3, 2, "add_edges", 0.9, 4000, 2000, 12.5)
    trace = group_trace("alive", [point], objectives=objectives_of(["accuracy", "flops", "latency"]))
    assert (trace["x"].tolist(), trace["customdata"].tolist()) == ([4000], [[7, 2, "add_edges", 2000, 12.5]])
    assert "%{x:,} FLOPs, %{customdata[3]:,} parameters, %{customdata[4]:,.1f} µs predicted" in trace["hovertemplate"]
    trace = group_trace("alive", [point], objectives=objectives_of(["accuracy", "latency"]))
    assert (trace["x"].tolist(), trace["customdata"].tolist()) == ([12.5], [[7, 2, "add_edges", 4000, 2000]])
    layout = live_figure([], objectives_of(["accuracy", "parameters"])).layout
    assert layout.xaxis.title.text == "parameters"
