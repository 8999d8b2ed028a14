"""A warm interpreter that forks searches, so that each of many starts costs milliseconds and not seconds of imports.

Run as a script. It runs the command lines that come as JSON on its standard input, and answers each with a line.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


class Zygote:
    """The script, from the side of a test."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(log)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str) -> int:
        """Run a command in the warm interpreter itself; returns its status."""
        return self._ask("run", list(arguments))

    def fork(self, *arguments: str) -> int:
        """Start a command in a process of its own; returns its id."""
        return self._ask("fork", list(arguments))

    def wait(self, pid: int) -> int:
        """Wait until a forked process has ended; returns its exit status, or minus the signal that ended it."""
        return self._ask("wait", pid)

    def poll(self, pid: int) -> bool:
        """Whether a forked process has ended; it must still be waited for."""
        return bool(self._ask("poll", pid))

    def close(self) -> None:
        """End the script, at once: it has nothing to keep, and taking imports apart takes seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def _ask(self, verb: str, what: object) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([verb, what]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the zygote died: {self.log.read_text()[-2000:]}"
        return int(answer)


@contextlib.contextmanager
def zygote(log: Path) -> Iterator[Zygote]:
    """A zygote for as long as it is needed; what its commands print goes to `log`."""
    started = Zygote(log)
    try:
        yield started
    finally:
        started.close()


def _serve(log: str) -> None:
    from workbench.cli import main

    answers = os.fdopen(os.dup(1), "w")
    printed = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(printed, 1)  # also of what is forked
    os.dup2(printed, 2)
    for line in sys.stdin:
        verb, what = json.loads(line)
        if verb == "run":
            answer = main(what)
        elif verb == "fork":
            answer = os.fork()
            if answer == 0:
                status = 1
                try:
                    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
                    status = main(what)
                finally:
                    sys.stdout.flush()
                    sys.stderr.flush()
                    os._exit(status)
        elif verb == "poll":
            answer = int(os.waitid(os.P_PID, what, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None)
        else:
            answer = os.waitstatus_to_exitcode(os.waitpid(what, 0)[1])
        print(answer, file=answers, flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1])
