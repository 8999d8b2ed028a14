"""A cluster on this machine."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import dask
from distributed import LocalCluster  # here: settings made before this import would take its defaults along as they end


@contextlib.contextmanager
def two_workers() -> Iterator[Any]:
    """A `LocalCluster` of two processes with one thread each, which come back when they are killed."""
    patience = {"distributed.deploy.lost-worker-timeout": "10 minutes"}  # else one that is slow to come back is closed
    settings: dict[str, Any] = {"dashboard_address": ":0", "silence_logs": logging.CRITICAL}
    with dask.config.set(patience), LocalCluster(n_workers=2, threads_per_worker=1, **settings) as cluster:
        yield cluster
