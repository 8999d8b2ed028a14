"""A real JupyterLab with a notebook of this project, and a real Chromium that looks at it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 120_000
"""Milliseconds after which a test gives up waiting; nothing depends on how much of it is needed."""

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def chromium_or_skip() -> str:
    """Path of Chromium; without one the test fails on CI and is skipped elsewhere."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        reason = f"no browser: expected one of {', '.join(names)}; on Debian `apt-get install chromium`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Lab:
    """A JupyterLab server in a folder of its own, with copies of this project's notebooks.

    Attributes:
        folder: holds `notebooks/` and `data/runs/`.
        url: address with the token.
    """

    def __init__(self, folder: Path, *, dark: bool = False) -> None:
        self.folder, self.port, self.token = folder, free_port(), secrets.token_hex(16)
        shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        (folder / "data" / "runs").mkdir(parents=True)
        self._write_settings(dark)
        command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={self.port}"]
        command += ["--ip=127.0.0.1", "--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}"]
        command += [f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"]
        command += ["--LabApp.extension_manager=readonly"]
        self._log = (folder / "server.log").open("w")
        self._server = subprocess.Popen(
            command, cwd=folder, env=self._environment(), stdout=self._log, stderr=self._log
        )
        self._wait_for_server()

    def _environment(self) -> dict[str, str]:
        names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
        folders = {name: str(self.folder / name.lower()) for name in names}
        folders["JUPYTERLAB_SETTINGS_DIR"] = str(self.folder / "settings")
        return {**os.environ, **folders, "PYTHONPATH": str(ROOT)}

    def _write_settings(self, dark: bool) -> None:
        settings = {
            "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
            "apputils-extension/themes": {"theme": "JupyterLab Dark" if dark else "JupyterLab Light"},
            "notebook-extension/tracker": {"windowingMode": "none"},
        }
        for name, values in settings.items():
            path = self.folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))

    def _wait_for_server(self) -> None:
        deadline = time.monotonic() + PATIENCE / 1000
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api?token={self.token}", timeout=2):
                    return
            except OSError:
                if self._server.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((self.folder / "server.log").read_text()) from None
                time.sleep(0.1)

    def address(self, notebook: str) -> str:
        """Of a notebook of this project."""
        return f"http://127.0.0.1:{self.port}/lab/tree/notebooks/{notebook}?token={self.token}"

    def kernels(self) -> list[int]:
        """Process ids of the running kernels."""
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = status.read_text().rpartition(")")[2].split()
                if int(fields[1]) == self._server.pid and b"ipykernel" in (status.parent / "cmdline").read_bytes():
                    found.append(int(status.parent.name))
        return found

    def close(self) -> None:
        """End the server; its kernels end with it."""
        self._server.send_signal(signal.SIGTERM)
        self._server.wait(30)
        self._log.close()


def main_thread_seconds(pid: int) -> float:
    """Processor time that a process's main thread has used."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9


class Watched:
    """A page, with what it asked of whom and what its console said.

    Attributes:
        page: playwright's.
        errors: messages of the console that are errors, and uncaught exceptions.
        strangers: addresses asked that are not on this machine.
    """

    def __init__(self, page: Any) -> None:
        self.page = page
        self.errors: list[str] = []
        self.strangers: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._note_request)

    def _note_request(self, request: Any) -> None:
        where = urlparse(request.url)
        if where.scheme in ("http", "https", "ws", "wss") and where.hostname not in ("127.0.0.1", "localhost"):
            self.strangers.append(request.url)

    def open(self, address: str) -> None:
        """Open a notebook and wait until its kernel answers."""
        self.page.goto(address)
        self.page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored")
        self.page.evaluate(
            """async () => {
                const app = window.jupyterapp;
                await app.restored;
                while (!app.shell.currentWidget || !app.shell.currentWidget.context)
                    await new Promise(done => setTimeout(done, 50));
                const panel = app.shell.currentWidget;
                await panel.context.ready;
                await panel.sessionContext.ready;
                while (!panel.sessionContext.session || !panel.sessionContext.session.kernel)
                    await new Promise(done => setTimeout(done, 50));
                await panel.sessionContext.session.kernel.info;
            }"""
        )

    def run_all(self) -> None:
        """Run all cells; fails if one ends in an error or does not run."""
        outcome = self.page.evaluate(
            """async () => {
                const app = window.jupyterapp;
                await app.commands.execute('notebook:run-all-cells');
                const cells = [...app.shell.currentWidget.content.model.cells].filter(cell => cell.type === 'code');
                return cells.map(cell => [
                    cell.executionCount,
                    JSON.stringify(cell.outputs.toJSON().filter(output => output.output_type === 'error')),
                ]);
            }"""
        )
        assert outcome
        for count, errors in outcome:
            assert count, "a cell did not run"
            assert errors == "[]", errors


@contextlib.contextmanager
def browser_page(*, width: int = 1280, height: int = 1000) -> Iterator[Watched]:
    """A page of a fresh Chromium."""
    path = chromium_or_skip()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        try:
            yield Watched(browser.new_page(viewport={"width": width, "height": height}))
        finally:
            browser.close()
