"""Installs this checkout and what it needs into the environment that runs this, in one line that moves.

    .venv/bin/python .ci/install.py '.[dev]' 'Installing PyTorch and more: expect some minutes'

pip does the work. A terminal has the line written over and over, elsewhere one comes every `SPEAK_SECONDS`. Errors are
shown whole, and pip's exit status is kept.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterable
from pathlib import Path

LOOK_SECONDS, SPEAK_SECONDS = 0.25, 20.0
FOUND = re.compile(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)|Processing .*?([\w.]+)-\d[^/\\]*\.whl")
FETCHED = re.compile(r"\s+(?:Downloading|Using cached) (?:\S*/)?(\w+)-\S+ \((.+)\)")
UNPACKED = "Installing collected packages: "


class Progress:
    """What pip has told so far."""

    def __init__(self) -> None:
        self.began = time.time()
        self.doing, self.found = "asking pip", set[str]()
        self.packages: list[str] = []  # in the order in which they are unpacked, once all are there
        self.complaints: list[str] = []

    def follow(self, said: Iterable[str]) -> None:
        """Read pip's output to its end."""
        for line in said:
            if found := FOUND.match(line):
                name = found[1] or found[2]
                self.doing = f"fetching {name}"
                self.found.add(name.lower().replace("_", "-"))
            elif fetched := FETCHED.match(line):
                self.doing = f"fetching {fetched[1]}, {fetched[2]}"
            elif line.startswith(UNPACKED):
                self.packages = line.removeprefix(UNPACKED).strip().split(", ")

    def follow_complaints(self, said: Iterable[str]) -> None:
        """Read what it says of errors; the last of it, such as that the index does not answer, is part of the line."""
        for line in said:
            self.complaints.append(line)
            self.doing = line.strip() or self.doing

    def took(self) -> str:
        """Minutes and seconds so far."""
        minutes, seconds = divmod(int(time.time() - self.began), 60)
        return f"{minutes}:{seconds:02}"

    def line(self) -> str:
        """What it does, how much is done, how long it has taken."""
        if not self.packages:
            return f"{self.took()} · {len(self.found)} packages found · {self.doing}"
        done = 0
        for record in Path(sysconfig.get_path("purelib")).glob("*.dist-info/RECORD"):  # the last file of a package
            with contextlib.suppress(FileNotFoundError):  # of an earlier version, which pip has just removed
                done += record.stat().st_mtime >= self.began
        done = min(done, len(self.packages) - 1)
        place = f"{done + 1} of {len(self.packages)} packages"
        return f"{self.took()} · {place} · installing {self.packages[done]}"


def write(text: str, end: str = "\n") -> None:
    """One line, over what stands there if that is a terminal."""
    if sys.stdout.isatty():
        room = shutil.get_terminal_size().columns - 1
        text = "\r" + text[:room].ljust(room)
    print(text, end=end, flush=True)


def main(what: str, title: str) -> int:
    """Install; returns pip's exit status."""
    sys.stdout.reconfigure(errors="replace")
    print(title, flush=True)
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--progress-bar", "off", "--editable", what]
    progress, spoke = Progress(), -SPEAK_SECONDS
    pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
    readers = [
        threading.Thread(target=progress.follow, args=[pip.stdout], daemon=True),
        threading.Thread(target=progress.follow_complaints, args=[pip.stderr], daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        while any(reader.is_alive() for reader in readers):
            if sys.stdout.isatty():
                write(progress.line(), end="")
            elif time.monotonic() > spoke + SPEAK_SECONDS:
                spoke = time.monotonic()
                write(progress.line())
            time.sleep(LOOK_SECONDS)
        ended = "installed in" if pip.wait() == 0 else "failed after"
    except KeyboardInterrupt:  # pip has got it too, and clears up
        for reader in readers:
            reader.join()
        ended = "start again to go on; interrupted after"
    write(f"{ended} {progress.took()}")
    failed = ended.startswith("failed")
    sys.stderr.writelines(line for line in progress.complaints if failed or not line.startswith("WARNING"))
    return pip.wait()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
