"""No output ever replaces a run, and an interrupted write leaves the file that was there."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

import workbench as wb
from workbench.cli import main
from workbench.errors import ExportError
from workbench.outputs import output_file
from workbench.plots import front_figure, save_picture
from workbench.search.history import log_to
from workbench.search.report import write_csv, write_parquet


@pytest.fixture(scope="module")
def run_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("outputs") / "run.sqlite"
    config = wb.SearchConfig(population=2, children=1, generations=1, initial_epochs=1, train=wb.TrainConfig(epochs=1))
    wb.Search(wb.load_dataset("digits"), config, path).run(progress=False).close()
    return path


def other_names(run_file: Path, folder: Path, ending: str) -> list[Path]:
    """Files that are the run, or belong to it, by other names."""
    names = [folder / f"soft{ending}", folder / f"hard{ending}", folder / f"moved{ending}"]
    names[0].symlink_to(run_file)
    os.link(run_file, names[1])
    names[2].write_bytes(run_file.read_bytes())
    return [*names, run_file]


COMMANDS = {
    "show --csv": ".csv",
    "show --parquet": ".parquet",
    "show --picture": ".html",
    "report --output": ".html",
    "compare --picture": ".html",
    "export --path": ".onnx",
    "latency --csv": ".csv",
    "resume --log": ".jsonl",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_writes_over_a_run(run_file, tmp_path, capsys, command):
    before, (name, option) = run_file.read_bytes(), command.split()
    beside = [Path(f"{run_file}{end}") for end in ("-wal", "-shm", "-journal", ".lock")]
    for path in (*other_names(run_file, tmp_path, COMMANDS[command]), *beside):
        assert main([name, str(run_file), option, str(path)]) == 2
        assert "is a run, or belongs to one" in capsys.readouterr().err
    assert run_file.read_bytes() == before
    assert not any(path.exists() for path in beside)


def test_an_input_is_not_written_over(run_file, tmp_path, capsys):
    other = tmp_path / "other.sqlite"
    other.write_bytes(run_file.read_bytes())
    assert main(["report", str(run_file), "--with", str(other), "--output", str(other)]) == 2
    other.write_bytes(b"not a run")
    assert main(["report", str(run_file), "--with", str(other), "--output", str(other)]) == 2
    assert "is the run or an input of this command" in capsys.readouterr().err


def test_a_log_is_another_file_than_the_run(tmp_path, capsys):
    path = str(tmp_path / "new.sqlite")
    assert main(["search", "--data", "digits", "--path", path, "--log", path]) == 2
    assert "is the run or an input of this command" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_no_function_writes_over_a_run(run_file, tmp_path):
    before, run = run_file.read_bytes(), wb.open_run(run_file)
    genome = run.genome(int(run.front()["id"].iloc[0]))
    for path in other_names(run_file, tmp_path, ".html"):
        with pytest.raises(ExportError, match="is a run"):
            wb.export_onnx(genome, path)
        with pytest.raises(ExportError, match="is a run"):
            save_picture(front_figure(run), path if path.suffix == ".html" else tmp_path / "soft.html")
        for write in (write_csv, write_parquet):
            with pytest.raises(ExportError, match="is a run"):
                write(run, path)
        with pytest.raises(ExportError, match="is a run"), log_to(path):
            pass
    assert run_file.read_bytes() == before


def write_half(path: Path, error: BaseException) -> None:
    with output_file(path) as part:
        part.write_text("half")
        raise error


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(ExportError, match=r"cannot write .*table\.csv: No space left"):
        write_half(path, OSError(28, "No space left on device"))
    with pytest.raises(KeyboardInterrupt):
        write_half(path, KeyboardInterrupt())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="links and permissions of POSIX")
def test_links_and_permissions_stay(tmp_path):
    path, link = tmp_path / "table.csv", tmp_path / "link.csv"
    path.write_text("old")
    path.chmod(0o604)
    link.symlink_to(path)
    with output_file(link) as part:
        part.write_text("new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="a device of POSIX")
def test_a_device_is_written_directly(run_file):
    assert write_csv(wb.open_run(run_file), "/dev/null") == 3
    assert not Path("/dev/null").is_file()
