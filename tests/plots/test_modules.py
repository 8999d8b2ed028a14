"""Pictures of networks: differences by key, parts drawn as one, places, SVG."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plots.picture_samples import resampled_picture, residual_picture

from workbench.pictures import Branch, Edge, Node, Picture
from workbench.views.modules.data import (
    ADDED,
    CHANGED,
    KEPT,
    MOST_AT_START,
    REMOVED,
    Box,
    Graph,
    Link,
    graph_of,
    open_at_start,
    open_to_level,
    picture_changes_in_words,
    picture_difference,
)
from workbench.views.modules.figure import picture_svg, scene_of
from workbench.views.modules.layout import HEIGHT, LEGIBLE, box_width, layout_of


def test_parts_of_a_difference_are_matched_by_key():
    before = residual_picture(1)
    after = resampled_picture(before)
    difference = picture_difference(before, after)
    states = {key: state for key, state in difference.nodes.items() if state != KEPT}
    assert states == {"new0.1": ADDED, "new0.1a": ADDED, "o0.1.2": REMOVED}
    assert {key: state for key, state in difference.branches.items() if state != KEPT} == {
        "new0.1": ADDED,
        "o0.1.2": REMOVED,
    }
    changed = {key: state for key, state in difference.edges.items() if state != KEPT}
    assert changed["o0.1.2", "sum0.1"] == REMOVED
    assert changed["new0.1", "new0.1a"] == ADDED
    assert picture_changes_in_words(difference.counts) == "2 modules added, 1 module removed"
    tree = [branch.key for branch in difference.picture.tree]
    assert tree[-4:] == ["o0.1.0", "o0.1.1", "o0.1.2", "new0.1"]  # a removed branch stands where it was
    assert all(
        branch.parent < place for place, branch in enumerate(difference.picture.tree) if branch.parent is not None
    )


def test_a_kept_module_with_another_label_has_changed():
    before = residual_picture(1)
    after = replace(before, nodes=(*before.nodes[:-1], replace(before.nodes[-1], label="100 classes")))
    difference = picture_difference(before, after)
    assert difference.nodes["out"] == CHANGED
    assert picture_changes_in_words(difference.counts) == "1 module changed"
    assert picture_changes_in_words(picture_difference(before, before).counts) == "no module differs"


def test_a_subtree_that_moved_is_not_told_twice():
    def tree(*order: str) -> Picture:
        return Picture((), (), (Branch("root", "r", "macro", None), *(Branch(each, each, "cell", 0) for each in order)))

    union = picture_difference(tree("a", "b", "gone"), tree("b", "a")).picture.tree
    assert [branch.key for branch in union] == ["root", "b", "gone", "a"]


@pytest.mark.parametrize(("level", "boxes"), [(0, 3), (1, 4), (2, 6), (3, 18), (9, 18)])
def test_parts_of_closed_branches_are_one_box_with_sums(level, boxes):
    picture = residual_picture(2)
    graph = graph_of(picture_difference(None, picture), open_to_level(picture.tree, level))
    assert len(graph.boxes) == boxes
    assert sum(box.flops for box in graph.boxes) == sum(node.flops for node in picture.nodes)
    assert sum(box.parameters for box in graph.boxes) == sum(node.parameters for node in picture.nodes)
    assert sorted(key for box in graph.boxes for key in box.members) == sorted(node.key for node in picture.nodes)
    assert len({(link.source, link.target) for link in graph.links}) == len(graph.links)


def test_a_box_has_the_shape_of_its_output_and_says_what_changed_inside():
    before = residual_picture(2)
    after = resampled_picture(before)
    graph = graph_of(picture_difference(before, after), open_to_level(after.tree, 1))
    first, second = (box for box in graph.boxes if box.is_part)
    assert (first.label, first.shape, first.state, second.state) == ("stage 0", (16, 8, 8), CHANGED, KEPT)
    assert first.flops == 5 * 1000 + 500  # without the removed one
    copied = replace(before, tree=(before.tree[0], replace(before.tree[1], copies=4), *before.tree[2:]))
    assert graph_of(picture_difference(None, copied), {"root"}).boxes[1].label == "stage 0 · 4 copies"


def test_copies_with_modules_of_their_own_are_boxes_of_their_own():
    names = ["in", "a.0", "b.0", "stride", "a.1", "b.1"]
    nodes = [Node(name, name, "sum", place, part=name[0]) for place, name in enumerate(names)]
    tree = (Branch("cell", "cell", "cell", None, 2), Branch("a", "a", "sum", 0, 2), Branch("b", "b", "sum", 0, 2))
    picture = Picture(tuple(nodes), tuple(Edge(*pair) for pair in pairwise(names)), tree)
    graph = graph_of(picture_difference(None, picture), ())
    assert [box.members for box in graph.boxes] == [("in",), ("a.0", "b.0"), ("stride",), ("a.1", "b.1")]
    assert [(box.key, box.label) for box in graph.boxes if box.is_part] == [("cell", "cell")] * 2
    assert [(link.source, link.target) for link in graph.links] == [(0, 1), (1, 2), (2, 3)]


def test_as_many_levels_are_open_at_first_as_can_be_read():
    small, large = residual_picture(2), residual_picture(30)
    assert open_at_start(picture_difference(None, small)) == open_to_level(small.tree, 4)
    difference = picture_difference(None, large)
    opened = open_at_start(difference)
    assert opened == open_to_level(large.tree, 1)
    assert len(graph_of(difference, opened).boxes) <= MOST_AT_START


def test_what_leads_to_a_change_is_open_at_first():
    before = residual_picture(30)
    opened = open_at_start(picture_difference(before, resampled_picture(before, "7.1")))
    assert opened == open_to_level(before.tree, 1) | {"s7", "c7.1", "new7.1"}


graphs = st.integers(1, 25).flatmap(
    lambda n: st.tuples(
        st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=40, unique=True)
    )
)


@given(graphs, st.floats(0.3, 5))
@settings(max_examples=60, deadline=None)
def test_boxes_never_overlap_and_links_join_them(drawn, aspect):
    n, pairs = drawn
    graph = Graph(
        tuple(Box(str(each), "x" * each, "sum", (str(each),)) for each in range(n)),
        tuple(Link(*pair) for pair in pairs if pair[0] != pair[1]),  # may have cycles
    )
    widths = [box_width(box.label) for box in graph.boxes]
    layout = layout_of(graph, widths, list(range(n)), (400 * aspect, 400))
    places = list(zip(layout.x, layout.y, layout.widths, strict=True))
    for one, (x, y, width) in enumerate(places):
        assert 0 <= x <= x + width <= layout.width
        assert 0 <= y <= y + HEIGHT <= layout.height
        for left, top, other in places[:one]:
            assert x + width <= left or left + other <= x or y + HEIGHT <= top or top + HEIGHT <= y
    for link, path in zip(graph.links, layout.paths, strict=True):
        x, y, width = places[link.source]
        assert path[0] == pytest.approx((x + width, y + HEIGHT / 2))
        assert path[-1] == pytest.approx((places[link.target][0], places[link.target][1] + HEIGHT / 2))


def test_a_chain_flows_from_left_to_right_in_lines():
    graph = Graph(
        tuple(Box(str(each), "linear", "linear", (str(each),)) for each in range(12)),
        tuple(Link(each, each + 1) for each in range(11)),
    )
    flat = layout_of(graph, [80.0] * 12, list(range(12)), (9000, 90))
    assert list(flat.x) == sorted(flat.x)
    assert len(set(flat.y)) == 1
    lines = layout_of(graph, [80.0] * 12, list(range(12)), (400, 400))
    assert len(set(lines.y)) > 2
    assert list(lines.y) == sorted(lines.y)


def test_a_residual_cell_has_no_crossing():
    graph = graph_of(picture_difference(None, residual_picture(1, 1)), open_to_level(residual_picture(1, 1).tree, 9))
    layout = layout_of(graph, [80.0] * 6, [0, 1, 1, 2, 3, 4], (1000, 100))
    y = dict(zip((box.key for box in graph.boxes), layout.y, strict=True))
    assert (y["o0.0.0"] < y["o0.0.1"]) == (y["o0.0.2"] < y["o0.0.1"])


def test_svg_escapes_what_comes_from_a_file():
    name = '<script>alert("x")</script>'
    picture = Picture(
        (Node(name, name, name, 0, part=name, facts={name: name}),), (), (Branch(name, name, name, None),)
    )
    text = picture_svg(picture)
    assert "<script" not in text
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    assert "script" in "".join(root.itertext())


def test_svg_tells_what_changed():
    before = residual_picture(1)
    plain, difference = picture_svg(before), picture_svg(resampled_picture(before), before)
    assert "stroke-dasharray" not in plain
    assert "stroke-dasharray" in difference
    assert 'class="wbm-box k2 s1"' in difference
    assert ElementTree.fromstring(difference) is not None
    assert picture_svg(Picture((), ()))


def test_scene_joins_tree_and_graph():
    before = residual_picture(2)
    difference = picture_difference(before, resampled_picture(before))
    opened = {"root", "s0", "c0.1"}
    scene = scene_of(difference, opened, (760, 440), True)
    rows = {row["key"]: row for row in scene["tree"]}
    assert list(rows) == ["root", "s0", "c0.0", "c0.1", "o0.1.0", "o0.1.1", "o0.1.2", "new0.1", "s1"]
    assert rows["c0.0"]["opens"]
    assert not rows["c0.0"]["isOpen"]
    keys = [box["key"] for box in scene["boxes"]]
    assert [keys[place] for place in rows["c0.1"]["boxes"]] == ["o0.1.0", "o0.1.1", "sum0.1", "new0.1", "o0.1.2"]
    assert len(rows["root"]["boxes"]) == len(keys) - 2  # all but the input and the output
    assert scene["changes"]["modules_added"] == 2
    assert scene["modules"] == 19
    assert scene["boxes"][0]["tip"] == ["input", "output 3×32×32", "0 FLOPs", "0 parameters"]


def test_edges_of_a_damaged_picture_are_left_out():
    picture = Picture((Node("a", "a", "sum", 0),), (Edge("a", "nowhere"), Edge("a", "a")))
    assert graph_of(picture_difference(None, picture), ()).links == ()


def test_what_cannot_be_read_at_once_fits_the_width():
    graph = Graph(
        tuple(Box(str(each), "linear", "linear", (str(each),)) for each in range(200)),
        tuple(Link(each, each + 1) for each in range(199)),
    )
    layout = layout_of(graph, [80.0] * 200, list(range(200)), (500, 300))
    assert layout.width * LEGIBLE <= 500 < 1.5 * layout.width * LEGIBLE
    assert layout.height * LEGIBLE > 300


def test_labels_are_cut_only_where_they_do_not_fit():
    for label in ("norm, average, linear", "m0 = gaussian(0, 0.1)", "concatenate along 1"):
        picture = Picture((Node("a", label, "linear", 0),), ())
        assert f">{label}<" in picture_svg(picture)
    assert "mmmmmmmmmmmmm…<" in picture_svg(Picture((Node("a", "m" * 30, "linear", 0),), ()))
