"""Ask and tell."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from evolution_samples import lost, trained
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import ConfigError
from workbench.evolution import SELECTIONS, SURVIVALS, Evolution, front_of
from workbench.individuals import Individual


def evolve(evolution: Evolution, generations: int, children: int, fail: set[int] = frozenset()) -> list[Individual]:  # type: ignore[assignment]
    """Run the loop with a made-up fitness; returns all individuals."""
    everyone: list[Individual] = []
    for generation in range(generations + 1):
        told = []
        for _ in range(children if generation else evolution.size):
            proposal = evolution.ask(len(everyone) + len(told), tournament=3)
            assert proposal.generation == generation
            rng = np.random.default_rng(proposal.seed)
            accuracy, flops = round(rng.random(), 2), int(rng.integers(1, 10_000))
            child = trained(proposal.id, accuracy, flops, generation)
            if proposal.id in fail:
                child = lost(proposal.id, generation)
            told.append(replace(child, parent=proposal.parent.id if proposal.parent else None))
        evolution.tell(reversed(told))  # the order of finishing does not matter
        everyone += told
    return everyone


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("survival", SURVIVALS)
def test_the_loop_keeps_its_size_and_is_deterministic(selection, survival):
    first, second = (Evolution(6, 1, selection, survival) for _ in range(2))
    assert evolve(first, 5, 4) == evolve(second, 5, 4)
    assert first.population == second.population
    assert len(first.population) == 6
    assert first.generation == 6


def test_oldest_die_forgets_every_initial_individual():
    evolution = Evolution(5, 0)
    everyone = evolve(evolution, 3, 2)
    assert [one.id for one in evolution.population] == [one.id for one in everyone[-5:]]


@given(st.integers(0, 2**63 - 1), st.integers(0, 10**6))
def test_a_proposal_depends_on_seed_id_and_population_only(seed, child):
    one, other = Evolution(3, seed), Evolution(3, seed)
    told = [trained(id, 0.1 * id, 10 + id) for id in range(3)]
    one.tell(told)
    for id in range(5):
        other.ask(id, 3)  # what was asked before does not matter
    other.tell(told)
    assert one.ask(child, 3) == other.ask(child, 3)
    assert 0 <= one.ask(child, 3).seed < 2**63


def test_ids_and_seeds_have_streams_of_their_own():
    seeds = [Evolution(3, root).ask(child, 3).seed for root in range(5) for child in range(50)]
    assert len(set(seeds)) == len(seeds)


def test_the_first_generation_has_no_parents_and_later_ones_do():
    evolution = Evolution(3, 0)
    assert evolution.ask(0, 3).parent is None
    evolution.tell([trained(id) for id in range(3)])
    assert all(evolution.ask(id, 3).parent in evolution.population for id in range(3, 20))


def test_random_selection_has_no_parents():
    assert all(one.parent is None for one in evolve(Evolution(4, 0, "random"), 4, 3))


def test_a_large_tournament_takes_the_best():
    evolution = Evolution(4, 0, "accuracy")
    evolution.tell([trained(id, 0.2 * id) for id in range(4)])
    parents = {evolution.ask(id, 1000).parent.id for id in range(4, 40)}  # type: ignore[union-attr]
    assert 3 in parents
    assert len(parents) < 4


def test_parents_are_those_of_the_generations_start():
    evolution = Evolution(2, 0)
    evolution.tell([trained(0), trained(1)])
    before = [evolution.ask(id, 2).parent for id in range(2, 12)]
    assert {parent.id for parent in before if parent} <= {0, 1}


def test_failed_children_are_not_added_and_nobody_dies_for_them():
    evolution = Evolution(4, 0)
    evolve(evolution, 0, 0)
    evolution.tell([lost(4, 1), trained(5, 0.5, 10, 1), lost(6, 1)])
    assert [one.id for one in evolution.population] == [1, 2, 3, 5]
    evolution.tell([lost(7, 2)])
    assert [one.id for one in evolution.population] == [1, 2, 3, 5]


def test_a_population_that_began_too_small_grows_to_its_size():
    evolution = Evolution(4, 0)
    evolution.tell([trained(0), lost(1), lost(2), lost(3)])
    evolution.tell([trained(id, generation=1) for id in (4, 5)])
    assert [one.id for one in evolution.population] == [0, 4, 5]
    evolution.tell([trained(id, generation=2) for id in (6, 7)])
    assert [one.id for one in evolution.population] == [4, 5, 6, 7]


def test_without_anybody_alive_children_are_sampled():
    evolution = Evolution(2, 0)
    evolution.tell([lost(0), lost(1)])
    assert evolution.ask(2, 3).parent is None


@settings(max_examples=25)
@given(st.integers(0, 1000), st.sets(st.integers(0, 30)))
def test_the_archive_is_the_front_of_all_that_ever_lived(seed, fail):
    evolution = Evolution(5, seed)
    everyone = evolve(evolution, 6, 4, fail)
    assert list(evolution.archive) == front_of(everyone)
    assert all(one.ok and not math.isnan(one.val_accuracy) for one in evolution.population)


def test_the_archive_remembers_what_ageing_forgets():
    evolution = Evolution(2, 0)
    evolution.tell([trained(0, 0.99, 10), trained(1, 0.1, 100)])
    evolution.tell([trained(2, 0.2, 100, 1), trained(3, 0.3, 200, 1)])
    assert [one.id for one in evolution.population] == [2, 3]
    assert [one.id for one in evolution.archive] == [0]


@pytest.mark.parametrize("selection", SELECTIONS)
def test_a_restored_state_goes_on_the_same(selection):
    evolution = Evolution(4, 3, selection)
    everyone = evolve(evolution, 3, 3)
    other = Evolution(4, 3, selection)
    other.restore(3, evolution.population, everyone)
    assert (other.generation, other.population, other.archive) == (4, evolution.population, evolution.archive)
    assert [other.ask(id, 3) for id in range(13, 20)] == [evolution.ask(id, 3) for id in range(13, 20)]


@pytest.mark.parametrize(("selection", "survival"), [("best", "oldest"), ("pareto", "youngest")])
def test_unknown_choices_are_named(selection, survival):
    with pytest.raises(ConfigError, match=r"best|youngest"):
        Evolution(3, 0, selection, survival)
