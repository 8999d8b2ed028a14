"""What a result depends on besides its seed: versions and the kind of processor."""

from __future__ import annotations

import platform
import warnings
from importlib import metadata
from pathlib import Path

from workbench.store import Run


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide results."""
    found = {"python": platform.python_version()}
    for package in ("numpy", "torch", "neuron-workbench"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "unknown"
    return found


def cpu() -> str:
    """Name of the processor, as well as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def warn_of_difference(run: Run) -> None:
    """Warn if a run was begun on another kind of processor or with other versions than those of this process."""
    there, here = {**run.versions, "processor": run.description.cpu}, {**versions(), "processor": cpu()}
    differ = [f"{name} {there[name]}, here {here[name]}" for name in here if there.get(name, here[name]) != here[name]]
    if differ:
        message = f"{run.path} was begun with {'; '.join(differ)}: its next individuals may differ in their last bits"
        warnings.warn(message, stacklevel=4)
