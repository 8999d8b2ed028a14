"""Brings space and data to the workers of a Dask cluster: to each once, also to those that come later."""

from __future__ import annotations

from typing import Any

from distributed import WorkerPlugin

from workbench.executors.shared import Shared, forget, keep


class SharedPlugin(WorkerPlugin):
    """Keeps a search's space and data in each worker process."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared

    def setup(self, worker: Any) -> None:
        """When a worker joins."""
        keep(self.shared)

    def teardown(self, worker: Any) -> None:
        """When the search has ended."""
        forget(self.shared.token)
