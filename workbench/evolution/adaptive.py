"""Mutation rates that adapt to recent success, judged from finished generations only, so that timing changes nothing.

The credit of a child is 1 if it is on the all-time front once its generation is ranked, else 0 (a success rate does not
shrink as the front rises, unlike gains of accuracy or hypervolume; Fialho 2010 compares such credits). Two rules turn
credits into a distribution over the mutations, both from

    D. Thierens, "An adaptive pursuit strategy for allocating operator probabilities", GECCO 2005:

    quality    Q_k <- Q_k + ALPHA · (credit − Q_k)              after each child by mutation k
    matching   w_k  = Q_k / ΣQ                                  probability matching
    pursuit    w_k <- w_k + BETA · ([k has the highest Q] − w_k)    after each generation, from equal weights

The rates b that the user set (divided by their sum) are the base:

    p_k = FLOOR · b_k + (1 − FLOOR) · b_k w_k / Σ b_j w_j

With equal b these are Thierens' formulas with smallest probability FLOOR / K. A mutation keeps at least FLOOR of its
base rate, so that it can recover; one that is set to 0 stays at 0.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from workbench.errors import ConfigError
from workbench.evolution.ranking import front_of
from workbench.individuals import Individual
from workbench.objectives import TWO, Objective

ADAPTATIONS = ("matching", "pursuit")

ALPHA = 0.1  # how fast quality follows the children; Thierens' 0.8 is for credits without noise, these are 0 or 1
BETA = 0.3  # how fast pursuit follows the best mutation, per generation
FLOOR = 0.25  # share of the probabilities that the base keeps
WINDOW = 100  # latest generations that count; ALPHA forgets earlier ones

Credit = Mapping[str, tuple[float, ...]]
"""The credits of one generation's children by mutation, each in the order of ids."""


class Credits:
    """The credits of the latest `WINDOW` finished generations that had mutations."""

    def __init__(self) -> None:
        self.generations: deque[Credit] = deque(maxlen=WINDOW)

    @classmethod
    def of(cls, individuals: Iterable[Individual], objectives: Sequence[Objective] = TWO) -> Credits:
        """Those of a run, from all individuals of its finished generations."""
        credits, front = cls(), list[Individual]()
        ordered = sorted(individuals, key=lambda individual: individual.generation)
        for _, members in groupby(ordered, key=lambda individual: individual.generation):
            children = list(members)
            front = front_of([*front, *children], objectives)
            credits.add(children, front)
        return credits

    def add(self, children: Iterable[Individual], front: Iterable[Individual]) -> None:
        """Add a generation: all its children and the all-time front after it; children made by hand do not count."""
        on_front = {member.id for member in front}
        credit: dict[str, tuple[float, ...]] = {}
        for child in sorted(children, key=lambda child: child.id):
            kind = child.mutation.get("kind")
            if kind is not None and child.origin == "mutation":
                credit[kind] = (*credit.get(kind, ()), float(child.id in on_front))
        if credit:
            self.generations.append(credit)


def adapted(rule: str, base: Mapping[str, float], generations: Iterable[Credit]) -> dict[str, float]:
    """Probabilities of the mutations in the next generation, summing to 1.

    Args:
        rule: "matching" or "pursuit".
        base: relative probabilities that the user set, by mutation.
        generations: credits of the finished generations, in order.

    Raises:
        ConfigError: if the rule is unknown, or no base is above 0.
    """
    if rule not in ADAPTATIONS:
        raise ConfigError(f"unknown adaptation {rule!r}; expected none or one of: {', '.join(ADAPTATIONS)}")
    total = sum(base.values())
    if total <= 0:
        raise ConfigError("at least one mutation needs a probability above 0, got 0 for all")
    shares = {kind: value / total for kind, value in base.items()}
    weights = _weights(rule, [kind for kind, share in shares.items() if share > 0], generations)
    weighted = {kind: share * weights.get(kind, 0.0) for kind, share in shares.items()}
    whole = sum(weighted.values())
    if whole <= 0:  # no mutation has had success yet
        return shares
    return {kind: FLOOR * shares[kind] + (1 - FLOOR) * weighted[kind] / whole for kind in shares}


def _weights(rule: str, kinds: Sequence[str], generations: Iterable[Credit]) -> dict[str, float]:
    """w of the module's formulas for the mutations that may happen, summing to 1 (or all 0)."""
    counted = [{kind: credit.get(kind, ()) for kind in kinds} for credit in generations]
    everything = [value for credit in counted for values in credit.values() for value in values]
    start = sum(everything) / len(everything) if everything else 1.0  # an untried mutation counts as average
    quality = dict.fromkeys(kinds, start)
    pursued = dict.fromkeys(kinds, 1 / len(kinds))
    for credit in counted:
        for kind, values in credit.items():
            for value in values:
                quality[kind] += ALPHA * (value - quality[kind])
        if len(set(quality.values())) > 1:
            best = max(kinds, key=quality.__getitem__)
            pursued = {kind: weight + BETA * ((kind == best) - weight) for kind, weight in pursued.items()}
    if rule == "pursuit":
        return pursued
    total = sum(quality.values())
    return {kind: value / total if total else 0.0 for kind, value in quality.items()}
