"""Lineage, mutations, inspection and comparison as widgets: what they show, and that hidden views do nothing."""

from __future__ import annotations

import json

import numpy as np
import plotly.graph_objects as go
import pytest
from plots.picture_samples import DrawnSpace, ListedSpace
from search.search_samples import finish, step, tiny_data
from widget_samples import number_search

import workbench as wb
from workbench.errors import ConfigError
from workbench.plots import lineage_info, mutation_effects
from workbench.search import Search, SearchConfig
from workbench.spaces import InitialConfig, NeuronSpace
from workbench.training import TrainConfig
from workbench.views.base.layout import LazyTabs, Part
from workbench.views.base.plot import Plot
from workbench.views.base.source import Source
from workbench.views.dashboard.widget import MORE
from workbench.views.inspect.data import confusion
from workbench.views.lineage.widget import changes_html
from workbench.widgets import CompareView, InspectView, LineageView, MutationStatistics, Selection, TwoNetworksView

DATA = tiny_data()
CONFIG = SearchConfig(population=4, children=3, generations=3, workers=1, train=TrainConfig(epochs=1, batch_size=32))
INITIAL = InitialConfig(hidden_layers=(1, 2), layer_size=(0.2, 0.5), edges_per_neuron=(2, 4))


def network_search(path, **changes):
    space = NeuronSpace.for_data(DATA, INITIAL, backend="csr")
    return Search(DATA, SearchConfig(**{**vars(CONFIG), **changes}), path, space)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return finish(network_search(tmp_path_factory.mktemp("understand") / "run.sqlite")).results


@pytest.fixture
def grandchild(run) -> int:
    """The individual with most ancestors among those whose weights are kept."""
    table = run.individuals
    return max((len(run.lineage(id)), id) for id in table["id"][table["genome"] == "trained"].tolist())[1]


# ---------------------------------------------------------------------- tabs
def test_views_are_made_when_a_tab_is_opened(run):
    tabs = LazyTabs(Source(run), Selection(), MORE[:2])
    assert tabs.views == {}
    for part in tabs.parts:
        view = tabs.show_tab(part.title)
        assert tabs.views[part.title] is view
    assert tabs.show_tab("Mutations") is tabs.views["Mutations"]
    tabs.close()


def test_a_view_behind_rests_and_catches_up(run, grandchild):
    selection = Selection()
    tabs = LazyTabs(Source(run), selection, (Part("Inspect", InspectView), Part("Lineage", LineageView)))
    inspect, lineage = tabs.show_tab("Inspect"), tabs.show_tab("Lineage")
    before = inspect.title.value
    selection.individual = grandchild
    assert lineage.info.steps[-1].id == grandchild
    assert inspect.title.value == before
    tabs.show_tab("Inspect")
    assert f'data-individual="{grandchild}"' in inspect.title.value
    tabs.close()


def test_the_dashboard_has_them(run):
    dashboard = wb.widgets.Dashboard(run)
    dashboard.more.show_tab("Mutations")
    dashboard.close()


# ---------------------------------------------------------------------- lineage
def draws(view):
    """What the page does with what was sent last."""
    view.canvas.drawn = {"version": view.canvas.version}


def test_steps_select_and_the_path_stays(run, grandchild):
    selection = Selection()
    view = LineageView(run, selection)
    selection.individual = grandchild
    draws(view)
    path = [step.id for step in lineage_info(run, grandchild).steps]
    assert view.player.drawn == view.player.last == len(path) - 1
    for place, id in enumerate(path):
        view.player.asked = place
        draws(view)
        assert selection.individual == id
        assert [each.id for each in view.info.steps] == path
        assert f"individual {id} " in view.caption.value
        assert (
            view.canvas.before is None
            if place == 0
            else view.canvas.before.n_edges == run.facts(path[place - 1])["edges"]
        )
    trace = next(trace for trace in view.plot.shown.data if trace.name == "path")
    view.plot.click(list(view.plot.shown.data).index(trace), (0,))
    draws(view)
    assert selection.individual == path[0]
    assert view.player.drawn == 0
    view.close()


