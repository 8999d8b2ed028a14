"""`workbench lab`: a dashboard alone in the window, which goes on when its page is closed and ends by Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jupyter_lab_samples import PATIENCE, ROOT, browser_page, chromium_or_skip

from workbench.datasets import load_dataset
from workbench.search import Search, preset
from workbench.store import open_run


def wait_for_individuals(path: Path, number: int) -> None:
    deadline = time.monotonic() + PATIENCE / 1000
    while len(open_run(path).individuals) < number:
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


@pytest.mark.slow
def test_a_window_of_its_own(tmp_path):
    chromium_or_skip()
    path = tmp_path / "run.sqlite"
    sizes = {"population": 6, "children": 4, "generations": 9999}
    Search(load_dataset("digits"), preset("quick", "digits", **sizes).config, path).close()
    command = [sys.executable, "-m", "workbench", "lab", str(path), "--resume", "--no-browser"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().split()[-1]
            with browser_page(width=1440, height=900) as watched:
                page = watched.page
                page.goto(address)
                page.locator(".wb-start").click()
                page.wait_for_selector(".wb-chip-running")
                box = page.locator(".wb-dashboard").bounding_box()
                assert box["x"] < 10 and box["y"] < 10 and box["width"] > 1420  # noqa: PT018
                for chrome in ("#jp-top-panel", ".jp-SideBar", ".jp-Toolbar", ".jp-InputArea", "#jp-main-statusbar"):
                    assert not any(part.is_visible() for part in page.locator(chrome).all()), chrome
                wait_for_individuals(path, 8)
                page.goto("about:blank")
                wait_for_individuals(path, len(open_run(path).individuals) + 4)  # nobody looks, and it goes on
                page.goto(address)
                page.wait_for_selector(".wb-chip-running")
                page.wait_for_selector(".wb-front .scatterlayer .point")
                assert watched.errors == []
                assert watched.strangers == []
            process.send_signal(signal.SIGINT)
            assert "waiting for the children in training" in process.stdout.read()
            assert process.wait(PATIENCE / 1000) == 0
        finally:
            process.kill()
    run = open_run(path)
    assert run.state == "stopped"
    assert not run.individuals["val_accuracy"].isna().any()  # those in training were waited for
