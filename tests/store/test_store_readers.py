"""Any number of readers while a search writes: each look is of one instant, and nobody waits for anybody."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from workbench.store import open_run

N_GENERATIONS, CHILDREN, READERS = 12, 8, 4

WRITING = """
import sys
from store_samples import DESCRIPTION, generation, individual
from workbench.store import create_run
n_generations, children = int(sys.argv[2]), int(sys.argv[3])
with create_run(sys.argv[1], DESCRIPTION) as writer:
    print("begun", flush=True)
    sys.stdin.readline()
    for number in range(n_generations):
        ids = range(number * children, (number + 1) * children)
        for id in ids:
            writer.add_individual(individual(id, generation=number), bytes([id % 256]) * 3000)
        dead = ids[:-1] if number % 3 == 2 else ()  # what dies out shrinks to its topology
        writer.finish_generation(generation(number, tuple(ids), (ids[0],)), dict.fromkeys(dead, b"topology"))
    writer.set_state("finished")
"""


class Watcher(threading.Thread):
    """Looks at the run until it is finished."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.looks, self.faults = path, 0, list[str]()

    def run(self) -> None:
        seen = 0
        try:
            while True:
                finished = open_run(self.path).state == "finished"
                memory = open_run(self.path).load()
                ranked = len(memory.generations)
                n = len(memory.individuals)
                whole = ranked * CHILDREN <= n <= (ranked + 1) * CHILDREN and n >= seen
                bytes_right = all(blob == bytes([id % 256]) * 3000 for id, blob in memory.genomes.items())
                if not whole or not bytes_right or [one.id for one in memory.individuals] != list(range(n)):
                    self.faults.append(f"{n} individuals after {seen}, {ranked} generations")
                seen, self.looks = n, self.looks + 1
                table = open_run(self.path).individuals
                if len(table) < seen:
                    self.faults.append(f"{len(table)} rows after {seen}")
                if finished:
                    return
        except BaseException as error:
            self.faults.append(repr(error))


def test_many_readers_of_a_running_search(path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", WRITING, str(path), str(N_GENERATIONS), str(CHILDREN)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as writer:
        assert writer.stdout is not None
        assert writer.stdin is not None
        assert writer.stdout.readline() == "begun\n"
        watchers = [Watcher(path) for _ in range(READERS)]
        for watcher in watchers:
            watcher.start()
        writer.stdin.write("go\n")
        writer.stdin.close()
        writer.stdin = None
        assert writer.wait() == 0
        for watcher in watchers:
            watcher.join()
    assert [watcher.faults for watcher in watchers] == [[]] * READERS
    assert min(watcher.looks for watcher in watchers) >= 1
    assert len(open_run(path).individuals) == N_GENERATIONS * CHILDREN