def test_a_step_counts_once_it_is_drawn_and_the_next_waits_for_it(run, grandchild):
    selection = Selection(individual=grandchild)
    view = LineageView(run, selection)
    draws(view)
    last = view.player.last
    view.player.asked = 0
    sent = view.canvas.version
    assert (view.player.drawn, selection.individual) == (last, grandchild)
    view.player.asked = last - 1
    view.player.asked = 1  # a hand that drags asks for more than can be drawn
    assert view.canvas.version == sent
    draws(view)
    assert (view.player.drawn, selection.individual) == (0, view.info.steps[0].id)
    assert view.canvas.version == sent + 1
    draws(view)
    assert view.player.drawn == 1
    rings = [trace for trace in view.plot.shown.data if trace.name == "shown"]
    assert [list(ring.x) for ring in rings] == [[view.info.steps[1].generation]] * 2
    draws(view)  # again, after a zoom
    assert view.canvas.version == sent + 1
    view.close()


def test_networks_that_are_gone_are_left_out_and_said(run, grandchild, monkeypatch):
    from dataclasses import replace

    def with_a_gap(run, id):
        info = lineage_info(run, id)
        first, *others = info.steps
        return replace(info, steps=(replace(first, is_kept=False), *others))

    monkeypatch.setattr("workbench.views.lineage.widget.lineage_info", with_a_gap)
    view = LineageView(run, Selection(individual=grandchild))
    assert "1 network of this lineage was not kept" in view.message.value
    assert view.player.last == len(view.info.steps) - 2
    view.player.asked = 0
    draws(view)
    view.player.asked = 0
    draws(view)
    assert view.canvas.before is None
    assert f"individual {view.info.steps[1].id} " in view.caption.value
    view.close()


def test_a_step_is_told_in_words():
    counts = {f"{what}_{how}": 0 for what in ("neurons", "edges") for how in ("kept", "added", "removed")}
    html = changes_html(counts | {"neurons_added": 3, "edges_added": 1204, "edges_now_shared": 8})
    assert "+3 neurons, +1,204 edges" in html
    assert "8 edges now share weights" in html
    assert "−" not in html
    assert "nothing added or removed" in changes_html(counts | {"edges_now_shared": 0})
    assert "first network" in changes_html({})


def test_nobody_selected_shows_the_best_and_selects_nobody(run):
    selection = Selection()
    view = LineageView(run, selection)
    assert view.info.steps[-1].id == run.front()["id"].iloc[-1]
    assert selection.individual is None
    view.close()


def test_the_animation_is_saved_beside_the_run(run, grandchild):
    view = LineageView(run, Selection(individual=grandchild))
    view.save.click()
    path = run.path.with_name(f"run-lineage-{grandchild}.html")
    assert path.is_file()
    assert str(path) in view.message.value
    view.close()


def test_the_lineage_of_an_unknown_individual(run):
    view = LineageView(run, Selection(individual=777))
    assert "no individual 777" in view.message.value
    view.close()


def test_before_anything_is_trained(tmp_path):
    search = network_search(tmp_path / "run.sqlite")
    lineage, statistics, inspect = (view(search) for view in (LineageView, MutationStatistics, InspectView))
    assert "Select a network" in lineage.caption.value
    assert lineage.player.last < 0
    assert lineage.save.disabled
    assert "No child" in statistics.message.value
    assert "No network has been trained yet" in inspect.title.value
    step(search, 4)
    for view in (lineage, inspect):
        view.show(search.snapshot())
    assert lineage.info is not None
    assert inspect.plot.shown is not None
    for view in (lineage, statistics, inspect):
        view.close()
    search.close()


# ---------------------------------------------------------------------- mutations
def test_statistics_show_what_plots_says(run):
    view = MutationStatistics(run)
    (median, *_) = [trace for trace in view.plot.shown.data if trace.marker.symbol == "diamond"]
    expected = [100 * effects.before.value for effects in mutation_effects(run).effects]
    assert list(median.x) == pytest.approx(expected, nan_ok=True)
    box = next(place for place, trace in enumerate(view.plot.shown.data) if trace.type == "box" and len(trace.x))
    view.plot.click(box, (0,))
    assert view.selection.individual == view.plot.shown.data[box].customdata[0]
    view.close()


