"""The view of a network of modules, without a page."""

from __future__ import annotations

import json

import pytest
from plots.picture_samples import resampled_picture, residual_picture

from workbench.views.base.source import Selection
from workbench.views.modules.widget import ModulesView


@pytest.fixture
def view():
    view = ModulesView(residual_picture(2))
    yield view
    view.close()


def keys(view) -> list[str]:
    return [box["key"] for box in view.scene["boxes"]]


def test_nothing_is_shown_without_a_picture(view):
    view.picture = None
    assert view.scene == {}
    assert ModulesView().scene == {}


def test_branches_open_and_close(view):
    assert len(keys(view)) == 18
    view.toggled = ["s0"]
    assert keys(view) == ["in", "s0", *keys(view)[2:]]
    view.level, view.toggled = 1, []
    assert keys(view) == ["in", "s0", "s1", "out"]
    view.toggled = ["s1"]
    assert keys(view) == ["in", "s0", "c1.0", "c1.1", "out"]
    view.picture = residual_picture(3)  # what is open stays open
    assert keys(view) == ["in", "s0", "c1.0", "c1.1", "s2", "out"]


def test_a_change_is_shown_in_one_message(view):
    version = view.version
    view.show_change(residual_picture(2), resampled_picture(residual_picture(2)))
    assert view.version == version + 1
    assert view.scene["changes"]["modules_removed"] == 1
    assert json.dumps(view.scene)
    view.show_change(None, view.picture)
    assert view.scene["changes"] == {}


def test_the_selected_part_is_shared():
    selection = Selection(part="s0")
    view = ModulesView(residual_picture(1), selection)
    assert view.part == "s0"
    view.part = "sum0.0"
    assert selection.part == "sum0.0"
    selection.part = 17  # a neuron
    assert view.part is None
    assert selection.part == 17
    view.close()
    selection.part = "s0"
    assert view.part is None


def test_another_shape_of_the_room_is_another_layout(view):
    wide = view.scene["size"]
    view.room = (300, 900)
    assert view.scene["size"][0] < wide[0]


def test_fewer_levels_are_open_in_a_small_room():
    view = ModulesView(residual_picture(3))
    assert len(keys(view)) == 26
    view.room = (300, 250)
    assert len(keys(view)) == 8
    view.close()
