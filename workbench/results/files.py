"""Results that come one by one and survive a stop: a JSON file, written anew as a whole with every entry."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import RunError


class ResultFile:
    """Entries by key, kept in a JSON file: what is finished is skipped the next time.

    Any thread of one process may add; two processes must not write the same file at once.

    Args:
        path: the file; it is made with the first entry.

    Raises:
        RunError: if there is a file that holds something else.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._guard = threading.Lock()
        self._entries: dict[str, dict[str, Any]] = {}
        if self.path.exists():
            self._entries = self._read()

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            entries = json.loads(self.path.read_text())
        except (OSError, ValueError) as error:
            raise RunError(f"{self.path} cannot be read as results ({error}); move it away") from None
        if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
            raise RunError(f"expected results in {self.path}, got something else; move it away")
        return entries

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self._entries[key]

    def items(self) -> list[tuple[str, dict[str, Any]]]:
        """All entries in the order in which they came."""
        with self._guard:
            return list(self._entries.items())

    def add(self, key: str, entry: Mapping[str, Any]) -> None:
        """Add an entry, or replace it, and write the file: another reader sees it before or after, never half.

        Raises:
            RunError: if the file cannot be written.
        """
        with self._guard:
            entries = {**self._entries, key: dict(entry)}
            try:
                self._write(entries)
            except OSError as error:
                raise RunError(f"cannot write {self.path}: {error.strerror or error}") from None
            self._entries = entries

    def _write(self, entries: Mapping[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(f"{self.path.name}.part")
        try:
            with part.open("w") as file:
                json.dump(entries, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self.path)
        finally:
            part.unlink(missing_ok=True)