def test_mutation_statistics_are_redrawn_on_return(tmp_path):
    search = network_search(tmp_path / "run.sqlite")
    view = MutationStatistics(search)
    step(search, 11)  # with the first child of the next one, the third generation is surely closed
    view.show(search.snapshot())
    assert "3 generations finished since" in view.note.value
    view.wake(True)
    assert "finished since" not in view.note.value
    view.close()
    search.close()


# ---------------------------------------------------------------------- inspect
def on_page(plot):
    """All text that the page has of a figure."""
    state = plot.get_state()
    return "".join(text for name, text in state.items() if name == "frame" or name.startswith("trace_"))


def test_every_figure_of_a_network(run, grandchild):
    view = InspectView(run, Selection(individual=grandchild), DATA)
    shown = set()
    for what in view.what.options:
        view.what.value = what
        view.predictions.wait()
        assert 'role="alert"' not in view.message.value
        shown.add(on_page(view.plot))
    assert "" not in shown
    assert len(shown) == 4
    view.close()


def test_a_cell_of_the_matrix_opens_its_mistakes(run):
    view = InspectView(run, data=DATA)
    for individual in run.front()["id"].tolist():
        view.selection.individual = individual
        view.what.value = "confusion"
        view.predictions.wait()
        found = view.predictions.of(individual, "validation")
        if found.matrix[0, 1]:
            break
    view.plot.click(0, (0, 1))
    assert (view.what.value, view.true.value, view.predicted.value) == ("mistakes", 0, 1)
    assert view.mistake.max == found.matrix[0, 1]
    assert f"image {found.wrong(0, 1)[0]} of the validation split" in view.message.value
    view.close()


def test_without_the_data_it_says_what_is_missing(run):
    view = InspectView(run)
    view.what.value = "confusion"
    assert "it searched &#x27;custom&#x27;, made from arrays; pass the same as data=" in view.message.value
    assert on_page(view.plot) == ""
    view.what.value = "training"
    assert view.message.value == ""
    view.close()


def test_the_test_set_is_not_offered(run):
    view = InspectView(run, data=DATA)
    assert "test" not in view.split.options
    view.close()


def test_export_buttons(run, grandchild):
    view = InspectView(run, Selection(individual=grandchild), DATA)
    next(each for each in view.exports.children[1:] if each.description == "npz").click()
    path = run.path.with_name(f"run-{grandchild}.npz")
    assert wb.Genome.from_bytes(path.read_bytes()) == run.genome(grandchild)
    assert str(path) in view.exported.value
    view.close()


def test_a_space_without_predictions_shows_training_only_and_says_so(tmp_path):
    search = number_search(tmp_path / "numbers.sqlite")
    step(search, 5)
    view = InspectView(search)
    assert view.what.options == ("training",)
    assert view.plot.shown is not None
    assert "does not predict with its networks" in view.missing.value
    assert "does not export its networks" in view.missing.value
    assert view.exports.layout.display == "none"
    view.close()
    versus = TwoNetworksView(search, Selection(pinned=0, individual=1))
    assert versus.what.options == ("numbers",)
    assert "<th>summary</th>" in versus.table.value
    versus.close()
    with pytest.raises(ConfigError, match="does not predict with its networks"):
        confusion((3, 0.5), DATA, space=search.space)
    search.close()


# ---------------------------------------------------------------------- compare
@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    settings = {"a": {"seed": 1}, "b": {"seed": 2}, "<i>c": {"selection": "random"}}
    for name, changes in settings.items():
        finish(network_search(folder / f"{name}.sqlite", generations=1, **changes))
    return folder


def test_runs_are_compared(files):
    view = CompareView([files / "a.sqlite", files / "b.sqlite", files / "<i>c.sqlite"])
    assert set(view.found.groups) == {"selection pareto", "selection random"}
    assert "selection pareto" in view.tests.value
    assert "&lt;i&gt;c" in view.settings.value
    assert "<i>c" not in view.settings.value + on_page(view.plot)
    view.cost.value = "epochs"
    assert "<td>7 epochs</td>" in view.tests.value
    view.close()


