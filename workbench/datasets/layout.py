"""Where the files of a data set may lie on disk."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """One way of keeping a data set: a folder with certain files.

    Attributes:
        description: what the files are.
        folder: where they lie.
        names: of the files, without suffix.
        suffixes: that each file may have, in order of preference.
    """

    description: str
    folder: Path
    names: tuple[str, ...]
    suffixes: tuple[str, ...] = ("",)

    def find(self, name: str) -> Path | None:
        """The path of one file, or None if it is missing."""
        paths = (self.folder / f"{name}{suffix}" for suffix in self.suffixes)
        return next((path for path in paths if os.path.isfile(path)), None)

    def files(self) -> tuple[Path, ...]:
        """The files that are there, in the order of `names`."""
        return tuple(path for name in self.names if (path := self.find(name)) is not None)

    def missing(self) -> tuple[str, ...]:
        """Names of the files that are not there."""
        return tuple(name for name in self.names if self.find(name) is None)
