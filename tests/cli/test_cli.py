"""The command line, in process."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench
from workbench import __version__
from workbench.cli import main
from workbench.cli.main import build_parser
from workbench.cli.search import parse_settings
from workbench.datasets import load_dataset
from workbench.errors import ConfigError
from workbench.genome import Genome
from workbench.search import Search, SearchConfig
from workbench.settings import settings_of
from workbench.store import open_run
from workbench.training import evaluate

TINY = [
    *(
        "--data",
        "digits",
        "--population",
        "3",
        "--children",
        "2",
        "--generations",
        "2",
        "--workers",
        "1",
        "--seed",
        "4",
    ),
    *("--set", "train.epochs=1", "--set", "initial_epochs=1", "--set", "train.batch_size=128"),
]
COMMANDS = ("search", "resume", "fork", "replay", "compact", "show", "export", "report", "compare", "latency", "data")


def search(path: Path, *more: str) -> int:
    return main(["search", *TINY, "--path", str(path), *more])


def refused(capsys, arguments: list[str]) -> str:
    """The message of a command that ends with status 2."""
    capsys.readouterr()
    try:
        status = main(arguments)
    except SystemExit as ended:  # by argparse
        status = ended.code  # type: ignore[assignment]
    shown = capsys.readouterr()
    assert status == 2
    assert "Traceback" not in shown.err
    assert shown.err.strip()
    return shown.err


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "run.sqlite"
    assert search(path, "--quiet") == 0
    return path


@pytest.fixture(scope="module")
def begun(tmp_path_factory) -> Path:
    """A run in which nothing has finished."""
    path = tmp_path_factory.mktemp("cli") / "begun.sqlite"
    Search(load_dataset("digits"), SearchConfig(population=1), path).close()
    return path


def test_search_shows_progress_and_the_front(tmp_path, capsys):
    assert search(tmp_path / "run.sqlite") == 0
    shown = capsys.readouterr()
    assert f"Searching digits with 1 workers; the run is in {tmp_path / 'run.sqlite'}" in shown.out
    assert "the all-time front" in shown.out
    assert "test accuracy" in shown.out
    assert "finished · generation 2/2 · 7/7 individuals" in shown.err
    assert len(open_run(tmp_path / "run.sqlite").individuals) == 7


def test_settings_reach_the_run(finished):
    run = open_run(finished)
    config = run.config
    assert (config["population"], config["children"], config["generations"], config["seed"]) == (3, 2, 2, 4)
    assert (config["train"]["epochs"], config["train"]["batch_size"]) == (1, 128)
    assert run.space_name == "neurons"
    assert run.state == "finished"


def test_quiet_is_quiet(tmp_path, capsys):
    assert search(tmp_path / "run.sqlite", "--quiet", "--generations", "0") == 0
    assert capsys.readouterr() == ("", "")


def test_minutes_end_a_search_that_may_go_on(tmp_path, capsys):
    path = tmp_path / "run.sqlite"
    assert search(path, "--generations", "none", "--minutes", "0.02") == 0
    shown = capsys.readouterr()
    assert "0.02 minutes are over" in shown.err
    assert f"Continue with: workbench resume {path}" in shown.out
    total = len(open_run(path).individuals)
    assert main(["resume", str(path), "--generations", "none", "--minutes", "0.02", "--quiet"]) == 0
    assert len(open_run(path).individuals) > total
    for minutes in ("-1", "0", "nan", "inf"):
        assert "expected a number above 0" in refused(capsys, ["resume", str(path), "--minutes", minutes])
    done = len(open_run(path).generations) - 1
    message = refused(capsys, ["resume", str(path), "--generations", str(done - 1)])
    assert f"has {done} generations already, so it cannot have {done - 1} in all" in message
    assert open_run(path).state == "stopped"
    assert "give the copy another file" in refused(capsys, ["replay", str(path), "--path", str(path)])
    assert "expected a port from 1 to 65535" in refused(capsys, ["lab", str(path), "--port", "99999"])


def test_messages_name_options(finished, tmp_path, capsys):
    line = ["search", "--data", "digits", "--path"]
    message = refused(capsys, [*line, str(finished)])
    assert "go on with it (--if-exists resume), or start a new one beside it (--if-exists new)" in message
    assert f"it is a folder; give a file in it, such as {tmp_path / 'run.sqlite'}" in refused(
        capsys, [*line, str(tmp_path)]
    )


def test_any_setting(tmp_path):
    more = [
        *("--set", "rates.add_edges=0.9", "--set", "rates.new_edges=0.1,0.2", "--set", "survival=nsga2"),
        *("--set", "initial.local=1", "--set", "initial.hidden_layers=1,1", "--set", "flops_max=none", "--quiet"),
        *("--generations", "1"),
    ]
    assert search(tmp_path / "run.sqlite", *more) == 0
    run = open_run(tmp_path / "run.sqlite")
    assert run.config["rates"]["add_edges"] == 0.9
    assert run.config["rates"]["new_edges"] == [0.1, 0.2]
    assert run.config["rates"]["spatial_base"] == 1.0  # of the preset
    assert run.config["survival"] == "nsga2"
    assert run.config["flops_max"] is None
    assert run.space_config["initial"]["local"] == 1
    assert run.space_config["initial"]["hidden_layers"] == [1, 1]


def test_runs_of_several_spaces_are_compared(finished, tmp_path, capsys):
    path = tmp_path / "mlp.sqlite"
    assert search(path, "--space", "mlp", "--quiet") == 0
    picture = tmp_path / "compared.html"
    assert main(["compare", str(finished), str(path), "--picture", str(picture)]) == 0
    shown = capsys.readouterr().out
    for words in ("processor seconds", "epochs × FLOPs", "neurons", "mlp", "Rank tests"):
        assert words in shown
    assert "processor seconds" in picture.read_text()
    assert "must end in one of" in refused(capsys, ["compare", str(path), "--picture", str(tmp_path / "x.bmp")])


def test_mlps(tmp_path, capsys):
    path = tmp_path / "mlp.sqlite"
    assert search(path, "--space", "mlp", "--set", "rates.add_layer=0.9", "--set", "flops_max=none") == 0
    assert open_run(path).config["rates"]["add_layer"] == 0.9
    assert open_run(path).space_name == "mlp"
    assert main(["show", str(path)]) == 0
    assert "space mlp" in capsys.readouterr().out
    for name in ("net.onnx", "net.pt2", "net.npz"):
        assert main(["export", str(path), "--path", str(tmp_path / name)]) == 0
        assert f"{tmp_path / name}" in capsys.readouterr().out
    assert "must end in one of .pt2, .onnx, .npz" in refused(
        capsys, ["export", str(path), "--path", str(tmp_path / "net.bmp")]
    )
    assert main(["latency", str(path), "--members", "1", "--batch", "2"]) == 0
    assert "torch dense ×2" in capsys.readouterr().out
    assert "unknown setting 'initial.local' of MlpSpace; expected one of: hidden_layers, hidden_widths" in refused(
        capsys, ["search", *TINY, "--space", "mlp", "--set", "initial.local=1", "--path", str(tmp_path / "new")]
    )


def test_a_name_beside_it(finished, capsys):
    assert search(finished, "--if-exists", "new", "--generations", "0") == 0
    assert "run-2.sqlite" in capsys.readouterr().out


def test_resuming_a_finished_run_says_so(finished, capsys):
    assert main(["resume", str(finished)]) == 0
    assert "is finished; there is nothing to resume (--generations makes it longer)" in capsys.readouterr().out


def test_resume_makes_a_run_longer(tmp_path, capsys):
    assert search(tmp_path / "run.sqlite", "--generations", "1", "--quiet") == 0
    assert main(["resume", str(tmp_path / "run.sqlite"), "--generations", "2", "--workers", "1"]) == 0
    assert "finished · generation 2/2" in capsys.readouterr().err
    assert len(open_run(tmp_path / "run.sqlite").individuals) == 7


def test_show(finished, capsys):
    assert main(["show", str(finished)]) == 0
    shown = capsys.readouterr().out
    assert "digits, space neurons, seed 4, finished; 3 generations ranked, 7 individuals trained, 0 failed" in shown
    for row in open_run(finished).front().itertuples():
        assert f"{row.flops:,}" in shown
        assert f"{row.val_accuracy:.2%}" in shown
    assert "test accuracy" not in shown


def test_show_with_everything(finished, tmp_path, capsys):
    csv, picture = tmp_path / "all.csv", tmp_path / "front.html"
    assert main(["show", str(finished), "--test", "--csv", str(csv), "--picture", str(picture)]) == 0
    shown = capsys.readouterr().out
    run, data = open_run(finished), load_dataset("digits")
    smallest = run.front()["id"].iloc[0]
    assert f"{evaluate(run.genome(smallest), data, 'test'):.2%}" in shown
    table = pd.read_csv(csv)
    assert table["id"].tolist() == list(range(7))
    np.testing.assert_allclose(table["val_accuracy"], run.individuals["val_accuracy"])
    page = picture.read_text()
    assert not re.search(r"<script[^>]*\bsrc\s*=", page)
    assert "validation accuracy" in page


def test_show_before_anything_has_finished(begun, capsys):
    assert main(["show", str(begun)]) == 0
    assert "No individual has finished yet." in capsys.readouterr().out
    assert "no trained individual" in refused(capsys, ["export", str(begun)])


def test_export_the_genome(finished, tmp_path, capsys):
    assert main(["export", str(finished), "--id", "1", "--path", str(tmp_path / "net.npz")]) == 0
    assert "Individual 1, 64-" in capsys.readouterr().out
    assert Genome.from_bytes((tmp_path / "net.npz").read_bytes()) == open_run(finished).genome(1)


def test_export_a_program_that_gives_the_same_logits(finished, tmp_path, capsys):
    import torch

    from workbench.compiler.network import NeuronNetwork

    assert main(["export", str(finished), "--path", str(tmp_path / "net.pt2")]) == 0
    run = open_run(finished)
    best = run.front()["id"].iloc[-1]
    assert f"Individual {best}," in capsys.readouterr().out
    program = torch.export.load(tmp_path / "net.pt2").module()
    network = NeuronNetwork(run.genome(best)).eval()
    images, _ = load_dataset("digits").arrays("test")
    for batch in (1, 5, 64):
        x = torch.from_numpy(images[:batch]).flatten(1)
        with torch.no_grad():
            torch.testing.assert_close(program(x), network(x), rtol=1e-5, atol=1e-5)


def test_data(capsys, tmp_path):
    assert main(["data", "--root", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    for word in ("digits", "bundled", "mnist", "cifar10", "missing", "downloaded when it is first used"):
        assert word in shown
    assert str(tmp_path) in shown.replace("\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    (example,) = re.findall(r"example:\n  workbench (.*)", shown)
    build_parser().parse_args(example.split())  # it is a command that there is
    assert example.split()[0] == command


def test_help_of_all_shows_every_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    for command in COMMANDS:
        assert f"  workbench {command} " in shown or f"workbench {command}\n" in shown
    for example in re.findall(r"^  workbench (.*)", shown, re.MULTILINE):
        build_parser().parse_args(example.split())


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert __version__ in capsys.readouterr().out


class TestErrors:
    @pytest.mark.parametrize(
        ("more", "message"),
        [
            (["--data", "nist"], "'nist'"),
            (["--preset", "fast"], "unknown preset 'fast'"),
            (["--space", "cells"], "unknown search space 'cells'"),
            (["--set", "speed=3"], "unknown setting 'speed'"),
            (["--set", "train.speed=3"], "unknown setting 'speed' of TrainConfig"),
            (["--set", "train=3"], "train expects"),
            (["--set", "rates.speed=3"], "unknown setting 'speed' of MutationRates"),
            (["--set", "rates=3"], "rates expects"),
            (["--set", "rates.add_edges=often"], "add_edges expects a number, got 'often'"),
            (["--set", "initial.speed=3"], "unknown setting 'speed' of InitialConfig"),
            (["--set", "initial=3"], "unknown setting 'initial'"),
            (["--set", "train.epochs"], "--set expects NAME=VALUE, got 'train.epochs'"),
            (["--set", "train.epochs=few"], "TrainConfig.epochs expects a whole number, got 'few'"),
            (["--set", "train.epochs=-1"], "epochs"),
            (["--set", "name=x"], "unknown setting 'name'"),
            (["--set", "dataset=x"], "unknown setting 'dataset'"),
            (["--set", "=3"], "unknown setting ''"),
            (["--population", "0"], "population expects a whole number from 1 to 1,000,000"),
            (["--population", "many"], "invalid int value"),
            (["--workers", "0"], "workers expects a whole number from 1 to 10,000"),
            (["--seed", "-1"], "seed"),
            (["--if-exists", "overwrite"], "invalid choice"),
            (["--speed", "3"], "--speed"),
        ],
    )
    def test_bad_arguments_make_no_file(self, tmp_path, capsys, more, message):
        assert message in refused(capsys, ["search", *TINY, "--path", str(tmp_path / "run.sqlite"), *more])
        assert list(tmp_path.iterdir()) == []

    def test_an_existing_file(self, finished, capsys):
        assert "exists already" in refused(capsys, ["search", *TINY, "--path", str(finished)])

    def test_other_settings(self, finished, capsys):
        arguments = ["search", *TINY, "--path", str(finished), "--if-exists", "resume", "--seed", "5"]
        assert "seed: 4 there, 5 here" in refused(capsys, arguments)

    @pytest.mark.parametrize("command", ["resume", "show", "export"])
    def test_a_missing_run(self, tmp_path, capsys, command):
        assert "nothing-here.sqlite" in refused(capsys, [command, str(tmp_path / "nothing-here.sqlite")])

    @pytest.mark.parametrize("command", ["resume", "show", "export"])
    def test_no_run(self, tmp_path, capsys, command):
        (tmp_path / "text.sqlite").write_text("this is no run file, whatever its name may say")
        assert "text.sqlite" in refused(capsys, [command, str(tmp_path / "text.sqlite")])

    def test_a_missing_folder(self, tmp_path, capsys):
        path = str(tmp_path / "missing" / "run.sqlite")
        assert "there is no folder" in refused(capsys, ["search", *TINY, "--path", path])

    @pytest.mark.parametrize("number", ["0", "-3"])
    def test_a_bad_change_of_a_run(self, finished, capsys, number):
        assert "workers expects a whole number from 1 to 10,000" in refused(
            capsys, ["resume", str(finished), "--workers", number]
        )

    def test_a_picture_of_another_kind(self, finished, tmp_path, capsys):
        message = refused(capsys, ["show", str(finished), "--picture", str(tmp_path / "front.bmp")])
        assert "the name of a picture must end in one of .html" in message

    def test_files_that_cannot_be_written(self, finished, tmp_path, capsys):
        for option in ("--csv", "--picture"):
            message = refused(capsys, ["show", str(finished), option, str(tmp_path / "missing" / "front.html")])
            assert "cannot write" in message
        assert "cannot write" in refused(
            capsys, ["export", str(finished), "--path", str(tmp_path / "missing" / "net.npz")]
        )

    def test_an_export_of_another_kind(self, finished, tmp_path, capsys):
        message = refused(capsys, ["export", str(finished), "--path", str(tmp_path / "net.bmp")])
        assert "must end in one of .pt2" in message

    def test_an_individual_that_is_not_there(self, finished, tmp_path, capsys):
        arguments = ["export", str(finished), "--id", "99", "--path", str(tmp_path / "net.npz")]
        assert "there is no individual 99" in refused(capsys, arguments)

    def test_data_that_are_no_longer_the_same(self, finished, tmp_path, capsys):
        changed = tmp_path / "run.sqlite"
        changed.write_bytes(finished.read_bytes())
        with sqlite3.connect(changed) as connection:
            (dataset,) = connection.execute("SELECT value FROM run WHERE key = 'dataset'").fetchone()
            other = dataset.replace(load_dataset("digits").fingerprint, "0" * 64)
            connection.execute("UPDATE run SET value = ? WHERE key = 'dataset'", (other,))
        connection.close()
        for arguments in (["show", str(changed), "--test"], ["resume", str(changed)]):
            assert "made with other data (digits" in refused(capsys, arguments)

    def test_nothing_asked_for(self, capsys):
        assert "COMMAND" in refused(capsys, [])


def test_parse_settings():
    assert parse_settings(["a=1", " b.c = x=y ", "d="]) == {"a": "1", "b.c": "x=y", "d": ""}
    with pytest.raises(ConfigError):
        parse_settings(["a"])


INTERRUPTED = """
import os, signal, sys, time
from workbench.cli import main
from workbench.executors import task_pool
from workbench.search import attach

