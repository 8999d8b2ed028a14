"""Run files and genomes mutilated in every way, each by a number from which it can be made again."""

from __future__ import annotations

import io
import json
import sqlite3
import warnings
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

SAMPLES = sorted((Path(__file__).parents[1] / "store" / "assets").glob("run_v*.sqlite"))
SAMPLE = SAMPLES[-1]
"""A run of the newest version."""

PAGE_BYTES = 4096

COLUMNS = {
    "run": ("key", "value"),
    "individuals": (
        *("id", "parent", "generation", "origin", "mutation_kind", "seed", "status", "failure", "val_accuracy"),
        *("initial_val_accuracy", "flops", "flops_total", "parameters", "latency_us", "epochs", "wall_seconds"),
        *("finished_at", "outcome_failure", "mutation", "history", "description"),
    ),
    "genomes": ("individual", "form", "blob"),
    "generations": (
        *("generation", "population", "front", "hypervolume", "best_accuracy", "n_evaluated", "n_failed", "epochs"),
        *("wall_seconds", "finished_at"),
    ),
    "events": ("sequence", "kind", "from_child", "generation", '"values"', "time"),
}
TEXTS = {
    "run": ("value",),
    "individuals": ("mutation", "history", "description"),
    "generations": ("population", "front"),
    "events": ('"values"',),
}

ALIENS: tuple[Any, ...] = (
    *(None, 0, 1, -1, 3, 10**6, 2**31, 2**53, 2**63 - 1, -(2**63), 0.5, -0.5, 1.5, 1e308, float("inf"), -1e-300),
    *("", "ok", "running", "null", "NaN", "[]", "{}", "[[[[]]]]", "1e999", "[1, 1]", '"\\ud800"', "\x00", "\x1b[2J"),
    *("<script>alert(1)</script>", "../../etc/passwd", "é" * 300, "x" * 100_000, "9" * 5000, "[" * 100_000),
    *('{"a":' * 5000, '{"kind": ["a"]}', '{"generations": -1}', '{"generations": 1e400}', '{"rates": 7}'),
    *(b"", b"\x00" * 50, b"PK\x05\x06" + bytes(18), b"\x80\x04\x95", bytes(range(256)) * 40),
)
LEAVES: tuple[Any, ...] = (
    *(None, True, 0, -1, 7, 2**31, 2**70, 10**200, 0.5, -1.5, 1e308, float("nan"), float("inf"), "", "x", "é\x1b[0m"),
    *("-1", "nan", "1e999", "<b>", "../..", "y" * 1000, [], {}, [[]], [1, 2, 3], {"a": 1}, [0] * 1000),
)


def damaged_file(number: int, path: Path) -> str:
    """Write mutant `number` of a sample run, each third of version 1, to `path`; returns how it was made."""
    rng = np.random.default_rng([number, 11])
    path.write_bytes((SAMPLES[0] if number % 3 == 0 else SAMPLE).read_bytes())
    ways: list[Callable[[np.random.Generator, Path], str]] = [_flip, _cut, _pages, _value, _value, _leaf, _leaf]
    ways += [_leaf, _table, _genome, _genome]
    return ways[number % len(ways)](rng, path)


def damaged_genome(number: int, blob: bytes) -> tuple[bytes, str]:
    """Mutant `number` of the bytes of a genome, and how it was made."""
    rng = np.random.default_rng([number, 12])
    ways: list[Callable[[np.random.Generator, bytes], tuple[bytes, str]]] = [_flip_bytes, _cut_bytes, _array, _array]
    ways += [_array, _head, _zip]
    return ways[number % len(ways)](rng, blob)


# ---------------------------------------------------------------------- bytes and pages
def _flip_bytes(rng: np.random.Generator, content: bytes) -> tuple[bytes, str]:
    changed = bytearray(content)
    places = rng.integers(0, len(content), size=int(rng.integers(1, 12)))
    for place in places.tolist():
        changed[place] = int(rng.integers(0, 256))
    return bytes(changed), f"bytes {places.tolist()} changed"


def _cut_bytes(rng: np.random.Generator, content: bytes) -> tuple[bytes, str]:
    length = int(rng.integers(0, len(content)))
    return content[:length], f"cut to {length} bytes"


