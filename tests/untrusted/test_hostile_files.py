"""Files made to do harm: each attack by itself, with the error that names it."""

from __future__ import annotations

import ast
import io
import os
import pickle
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mutants import COLUMNS, SAMPLE, arrays_of, edit, zipped

import workbench
from workbench.cli import main
from workbench.errors import GenomeError, RunError, WorkbenchError
from workbench.genome import Genome, topology
from workbench.plots import front_figure
from workbench.search import Search, snapshot_of
from workbench.store import open_run
from workbench.store.connections import reading

pytestmark = pytest.mark.filterwarnings("ignore:.* was begun with:UserWarning")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    copy = tmp_path / "run.sqlite"
    copy.write_bytes(SAMPLE.read_bytes())
    return copy


@pytest.fixture
def blob() -> bytes:
    return open_run(SAMPLE).genome_bytes(8) or b""


def changed(blob: bytes, **arrays: np.ndarray) -> bytes:
    return zipped({**arrays_of(blob), **arrays})


# ---------------------------------------------------------------------- code
def test_no_pickle_is_ever_read() -> None:
    """No module that reads files imports one, and `np.load` is told so."""
    for source in Path(workbench.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.partition(".")[0] not in {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"} or (
                    source.name in {"jit.py", "shared.py"}  # an exception of numba's cache, and its own workers' data
                ), f"{source} imports {name}"
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"np.load", "numpy.load", "torch.load"}:
                safe = {"allow_pickle": False, "weights_only": True}
                given = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
                assert any(given.get(name) is value for name, value in safe.items()), f"{source}:{node.lineno}"


class Exploit:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


def test_a_pickle_in_a_genome_is_not_run(tmp_path: Path, path: Path, blob: bytes) -> None:
    trap = tmp_path / "trap"
    evil = changed(blob, weights=np.array([Exploit(trap)], object))
    for content in (evil, pickle.dumps(Exploit(trap))):
        edit(path, "UPDATE genomes SET blob = ?", values=(content,))
        with pytest.raises(GenomeError):
            open_run(path).genome(8)
        with pytest.raises(GenomeError):
            Search.resume(path)
    assert not trap.exists()


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM genomes; END", "'trigger' 't'"),
        ("CREATE VIEW v AS SELECT * FROM events", "'view' 'v'"),
        ("CREATE INDEX i ON individuals (flops)", "'index' 'i'"),
        ("CREATE TABLE more (a)", "'table' 'more'"),
        ("ALTER TABLE individuals ADD COLUMN bad AS (zeroblob(1000000000))", "'table' 'individuals'"),
        ("INSERT INTO sqlite_master VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING fts5(x)')", "'v'"),
    ],
)
@pytest.mark.parametrize("open_it", [open_run, Search.resume])
def test_what_is_no_plain_table_is_refused(
    path: Path, open_it: Callable[[Path], Any], statement: str, named: str
) -> None:
    edit(path, statement)
    with pytest.raises(RunError, match=rf"expected its tables and nothing else, got the .*{named}"):
        open_it(path)


def test_a_view_in_place_of_a_table_is_refused(path: Path) -> None:
    edit(
        path,
        "ALTER TABLE events RENAME TO old",
        "CREATE VIEW events AS WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 1 FROM r) SELECT * FROM old, r",
    )
    with pytest.raises(RunError, match="nothing else"):
        open_run(path)


def test_connections_are_restricted(path: Path) -> None:
    with reading(path) as file:
        assert file.one("PRAGMA trusted_schema") == (0,)
        assert file.one("PRAGMA cell_size_check") == (1,)
        assert file.connection.getlimit(sqlite3.SQLITE_LIMIT_ATTACHED) == 0


def test_a_query_without_end_is_ended(path: Path) -> None:
    with pytest.raises(RunError, match="far more steps than a run of its size"), reading(path) as file:
        file.one("WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT max(x) FROM r")


