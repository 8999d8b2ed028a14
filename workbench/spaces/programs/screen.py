"""Whether a mutant does on a few examples what its parent does, or dies there.

After the functional equivalence check of Real et al. (2020), which is a cache of a whole search there. Here it is a
property of parent and mutant alone, so that a child depends on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from workbench.spaces.programs.liveness import live
from workbench.spaces.programs.machine import Machine
from workbench.spaces.programs.program import Form, Program

EXAMPLES = 10
"""That a program learns from, and that it answers then."""

MOST_FEATURES = 16
"""Of an example, unless classes are more: what differs on long vectors differs on short ones."""

REMEMBERED = 2048
"""Programs whose behaviour is not found out again: parents come again, and children become parents."""

Essence = tuple[bytes, ...]


@dataclass(frozen=True)
class Screen:
    """Pseudo-random examples, the same for all programs of a form."""

    form: Form
    carries: bool

    @cached_property
    def _behaviours(self) -> dict[Essence, bytes | None]:
        return {}

    @cached_property
    def features(self) -> np.ndarray:
        """Normal float64 [2 · EXAMPLES, F]."""
        return np.random.default_rng(0).standard_normal((2 * EXAMPLES, self.form.features))

    @cached_property
    def labels(self) -> np.ndarray:
        """All classes in turn, int64 [EXAMPLES]."""
        return np.arange(EXAMPLES) % max(2, self.form.n_outputs)

    @cached_property
    def order(self) -> np.ndarray:
        """One after the other, int64 [EXAMPLES]."""
        return np.arange(EXAMPLES)

    def against(self, parent: Program) -> Callable[[Program], str | None]:
        """Tells of a mutant whether it is "neutral" (does what its parent does) or "died"; None if neither."""
        essence = self.essence(parent)
        behaviour = self._remembered(parent, essence)

        def fault(mutant: Program) -> str | None:
            own = self.essence(mutant)
            if own == essence:
                return "neutral"
            found = self._remembered(mutant, own)
            if found is None:
                return "died"
            return "neutral" if found == behaviour else None

        return fault

    def _remembered(self, program: Program, essence: Essence) -> bytes | None:
        """Its behaviour, on which nothing but its essence has an effect."""
        known = self._behaviours
        if essence in known:
            return known[essence]
        if len(known) >= REMEMBERED:
            known = self.__dict__["_behaviours"] = {}  # other threads may still look into the old one
        known[essence] = found = self.behaviour(program)
        return found

    def behaviour(self, program: Program) -> bytes | None:
        """Errors while it learns and its answers then; None if it dies: a prediction is NaN, or an error above 100."""
        machine, errors = Machine(program, self.form, carries=self.carries), np.zeros(EXAMPLES)
        if machine.learn(self.features[:EXAMPLES], self.labels, self.order, errors).examples < EXAMPLES:
            return None
        answers = machine.predict(self.features[EXAMPLES:])
        if np.isnan(answers).any():
            return None
        return np.append(errors, answers + 0.0).tobytes()  # without negative zeros

    def essence(self, program: Program) -> Essence:
        """The live instructions: programs that have the same do the same on all examples."""
        lives = live(program, self.form, carries=self.carries)
        counts = bytes(int(lives[section].sum()) for section in program.sections)
        return counts, *(array[lives].tobytes() for array in (program.codes, program.constants, program.keys))


@lru_cache(maxsize=16)
def screen_for(form: Form, carries: bool) -> Screen:
    """The screen for programs of a form."""
    return Screen(replace(form, features=min(form.features, max(MOST_FEATURES, form.n_outputs))), carries)