def _flip(rng: np.random.Generator, path: Path) -> str:
    content = path.read_bytes()
    if rng.random() < 0.4:  # the header, the tables' definitions and the heads of pages decide most
        page = int(rng.integers(0, len(content) // PAGE_BYTES))
        start = page * PAGE_BYTES
        piece, how = _flip_bytes(rng, content[start : start + 120])
        path.write_bytes(content[:start] + piece + content[start + 120 :])
        return f"page {page}: {how}"
    content, how = _flip_bytes(rng, content)
    path.write_bytes(content)
    return how


def _cut(rng: np.random.Generator, path: Path) -> str:
    content, how = _cut_bytes(rng, path.read_bytes())
    path.write_bytes(content)
    return how


def _pages(rng: np.random.Generator, path: Path) -> str:
    content = bytearray(path.read_bytes())
    n_pages = len(content) // PAGE_BYTES
    first, second = (int(page) * PAGE_BYTES for page in rng.integers(0, n_pages, size=2))
    one, two = content[first : first + PAGE_BYTES], content[second : second + PAGE_BYTES]
    way = str(rng.choice(["swap", "copy", "zero", "noise"]))
    if way == "swap":
        content[first : first + PAGE_BYTES], content[second : second + PAGE_BYTES] = two, one
    else:
        content[first : first + PAGE_BYTES] = {
            "copy": bytes(two),
            "zero": bytes(PAGE_BYTES),
            "noise": rng.bytes(PAGE_BYTES),
        }[way]
    path.write_bytes(content)
    return f"{way} of pages {first // PAGE_BYTES} and {second // PAGE_BYTES}"


# ---------------------------------------------------------------------- through SQL
def edit(path: Path, *statements: str, values: tuple[Any, ...] = ()) -> None:
    """Change a file as no workbench would, as quickly as can be."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("synchronous = OFF", "journal_mode = MEMORY", "ignore_check_constraints = ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("PRAGMA writable_schema = ON")
        for statement in statements:
            connection.execute(statement, values)


def _some_row(rng: np.random.Generator, path: Path, table: str) -> tuple[str, Any]:
    key = COLUMNS[table][0]
    with closing(sqlite3.connect(path)) as connection:
        keys = [row[0] for row in connection.execute(f"SELECT {key} FROM {table}")]
    return key, keys[int(rng.integers(len(keys)))]


def _value(rng: np.random.Generator, path: Path) -> str:
    table = str(rng.choice(list(COLUMNS), p=[0.15, 0.45, 0.1, 0.2, 0.1]))
    column = str(rng.choice(COLUMNS[table]))
    alien = ALIENS[int(rng.integers(len(ALIENS)))]
    key, row = _some_row(rng, path, table)
    return _set(path, table, column, alien, key, row)


def _set(path: Path, table: str, column: str, value: Any, key: str, row: Any) -> str:
    how = f"{table}.{column} of {row} := {value!r:.60}"
    try:
        edit(path, f"UPDATE {table} SET {column} = ? WHERE {key} = ?", values=(value, row))
    except (sqlite3.IntegrityError, sqlite3.OperationalError):  # NOT NULL, a key of another type or twice, no column
        return f"{how} (refused)"
    return how


def _leaf(rng: np.random.Generator, path: Path) -> str:
    """One part of a JSON text replaced, added or taken away."""
    table = str(rng.choice(list(TEXTS), p=[0.5, 0.25, 0.1, 0.15]))
    column = str(rng.choice(TEXTS[table]))
    key, row = _some_row(rng, path, table)
    with closing(sqlite3.connect(path)) as connection:
        (text,) = connection.execute(f"SELECT {column} FROM {table} WHERE {key} = ?", (row,)).fetchone()
    changed = _changed(rng, json.loads(text))
    return _set(path, table, column, json.dumps(changed), key, row)


def _changed(rng: np.random.Generator, value: Any) -> Any:
    leaf = LEAVES[int(rng.integers(len(LEAVES)))]
    if not isinstance(value, dict | list) or not value or rng.random() < 0.1:
        return leaf
    if isinstance(value, list):
        place = int(rng.integers(len(value)))
        return [_changed(rng, each) if index == place else each for index, each in enumerate(value)]
    name = str(rng.choice(list(value)))
    way = rng.random()
    if way < 0.15:
        return {each: inner for each, inner in value.items() if each != name}
    if way < 0.2:
        return {**value, "unknown": leaf}
    return {**value, name: _changed(rng, value[name])}


def _table(rng: np.random.Generator, path: Path) -> str:
    """Rows that come, go or change places, and objects that are no tables."""
    table = str(rng.choice(list(COLUMNS)))
    key, row = _some_row(rng, path, table)
    statements = {
        "empty": f"DELETE FROM {table}",
        "drop": f"DROP TABLE {table}",
        "row gone": f"DELETE FROM {table} WHERE {key} = {row!r}",
        "key moved": f"UPDATE OR REPLACE {table} SET {key} = 10 + {row!r} WHERE {key} = {row!r}",
        "column": f"ALTER TABLE {table} ADD COLUMN more",
        "renamed": f"ALTER TABLE {table} RENAME TO other",
        "view": f"CREATE VIEW seen AS SELECT * FROM {table}",
        "trigger": f"CREATE TRIGGER t AFTER INSERT ON {table} BEGIN DELETE FROM {table}; END",
        "index": f"CREATE INDEX i ON {table} ({COLUMNS[table][1]})",
        "virtual": "INSERT INTO sqlite_master VALUES ('table','v','v',0,'CREATE VIRTUAL TABLE v USING fts5(x)')",
        "root page": f"UPDATE sqlite_master SET rootpage = {int(rng.integers(1, 20))} WHERE name = '{table}'",
        "schema text": f"UPDATE sqlite_master SET sql = 'CREATE TABLE {table}(a)' WHERE name = '{table}'",
        "circle": "UPDATE individuals SET parent = (id + 1) % 9",
        "children of their own": "UPDATE individuals SET parent = id",
        "aliens": "UPDATE generations SET population = '[77, 78]'",
    }
    way = str(rng.choice(list(statements)))
    try:
        edit(path, statements[way])
    except sqlite3.Error as error:
        return f"{way} of {table} (refused: {error})"
    return f"{way} of {table} {row}"


def _genome(rng: np.random.Generator, path: Path) -> str:
    key, row = _some_row(rng, path, "genomes")
    with closing(sqlite3.connect(path)) as connection:
        (blob,) = connection.execute(f"SELECT blob FROM genomes WHERE {key} = ?", (row,)).fetchone()
    changed, how = damaged_genome(int(rng.integers(2**31)), blob)
    _set(path, "genomes", "blob", changed, key, row)
    return f"genome of {row}: {how}"


# ---------------------------------------------------------------------- genomes
def arrays_of(blob: bytes) -> dict[str, np.ndarray]:
    """The arrays in the bytes of a genome."""
    with np.load(io.BytesIO(blob), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def zipped(arrays: dict[str, np.ndarray]) -> bytes:
    """`npz` bytes; arrays of objects become pickles."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _array(rng: np.random.Generator, blob: bytes) -> tuple[bytes, str]:
    arrays = arrays_of(blob)
    name = str(rng.choice(list(arrays)))
    array = arrays[name]
    alien = [-1, 0, 5, 75, 2**31 - 1, -(2**31), 2**62, -(2**63), 1e38, np.nan, np.inf][int(rng.integers(11))]
    one = array.copy()
    if len(one):
        with np.errstate(all="ignore"):
            one[int(rng.integers(len(one)))] = np.array(alien).astype(array.dtype)
    ways: dict[str, Callable[[], np.ndarray | None]] = {
        "value": lambda: one,
        "values": lambda: np.full_like(array, one[0] if len(one) else 0),
        "shuffle": lambda: rng.permutation(array),
        "longer": lambda: np.concatenate([array, array]),
        "shorter": lambda: array[: len(array) // 2],
        "empty": lambda: array[:0],
        "type": lambda: array.astype(str(rng.choice(["f8", "i2", "u8", "c16", "bool", "S3", ">i4"]))),
        "objects": lambda: array.astype(object),
        "shape": lambda: array[None],
        "large": lambda: np.zeros(1_100_000, array.dtype),
        "gone": lambda: None,
    }
    way = str(rng.choice(list(ways)))
    with np.errstate(all="ignore"):
        changed = ways[way]()
    if changed is None:
        del arrays[name]
    else:
        arrays[name] = changed
    return zipped(arrays), f"{name}: {way}, {alien}"


def _head(rng: np.random.Generator, blob: bytes) -> tuple[bytes, str]:
    arrays = arrays_of(blob)
    head = json.loads(arrays["head"].tobytes())
    changed = _changed(rng, head)
    if rng.random() < 0.3 and isinstance(changed, dict):
        changed["input_shape"] = [1, int(rng.integers(1, 2**40)), int(rng.integers(1, 2**20))]
    arrays["head"] = np.frombuffer(json.dumps(changed).encode(), np.uint8)
    return zipped(arrays), f"head: {changed!r:.120}"


def _zip(rng: np.random.Generator, blob: bytes) -> tuple[bytes, str]:
    """Another container of the same entries, or of others, or entries that say what is not true."""
    way = str(rng.choice(["lzma", "bzip2", "twice", "more", "header", "size"]))
    buffer = io.BytesIO()
    kind = {"lzma": zipfile.ZIP_LZMA, "bzip2": zipfile.ZIP_BZIP2}.get(way, zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(io.BytesIO(blob)) as old, zipfile.ZipFile(buffer, "w", kind) as new:
        for entry in old.namelist():
            content = old.read(entry)
            if way == "header":
                content = content.replace(b"(", b"(99999999999", 1)
            new.writestr(entry, content)
        if way == "twice":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                new.writestr("head.npy", b"")
        if way == "more":
            for place in range(2000):
                new.writestr(f"more{place}.npy", b"")
    changed = buffer.getvalue()
    if way == "size":  # the directory, which is at the end, is believed when sizes are compared
        at = changed.rfind(b"PK\x01\x02") + 24
        changed = changed[:at] + int(rng.integers(0, 2**32 - 1)).to_bytes(4, "little") + changed[at + 4 :]
    return changed, f"zip: {way}"
