"""The front as a figure."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.errors import ConfigError, ExportError, RunError
from workbench.individuals import Cost, Individual, TrainResult
from workbench.plots import front_figure, front_info, save_picture
from workbench.store import GenerationRecord, Run, RunDescription, create_run, open_run
from workbench.views.base.figures import log_axis
from workbench.views.front.data import Baseline, accuracy_range

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


def make_run(path: Path, name: str = "digits", *, empty: bool = False, generations: bool = False, points=POINTS) -> Run:
    description = RunDescription("neurons", {}, {}, {"name": name, "fingerprint": "", "root": None}, 0)
    with create_run(path, description) as writer:
        if not empty:
            for id, point in enumerate(points):
                writer.add_individual(individual(id, *point), None)
                if id == 1 and generations:
                    writer.finish_generation(GenerationRecord(0, (0, 1), (1, 0), 0.4, 0.9, 2, 0, 2, 1.0))
            lost = replace(individual(5, 0.99, 10), status="failed", failure="diverged")
            writer.add_individual(lost, None)
            writer.finish_generation(GenerationRecord(1, (2, 3), (1, 3, 0), 0.5, 0.9, 5, 1, 5, 1.0))
    return open_run(path)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return make_run(tmp_path / "run.sqlite")


def test_rows_are_sorted_right(run):
    info = front_info(run)
    assert {name: group.rows["id"].tolist() for name, group in info.groups.items()} == {
        "dead": [4],
        "alive": [2],  # 3 is alive too, but on the front
        "all-time front": [1, 3, 0],  # by rising FLOPs
    }
    assert info.title == "digits: 5 networks, 3 on the front"  # the failed one is nowhere


def test_axes_are_labelled_and_flops_logarithmic(run):
    layout = front_figure(run).layout
    assert layout.xaxis.type == "log"
    assert "FLOPs" in layout.xaxis.title.text
    assert "validation accuracy" in layout.yaxis.title.text
    assert layout.title.text == front_info(run).title


def test_what_takes_no_flops_is_drawn_at_the_end_of_the_axis(tmp_path):
    run = make_run(tmp_path / "run.sqlite", points=[(0.90, 4000), (0.10, 0), *POINTS[2:]])
    figure = front_figure(run)
    places = {id: x for trace in figure.data for id, x in zip(trace.customdata, trace.x, strict=True)}
    assert (places[1], places[3]) == (1, 1000)
    assert "0 is drawn as 1" in figure.layout.xaxis.title.text
    assert "0 FLOPs" in next(text for trace in figure.data for text in trace.text if "individual 1 " in text)


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
    assert front.customdata.tolist() == [1, 3, 0]
    assert front.text[1] == (
        "individual 3 · generation 1 · add edges of 0<br>80.00% (−10.00 points) · 1,000 FLOPs<br>500 parameters"
    )
    assert front.hovertemplate == "%{text}<extra></extra>"


def test_an_empty_run(tmp_path):
    run = make_run(tmp_path / "empty.sqlite", empty=True)
    assert front_info(run).title == "digits: 0 networks, 0 on the front"
    assert [trace.name for trace in front_figure(run).data] == ["dead (0)", "alive (0)", "all-time front (0)"]


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
    figure = front_figure(run, baselines=[best])
    layout = figure.layout
    low, high = layout.yaxis.range
    assert 0 < low < 0.5 < 0.95 < high <= 1.05
    assert layout.xaxis.dtick == 1  # 100 to 50,000: powers of ten
    assert log_axis([1000, 40_000])["dtick"] == "D2"
    assert log_axis([])["dtick"] == 1
    assert log_axis([60_100, 65_900])["dtick"] is None  # there is no digit in between
    assert figure.update_layout(xaxis=log_axis([60_100, 65_900])).layout.xaxis.dtick is None  # plotly chooses again


def test_the_axis_of_accuracy_ends_at_nothing_and_at_all():
    low, high = accuracy_range([0.1, 0.99])
    assert -0.05 < low < 0
    assert 1 < high < 1.05


def test_without_a_front_the_axis_is_free(tmp_path):
    assert front_figure(make_run(tmp_path / "empty", empty=True)).layout.yaxis.range is None


def test_other_axes(run):
    figure = front_figure(run, x="parameters", y="error")
    front = figure.data[-1]
    assert (front.x.tolist(), front.y.tolist()) == ([50, 500, 2000], pytest.approx([0.5, 0.2, 0.1]))
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("parameters", "validation error")
    high, low = figure.layout.yaxis.range  # of log10; better is up
    assert high > -0.301 > -1 > low
    assert front_figure(run, y="error", everything=True).layout.yaxis.autorange == "reversed"
    with pytest.raises(ConfigError, match="x expects one of flops, parameters, latency, size, got 'price'"):
        front_figure(run, x="price")
    with pytest.raises(ConfigError, match="y expects one of accuracy, error, got 'loss'"):
        front_figure(run, y="loss")
    with pytest.raises(ConfigError, match="knows no predicted latency"):
        front_figure(run, x="latency")


def test_a_generation_of_the_past(tmp_path):
    run = make_run(tmp_path / "two.sqlite", generations=True)
    info = front_info(run, generation=0)
    assert {name: group.rows["id"].tolist() for name, group in info.groups.items()} == {
        "dead": [],
        "alive": [],
        "new": [],
        "all-time front": [0, 1],
    }
    assert info.title == "digits: 2 networks after generation 0, 2 on the front"
    later = front_info(run, generation=1).groups
    assert {name: group.rows["id"].tolist() for name, group in later.items()} == {
        "dead": [4],
        "alive": [],
        "new": [2],
        "all-time front": [0, 1, 3],
    }
    with pytest.raises(RunError, match="expected a finished generation"):
        front_figure(run, generation=2)