def test_pages_that_are_used_many_times(path: Path) -> None:
    """A tree whose inner page leads to one leaf over and over would give rows without end."""
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'individuals'").fetchone()
    content = bytearray(path.read_bytes())
    start = (root - 1) * 4096
    assert content[start] in (0x05, 0x0D), "an inner or a leaf page of a table"
    leaf = int.from_bytes(content[start + 8 : start + 12], "big") if content[start] == 0x05 else root
    n_cells = 400
    page = bytearray(4096)
    page[0], page[3:5], page[5:7] = 0x05, n_cells.to_bytes(2, "big"), (4096 - 6 * n_cells).to_bytes(2, "big")
    page[8:12] = leaf.to_bytes(4, "big")
    for cell in range(n_cells):
        place = 4096 - 6 * (cell + 1)
        page[12 + 2 * cell : 14 + 2 * cell] = place.to_bytes(2, "big")
        page[place : place + 6] = leaf.to_bytes(4, "big") + bytes([0x80 | (cell >> 7), cell & 0x7F])
    content[start : start + 4096] = page
    path.write_bytes(content)
    with pytest.raises(RunError, match="damaged"):
        _ = open_run(path).individuals
    with pytest.raises(RunError, match="damaged"):
        Search.resume(path)


def test_a_journal_that_names_other_files(tmp_path: Path, path: Path) -> None:
    """SQLite would delete the file that the journal names, if that has nothing to do with it."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    name = str(victim).encode()
    journal = bytes(512) + name + len(name).to_bytes(4, "big") + (sum(name) & 0xFFFFFFFF).to_bytes(4, "big")
    path.with_name("run.sqlite-journal").write_bytes(journal + bytes.fromhex("d9d505f920a163d7"))
    for open_it in (open_run, Search.resume):
        with pytest.raises(RunError, match="names other files"):
            open_it(path)
    assert victim.read_text() == "precious"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs named pipes")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RunError, match="got a pipe or device"):
        open_run(tmp_path / "pipe")


# ---------------------------------------------------------------------- sizes
def test_a_bomb_is_refused_before_it_is_unpacked(blob: bytes) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, zipfile.ZipFile(io.BytesIO(blob)) as old:
        for entry in old.namelist():
            if entry != "weights.npy":
                archive.writestr(entry, old.read(entry))
        with archive.open("weights.npy", "w", force_zip64=True) as stream:
            for _ in range(600):
                stream.write(bytes(2**20))
    assert len(buffer.getvalue()) < 2**20
    with pytest.raises(GenomeError, match="at most 536,870,912 bytes"):
        Genome.from_bytes(buffer.getvalue())


def test_more_neurons_edges_and_layers_than_there_may_be(blob: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GenomeError, match="at most 1,048,576 neurons"):
        Genome.from_edges((1, 10**9, 10**9), 10, [], [])
    with pytest.raises(GenomeError, match="at most 1,048,576 neurons"):
        Genome.from_edges((1, 1, 2), 1, [0, 2**40], [2**40, 2])
    chain = np.arange(3, 3 + topology.MAX_LAYERS + 5)
    with pytest.raises(GenomeError, match="at most 10,000 layers"):
        Genome.from_edges((1, 1, 2), 1, np.r_[0, chain], np.r_[chain, 2])
    monkeypatch.setattr(topology, "MAX_EDGES", 10)
    with pytest.raises(GenomeError, match="at most 10 edges"):
        Genome.from_bytes(blob)


def test_a_genome_of_other_images_does_not_fit(path: Path) -> None:
    other = Genome.from_edges((1, 28, 28), 10, [0], [784])
    edit(path, "UPDATE genomes SET blob = ?", values=(other.to_bytes(),))
    with pytest.raises(GenomeError, match=r"shape \(1, 8, 8\) and 10 classes, got one for \(1, 28, 28\)"):
        open_run(path).genome(8)
    with pytest.raises(GenomeError, match="shape"):
        Search.resume(path)


# ---------------------------------------------------------------------- values
NUMBERS = {
    "individuals": ("id", "parent", "generation", "flops", "epochs", "val_accuracy", "wall_seconds"),
    "generations": ("n_evaluated", "n_failed", "hypervolume"),
    "events": ("from_child",),
}


@pytest.mark.parametrize(("table", "column"), [(table, column) for table, some in NUMBERS.items() for column in some])
@pytest.mark.parametrize("alien", ["text", b"bytes", -1, 2**63 - 1, 1e300])
def test_aliens_in_columns_of_numbers(path: Path, table: str, column: str, alien: Any) -> None:
    key = COLUMNS[table][0]
    last = f"(SELECT max({key}) FROM {table})"
    try:
        edit(path, f"UPDATE {table} SET {column} = ? WHERE {key} = {last}", values=(alien,))
    except sqlite3.IntegrityError:
        return  # a key must be a whole number, SQLite sees to that
    with pytest.raises(RunError, match=rf"damaged: {column} of .*expected a"):
        snapshot_of(open_run(path))


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE individuals SET parent = (id + 1) % 9", None),
        ("UPDATE generations SET population = '[3, 3]'", "ids that differ"),
        ("UPDATE generations SET population = '[3, 77]'", "expected ids of trained individuals, got 77"),
        ("UPDATE generations SET generation = 9 WHERE generation = 1", "generations: expected number 1, got 9"),
        ("UPDATE individuals SET status = 'failed' WHERE id = 3", "expected ids of trained individuals, got 3"),
        ("UPDATE individuals SET flops = NULL, flops_total = NULL, parameters = NULL", "as it is ok"),
        ("UPDATE individuals SET mutation = '" + "[" * 50_000 + "'", "JSON .nested deeper"),
        ("UPDATE individuals SET mutation_kind = '<b>'", "letters, digits"),
        ("UPDATE individuals SET origin = char(27) || '[2J'", "printable"),
        ("UPDATE individuals SET finished_at = '9999-99-99'", "a time such as"),
        ("UPDATE individuals SET seed = '" + "9" * 5000 + "'", "up to 100 digits"),
        ('UPDATE events SET "values" = \'{"tournament": 1000000000000}\'', "a whole number from 1 to 1,000,000"),
        ("DELETE FROM individuals WHERE id = 1", "no individual|individuals are missing|ids of trained"),
        ("DELETE FROM genomes WHERE individual = 5", "genomes of 1 individuals that are alive are missing"),
        ("UPDATE individuals SET id = 999999999 WHERE id = 8", "holds an individual 999999999"),
    ],
)
def test_records_that_make_no_sense(path: Path, statement: str, message: str | None) -> None:
    edit(path, statement)
    if message is None:  # nothing depends on it but the lineage, which ends
        assert len(open_run(path).lineage(8)) == 9
        return

    def look_and_resume() -> None:
        snapshot_of(open_run(path))
        Search.resume(path)

    with pytest.raises(WorkbenchError, match=message):
        look_and_resume()
    with pytest.raises(WorkbenchError):
        Search.resume(path)


# ---------------------------------------------------------------------- text and names
def test_a_name_from_a_file_is_no_path(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("../../etc", "/etc/passwd", "$(touch trap)", "mnist/../.."):
        edit(path, "UPDATE run SET value = json_set(value, '$.name', ?) WHERE key = 'dataset'", values=(name,))
        with pytest.raises(WorkbenchError, match="made from arrays"):
            Search.resume(path)
        assert main(["show", str(path), "--test"]) == 2
    assert os.listdir(tmp_path) == ["run.sqlite"]


def test_text_from_a_file_is_only_text(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "<img src=x onerror=alert(1)>"
    edit(path, "UPDATE run SET value = json_set(value, '$.name', ?) WHERE key = 'dataset'", values=(evil,))
    edit(path, "UPDATE individuals SET status = 'failed', failure = ? WHERE id = 7", values=(evil + "\x1b[2J",))
    edit(path, "UPDATE individuals SET description = json_object('summary', ?)", values=("\x1b]0;evil\x07",))
    run = open_run(path)
    assert "<img" not in front_figure(run).to_json().replace("\\u003c", "<")
    assert main(["show", str(path)]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_cards_and_logs_escape_text(path: Path) -> None:
    from workbench.views.network.head import head_html

    evil = "<script>alert(1)</script>"
    edit(path, "UPDATE individuals SET status = 'failed', failure = ? WHERE id = 7", values=(evil,))
    edit(path, "UPDATE individuals SET description = json_object('summary', ?)", values=(evil,))
    run = open_run(path)
    page = head_html(run.individual(7), run.facts(7))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
