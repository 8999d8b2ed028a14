"""What a run tells other programs: logging, CSV, Parquet, TensorBoard, and following it from outside."""

from __future__ import annotations

import json
import logging
import warnings
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from search_samples import SMALL, Gate, NumberSpace, finish, step, tiny_data

from workbench.errors import ExportError, RunError
from workbench.search import Search
from workbench.search.history import log_to
from workbench.search.report import write_csv, write_parquet, write_tensorboard
from workbench.search.watch import follow_run
from workbench.store import is_being_written, open_run

DATA = tiny_data()


def make(path, config=SMALL, space=None) -> Search:
    return Search(DATA, config, path, space or NumberSpace())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    search = make(tmp_path_factory.mktemp("run") / "run.sqlite")
    step(search, 7)
    search.insert((5, 0.9))
    search.update(tournament=2)
    return open_run(finish(search).path)


class TestLog:
    def test_lines_say_all_that_happens(self, tmp_path):
        space = NumberSpace(failing=lambda seed: "bad luck" if seed % 7 == 0 else None)
        with log_to(tmp_path / "log.jsonl"):
            search = make(tmp_path / "run.sqlite", space=space)
            step(search, 7)
            search.insert((5, 0.9))
            search.update(tournament=2)
            finish(search)
        finish(make(tmp_path / "later.sqlite"))
        lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
        assert {line["run"] for line in lines} == {str(search.path)}
        assert all(line["time"].endswith("+00:00") for line in lines)
        told = defaultdict(list)
        for line in lines:
            told[line["event"]].append(line)
        table = open_run(search.path).individuals
        failed = table["id"][table["status"] == "failed"].tolist()
        assert failed
        assert sorted(line["id"] for line in told["failure"]) == failed
        assert {line["level"] for line in told["failure"]} == {"warning"}
        assert sorted(line["id"] for line in told["child"] + told["failure"]) == table["id"].tolist()
        assert [line["generation"] for line in told["generation"]] == list(range(6))
        assert told["generation"][-1]["hypervolume"] == open_run(search.path).generations["hypervolume"].iloc[-1]
        assert [line["kind"] for line in told["event"]] == ["by hand", "settings"]
        assert [line["state"] for line in told["state"]][-2:] == ["running", "finished"]

    def test_quiet_by_default_and_open_to_any_handler(self, tmp_path, capsys, caplog):
        finish(make(tmp_path / "quiet.sqlite"))
        assert capsys.readouterr() == ("", "")
        with caplog.at_level(logging.INFO, logger="workbench.search"):
            finish(make(tmp_path / "run.sqlite"))
        ranked = [record for record in caplog.records if record.facts["event"] == "generation"]
        assert [record.facts["generation"] for record in ranked] == list(range(6))
        assert "run.sqlite: generation 5: hypervolume" in ranked[-1].getMessage()

    def test_a_search_that_fails_says_why(self, tmp_path):
        with log_to(tmp_path / "log.jsonl"), pytest.raises(RunError):
            make(tmp_path / "run.sqlite", space=NumberSpace(failing=lambda seed: "no luck")).run(progress=False)
        last = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])
        assert (last["level"], last["state"]) == ("error", "failed")
        assert "every initial individual failed" in last["error"]

    def test_of_one_run_only(self, tmp_path):
        with log_to(tmp_path / "log.jsonl", run=tmp_path / "one.sqlite"):
            for name in ("one.sqlite", "two.sqlite"):
                finish(make(tmp_path / name, replace(SMALL, generations=0)))
        lines = (tmp_path / "log.jsonl").read_text().splitlines()
        assert {Path(json.loads(line)["run"]).name for line in lines} == {"one.sqlite"}

    def test_a_file_that_cannot_be_written(self, tmp_path):
        with pytest.raises(ExportError, match="cannot write"), log_to(tmp_path / "missing" / "log.jsonl"):
            pass


class TestExports:
    def test_csv(self, run, tmp_path):
        assert write_csv(run, tmp_path / "run.csv") == len(run.individuals)
        assert pd.read_csv(tmp_path / "run.csv")["id"].tolist() == run.individuals["id"].tolist()

    def test_parquet(self, run, tmp_path):
        pytest.importorskip("pyarrow")
        assert write_parquet(run, tmp_path / "run.parquet") == len(run.individuals)
        back, table = pd.read_parquet(tmp_path / "run.parquet"), run.individuals
        assert list(back.columns) == list(table.columns)
        for name in ("id", "val_accuracy", "status", "alive", "finished_at"):
            assert back[name].tolist() == table[name].tolist()
        assert back["parent"].equals(table["parent"])
        assert back["seed"].map(int).tolist() == table["seed"].tolist()

    def test_tensorboard(self, run, tmp_path):
        pytest.importorskip("tensorboard")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tensorboard about its own dependencies
            from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

            assert write_tensorboard(run, tmp_path / "board") == tmp_path / "board"
            read = EventAccumulator(str(tmp_path / "board"))
            read.Reload()
        volumes = read.Scalars("front/hypervolume")
        assert [one.step for one in volumes] == list(range(6))
        assert [one.value for one in volumes] == pytest.approx(run.generations["hypervolume"].tolist(), rel=1e-6)
        assert [one.step for one in read.Scalars("individual/val_accuracy")] == list(range(26))

    @pytest.mark.parametrize(("write", "package"), [(write_parquet, "pyarrow"), (write_tensorboard, "tensorboard")])
    def test_what_is_missing_is_named(self, run, tmp_path, monkeypatch, write, package):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(ExportError, match=rf"needs {package}; install it with: pip install 'neuron-workbench\["):
            write(run, tmp_path / "out")

    def test_a_place_that_cannot_be_written(self, run, tmp_path):
        (tmp_path / "file").touch()
        for write in (write_csv, write_parquet, write_tensorboard):
            with pytest.raises(ExportError, match="cannot write"):
                write(run, tmp_path / "file" / "out")


class TestFollow:
    def test_until_it_is_finished(self, tmp_path):
        gate = Gate()
        search = make(tmp_path / "run.sqlite", space=NumberSpace(on_train=gate))
        search.start()
        looks = follow_run(str(search.path), poll_seconds=0.01)
        first = next(looks)
        assert (first.state, first.total) == ("running", 0)
        assert is_being_written(search.path)
        gate.open()
        last = [first, *looks][-1]
        assert (last.state, last.total) == ("finished", SMALL.individuals)
        assert search.join(60)

    def test_a_killed_search_is_not_waited_for(self, tmp_path):
        search = make(tmp_path / "run.sqlite")
        step(search, 7)
        search._state.writer.close()  # as if killed: the file still says that it runs
        (tmp_path / "run.sqlite.lock").write_text("process 0, which is no more")
        looks = list(follow_run(str(search.path), poll_seconds=0.001))
        assert [(one.state, one.total) for one in looks] == [("interrupted", 7)]
        assert open_run(search.path).state == "interrupted"
        assert not (tmp_path / "run.sqlite.lock").exists()
        search.stop()

    def test_a_finished_run_is_shown_once(self, run):
        assert [one.state for one in follow_run(str(run.path))] == ["finished"]