def test_runs_are_offered_and_named(files):
    view = CompareView(folder=files)
    assert set(view.chosen.options) == {"a", "b", "<i>c"}
    assert view.found is None
    view.compare()
    assert "at least one run" in view.message.value
    view.more.value = str(files / "[ab].sqlite")
    assert set(view.chosen.value) == {"a", "b"}
    view.button.click()
    assert "One group" in view.tests.value
    view.more.value = str(files / "nobody.sqlite")
    assert "No file is called" in view.message.value
    view.close()


def test_a_file_that_is_no_run(files, tmp_path):
    (tmp_path / "letter.sqlite").write_text("Dear reader")
    view = CompareView([tmp_path / "letter.sqlite"])
    view.compare()
    assert 'role="alert"' in view.message.value
    view.close()


# ---------------------------------------------------------------------- the figure itself
def test_plotly_is_sent_when_the_page_asks(run):
    plot, sent = Plot(), []
    plot.send = lambda content, buffers=None: sent.append((content, buffers))
    plot.click(0, (0,))  # of nothing
    message = {"method": "custom", "content": {"kind": "plotly"}}
    plot.comm.handle_msg({"content": {"data": message}, "buffers": []})
    ((content, (code,)),) = sent
    assert content == {"kind": "plotly"}
    assert b"plotly.js v" in code[:500]
    plot.close()


def test_a_smaller_figure_leaves_nothing_of_a_larger_one():
    plot = Plot()
    plot.show(go.Figure([go.Scatter(name=f"line {number}", x=[1, np.nan], y=[2, 3]) for number in range(3)]))
    assert json.loads(plot.trace_2)["x"] == [1, None]
    plot.show(go.Figure(go.Heatmap(z=np.eye(3))))
    assert plot.length == 1
    assert json.loads(plot.trace_0)["z"]["shape"] == "3,3"
    assert '"name"' not in on_page(plot)
    plot.show(None)
    assert on_page(plot) == ""
    with pytest.raises(ValueError, match="call show first"):
        plot.change(0, x=[1])
    plot.close()


def test_the_lineage_of_a_space_that_draws_plays(tmp_path):
    search = number_search(tmp_path / "run.sqlite", DrawnSpace())
    step(search, 20)
    run = search.results
    id = max(run.individuals["id"].tolist(), key=lambda id: len(run.lineage(id)))
    path = run.lineage(id)["id"].tolist()
    view = LineageView(search, Selection(individual=id))
    assert view.player.last == len(path) - 1 > 1
    view.canvas.drawn = {"version": view.canvas.version}
    for place in (0, 1, len(path) - 1):
        view.player.asked = place
        view.canvas.drawn = {"version": view.canvas.version}
        assert view.player.drawn == place
        assert view.selection.individual == path[place]
        assert view.canvas.picture == DrawnSpace().picture(run.genome(path[place]))
    assert "first network" not in view.caption.value
    view.player.asked = 0
    view.canvas.drawn = {"version": view.canvas.version}
    assert "the first network" in view.caption.value
    view.close()
    search.close()


def test_the_lineage_of_a_space_read_as_text_plays(tmp_path):
    search = number_search(tmp_path / "run.sqlite", ListedSpace())
    step(search, 12)
    run = search.results
    id = max(run.individuals["id"].tolist(), key=lambda id: len(run.lineage(id)))
    path = run.lineage(id)["id"].tolist()
    view = LineageView(search, Selection(individual=id))
    view.canvas.drawn = {"version": view.canvas.version}
    assert view.canvas.lines == ListedSpace().listing(run.genome(id))
    assert view.canvas.before == ListedSpace().listing(run.genome(path[-2]))
    assert "1 line changed" in view.caption.value
    view.close()
    search.close()


def test_steps_are_told_in_numbers():
    lines = {"lines_added": 1, "lines_removed": 2, "lines_changed": 1}
    assert all(text in changes_html(lines) for text in ("+1 line<", "−2 lines<", "1 line changed"))
    assert "+1,200 modules" in changes_html({"modules_added": 1200, "modules_removed": 0, "modules_changed": 0})
    assert "2 modules changed" in changes_html({"modules_added": 0, "modules_removed": 0, "modules_changed": 2})
    counts = {f"{thing}_{state}": 0 for thing in ("neurons", "edges") for state in ("added", "removed")}
    assert "−0 neurons, −3 edges" in changes_html({**counts, "edges_removed": 3})
    assert "nothing added or removed" in changes_html(counts)