make_child = task_pool.make_child

def interrupt_itself(space, data, task):
    if task.id == 4:
        os.kill(os.getpid(), getattr(signal, sys.argv.pop()))
        while attach(PATH).snapshot().state != "stopped":
            time.sleep(0.01)
        time.sleep(0.5)  # the search must not end before
    return make_child(space, data, task)

signal.signal(signal.SIGINT, signal.default_int_handler)  # who starts tests in the background has it ignored
PATH = sys.argv[-2]
task_pool.make_child = interrupt_itself
sys.exit(main(sys.argv[1:-1]))
"""


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM"])
def test_an_interrupted_search_stores_what_it_has_and_can_be_resumed(finished, tmp_path, how):
    path = tmp_path / "cut.sqlite"
    arguments = [sys.executable, "-c", INTERRUPTED, "search", *TINY, "--path", str(path), how]
    process = subprocess.run(arguments, capture_output=True, text=True, timeout=300, check=False)
    assert process.returncode == 130, process.stderr
    assert "Stopping: waiting for the children in training." in process.stderr
    assert "Traceback" not in process.stderr
    assert f"Continue with: workbench resume {path}" in process.stdout
    assert open_run(path).state == "stopped"
    assert not path.with_name("cut.sqlite.lock").exists()
    assert open_run(path).individuals["id"].tolist() == [0, 1, 2, 3, 4]
    assert main(["resume", str(path), "--quiet"]) == 0
    cut, whole = open_run(path), open_run(finished)
    assert [cut.genome_bytes(id) for id in range(7)] == [whole.genome_bytes(id) for id in range(7)]
    columns = ["id", "parent", "mutation", "val_accuracy", "flops", "seed", "alive", "on_front"]
    pd.testing.assert_frame_equal(cut.individuals[columns], whole.individuals[columns])


IMPATIENT = """
import os, signal, sys, threading
from workbench.cli import main
from workbench.executors import task_pool

