"""The question, in the place of the buttons, before a run is forked or begun anew beside the one that is watched."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as ipw

from workbench.errors import WorkbenchError
from workbench.search import ForkPlan, Search
from workbench.search.beside import fork_beside, fork_path, new_beside, plan_fork_beside
from workbench.views.base.background import Background
from workbench.views.base.markup import alert, escape, quiet
from workbench.views.base.view import button, classed


class Branch(ipw.HBox):
    """Asks, makes the other search in a thread, and hands it over.

    Args:
        search: the search that is forked, or whose settings a new run takes.
        opened: called with the search that was made.
        changed: called when `asks` or `note` has changed.

    Attributes:
        asks: whether there is a question, or an answer in the making.
        note: what it will take, or how far it is (HTML).
        generation: after which to fork.
        yes, no: the answers.
    """

    def __init__(self, search: Search, opened: Callable[[Search], None], changed: Callable[[], None]) -> None:
        self._search, self._opened, self._changed = search, opened, changed
        self._background = Background(self._show_progress)
        self._plan: ForkPlan | None = None
        self._to, self._again = Path(), 0
        self.asks, self.note = False, ""
        self.question, self.target = ipw.HTML(), ipw.HTML()
        self.generation = ipw.BoundedIntText(min=0, layout={"width": "76px"}, tooltip="Its settings hold in the fork")
        self.generation.observe(self._plan_fork, "value")
        self.yes = button("", "wb-branch-yes", "", self._agree)
        self.no = button("Cancel", "wb-branch-no", "Leave it", self._end)
        super().__init__([self.question, self.generation, self.target, self.yes, self.no])
        classed(self, "wb-branch").layout.display = "none"

    def ask_fork(self) -> None:
        """Ask after which generation to fork; there must be a finished one."""
        last = self._search.snapshot().finished_generations[-1].generation
        self._ask("Fork after generation", "Fork")
        self.generation.layout.display = None
        self.generation.max = last
        self.generation.value = last
        self._plan_fork()

    def ask_new(self) -> None:
        """Ask whether to begin anew."""
        self._plan = None
        self._ask("New run: the same data, the settings as they are now, another seed", "New run")
        self.generation.layout.display = "none"
        self._tell(f"Into a new file beside {escape(self._search.path.name)}, which stays as it is.")

    def wait(self) -> None:
        """Block until the answer is there; for scripts and tests."""
        self._background.wait()

    def _ask(self, question: str, yes: str) -> None:
        self.asks, self.target.value, self.question.value = True, "", question
        self.yes.description, self.yes.disabled, self.no.disabled = yes, False, False
        self.layout.display = None

    def _plan_fork(self, _: Any = None) -> None:
        if not self.asks or self.generation.layout.display == "none":
            return
        generation, self.yes.disabled = self.generation.value, True
        self._to = fork_path(self._search, generation)
        self.target.value = f"into {escape(self._to.name)}"
        self._background.start(partial(plan_fork_beside, self._search, generation), self._planned, self._fail)

    def _planned(self, plan: ForkPlan) -> None:
        if not self.asks or plan.generation != self.generation.value:  # asked for another one since
            return
        self._plan, self.yes.disabled = plan, False
        effort = plan.history.effort(plan.again) if plan.again else "all weights that it needs are stored"
        self._tell(f"Cost: {escape(effort)}.")

    def _agree(self) -> None:
        self.yes.disabled = self.no.disabled = True
        self._again, plan = 0, self._plan
        self._tell("In the making …")
        if plan is None:
            self._background.start(partial(new_beside, self._search), self._open, self._fail)
        else:
            work = partial(fork_beside, self._search, plan, self._to, self._count)
            self._background.start(work, self._open, self._fail)

    def _count(self, _: object) -> None:
        self._again += 1  # in the thread that trains again

    def _show_progress(self) -> None:
        if self._again and self._plan is not None and self._background.is_busy:
            self._tell(f"Trained again: {self._again} of {len(self._plan.again)} individuals.")

    def _open(self, made: Search) -> None:
        self._end()
        self._opened(made)

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, WorkbenchError):
            self._end()
            raise error
        self.no.disabled = False
        self._tell(alert(str(error)))

    def _end(self) -> None:
        self.asks, self.layout.display = False, "none"
        self._tell("")

    def _tell(self, note: str) -> None:
        self.note = note if note.startswith("<") else quiet(note)
        self._changed()