make_child = task_pool.make_child

def hang(space, data, task):
    if task.id == 2:
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait()
    return make_child(space, data, task)

signal.signal(signal.SIGINT, signal.default_int_handler)  # who starts tests in the background has it ignored
task_pool.make_child = hang
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_second_interrupt_leaves_what_is_in_training(tmp_path):
    path = tmp_path / "left.sqlite"
    arguments = [sys.executable, "-c", IMPATIENT, "search", *TINY, "--path", str(path)]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    with process:
        for line in process.stderr:
            if line.startswith("Stopping: waiting"):
                process.send_signal(signal.SIGINT)
                break
        _, rest = process.communicate(timeout=300)
    assert process.returncode == 130, rest
    assert "workbench: interrupted; everything finished before is stored" in rest
    assert "Traceback" not in rest
    assert open_run(path).state == "stopped"
    assert open_run(path).individuals["id"].tolist() == [0, 1]
    assert main(["resume", str(path), "--quiet", "--generations", "0"]) == 0
    assert len(open_run(path).individuals) == 3


def test_as_a_module():
    process = subprocess.run(
        [sys.executable, "-m", "workbench", "show", "nothing-here.sqlite"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert process.returncode == 2
    assert process.stdout == ""
    assert process.stderr.startswith("workbench: ")
    assert "Traceback" not in process.stderr


def test_every_setting_is_listed_with_its_value_in_the_preset(capsys, tmp_path):
    assert main(["search", "--settings", "--preset", "best", "--data", "mnist"]) == 0
    shown = capsys.readouterr().out
    rows = {
        cells[0]: cells[1:]
        for line in shown.splitlines()
        if (cells := [cell.strip() for cell in line.split("│")[1:-1]])
    }
    assert rows["rates.weak_first"][:3] == ["6", "0", "a number from 0 to 100"]
    assert rows["rates.spatial_base"][3] == "pixels"
    assert "space.initial.normalization" in rows
    assert rows["space.backend"][:2] == ["native", "native"]
    assert main(["search", "--settings", "--space", "mlp"]) == 0
    shown = capsys.readouterr().out
    assert "rates.add_layer" in shown
    assert "space.hidden_widths" in shown
    assert "initial." not in shown
    assert "train.dropout" in shown
    assert main(["search", "--settings", "--space", "hnas"]) == 0
    assert "train.dropout" not in capsys.readouterr().out  # without effect
    assert "unknown preset" in refused(capsys, ["search", "--settings", "--preset", "fast"])


def test_settings_are_in_the_docstrings():
    for name in ("weak_first", "spatial_base"):
        assert f"        {name}: " in workbench.MutationRates.__doc__
    assert "search.run()" in workbench.__doc__


def test_a_run_without_end_is_asked_for_by_the_word_none(capsys):
    assert build_parser().parse_args(["resume", "run.sqlite", "--generations", "none"]).generations == "none"
    assert build_parser().parse_args(["resume", "run.sqlite", "--generations", "60"]).generations == 60
    assert "invalid int or none value: 'never'" in refused(capsys, ["resume", "run.sqlite", "--generations", "never"])


def test_options_are_described_as_the_settings_that_they_set(capsys):
    with pytest.raises(SystemExit):
        main(["search", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for one in settings_of(SearchConfig):
        if one.name in ("population", "children", "generations", "seed", "workers", "child_seconds"):
            assert f"--{one.name.replace('_', '-')} " in shown
            assert one.help in shown


def test_latency_among_the_objectives_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.training.calibration.ROUNDS", 1)
    more = ["--set", "objectives=accuracy,latency", "--generations", "0", "--quiet"]
    assert search(tmp_path / "run.sqlite", *more) == 0
    config = open_run(tmp_path / "run.sqlite").config
    assert config["objectives"] == ["accuracy", "latency"]
    assert config["latency"]["overhead_us"] >= 0


def test_a_search_begins_with_networks_from_files(tmp_path, capsys):
    import torch

    torch.manual_seed(0)
    layers = torch.nn.Conv2d(1, 2, 3, 2), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(18, 10)
    program = torch.export.export(torch.nn.Sequential(*layers).eval(), (torch.zeros(2, 1, 8, 8),))
    torch.export.save(program, tmp_path / "net.pt2")
    genome, data = Genome.from_torch(program, (1, 8, 8)), load_dataset("digits")
    (tmp_path / "net.npz").write_bytes(genome.to_bytes())
    files = ["--start", str(tmp_path / "net.pt2"), "--start", str(tmp_path / "net.npz")]
    path = tmp_path / "run.sqlite"
    assert search(path, *files, "--quiet") == 0
    run = open_run(path)
    table = run.individuals[run.individuals["origin"] == "by hand"]
    assert table["generation"].tolist() == [0, 0]
    assert [run.genome(id) for id in table["id"]] == [genome, genome]
    assert table["val_accuracy"].tolist() == [evaluate(genome, data, "validation")] * 2
    for file in (*files[1::2], tmp_path / "run.sqlite-wal"):
        Path(file).unlink(missing_ok=True)
    assert main(["replay", str(path), "--quiet"]) == 0
    assert "cannot read" in refused(capsys, ["search", *TINY, "--path", str(tmp_path / "a"), *files[2:]])
    assert "write one with torch.export.save" in refused(
        capsys, ["search", *TINY, "--path", str(tmp_path / "a"), *files]
    )
    told = refused(capsys, ["search", *TINY, "--space", "mlp", "--path", str(tmp_path / "a"), *files])
    assert "expects the space 'neurons', got 'mlp'" in told
    assert not (tmp_path / "a").exists()
