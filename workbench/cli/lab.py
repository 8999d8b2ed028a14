"""The command `lab`: the dashboard of a run alone in the browser's window.

JupyterLab opens a notebook of one cell as a single document, with a style sheet that hides all but the cell's output.
The cell is run in the notebook's kernel before the page is opened, so the page finds the widgets there, and so does
every later one: the search goes on while no page is open.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workbench.cli.command import OWN_DATA, ROOT, RUN, command, data_for, flag, option
from workbench.errors import ConfigError, RunError, WorkbenchError
from workbench.search import Search, open_run
from workbench.search.search import live_searches

STYLE = Path(__file__).parent / "lab.css"

PATIENCE_SECONDS = 120.0
"""For the server to start, and for the kernel to run the cell."""

SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
    "docmanager-extension/plugin": {"autosave": False},
}
"""Of JupyterLab: nothing is fetched, the output is on the page from the start, the notebook is not written."""


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, got {text}")
    return int(text)


@command(
    "run.sqlite --resume",
    RUN,
    flag("--resume", "go on with the search: it can be started, steered and stopped from the page"),
    OWN_DATA,
    ROOT,
    option("--port", type=_port, default=0, metavar="N", help="port on this machine (a free one)"),
    flag("--no-browser", "print the address only"),
)
def lab(arguments: argparse.Namespace) -> int:
    """Show the dashboard of a run in a browser window of its own, until Ctrl-C."""
    if find_spec("jupyterlab") is None:
        raise ConfigError("this needs JupyterLab; install it with: pip install 'neuron-workbench[lab]'")
    run = open_run(arguments.run)
    given = {name: getattr(arguments, name) for name in ("run", "resume", "data", "root")}
    if arguments.resume or arguments.data or arguments.root:
        data_for(run, arguments)  # what is wrong with the data is said at once
    with tempfile.TemporaryDirectory(prefix="workbench-lab-") as folder, _Server(Path(folder), arguments.port) as lab:
        page = lab.open(
            f"{run.path.stem}.ipynb",
            f"import os\nos.chdir({os.getcwd()!r})\n"
            f"from workbench.cli.lab import close_searches, dashboard\ndashboard(**{given!r})",
        )
        print(f"Dashboard of {arguments.run}: {page}")
        print("Closing the page stops nothing; Ctrl-C here ends it.", flush=True)
        if not arguments.no_browser:
            webbrowser.open(page)
        with contextlib.suppress(KeyboardInterrupt):
            lab.wait()
        print("Stopping: waiting for the children in training, if any.", flush=True)
        lab.run("close_searches()")
    return 0


def dashboard(**given: Any) -> Any:
    """In the notebook's kernel: the dashboard of a run, by the options `run`, `resume`, `data` and `root`."""
    from workbench.views.dashboard.widget import Dashboard

    arguments = argparse.Namespace(**given)
    run = open_run(arguments.run)
    if arguments.resume:
        return Dashboard(Search.resume(arguments.run, data_for(run, arguments)))
    return Dashboard(run, data=data_for(run, arguments) if arguments.data or arguments.root else None)


def close_searches() -> None:
    """In the notebook's kernel: stop all searches, also those begun on the page; children in training are stored."""
    for search in live_searches():
        search.close()


class _Server:
    """A JupyterLab server that keeps everything in `folder` and ends with this process."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._token = folder, secrets.token_hex(24)
        self._address = ""
        self._client: Any = None
        (folder / "notebooks").mkdir()
        (folder / "config" / "custom").mkdir(parents=True)
        (folder / "config" / "custom" / "custom.css").write_text(STYLE.read_text(encoding="utf-8"), encoding="utf-8")
        for name, values in SETTINGS.items():
            path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))
        self._log = (folder / "server.log").open("w", encoding="utf-8")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
                *(f"--port={port}", f"--ServerApp.root_dir={folder / 'notebooks'}", "--LabApp.custom_css=True"),
                *("--LabApp.extension_manager=readonly", "--LabApp.news_url="),
            ],
            env={**os.environ, **self._environment()},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is for this process, which then ends it
        )

    def _environment(self) -> dict[str, str]:
        places = ("config", "data", "runtime")
        folders = {f"JUPYTER_{place.upper()}_DIR": str(self._folder / place) for place in places}
        lab = {f"JUPYTERLAB_{place.upper()}_DIR": str(self._folder / place) for place in ("settings", "workspaces")}
        return {**folders, **lab, "JUPYTER_TOKEN": self._token}

    def __enter__(self) -> _Server:
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.stop_channels()
        self._process.send_signal(signal.SIGTERM)  # its kernel ends with it
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._log.close()

    def open(self, name: str, code: str) -> str:
        """Run a cell in a notebook of its own; returns the address of its page."""
        from nbformat import v4, write

        self._address = self._started()
        kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        cell = v4.new_code_cell(code)
        notebook = v4.new_notebook(cells=[cell], metadata={"kernelspec": kernelspec})
        write(notebook, self._folder / "notebooks" / name)
        asked = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
        kernel = self._ask("api/sessions", asked)["kernel"]["id"]
        self._client = self._connected(kernel)
        cell.outputs, cell.execution_count = self.run(code), 1
        language = self._client.kernel_info(reply=True)["content"]["language_info"]
        notebook.metadata["language_info"] = language  # else JupyterLab adds it, and warns on leaving
        write(notebook, self._folder / "notebooks" / name)
        self._ask(f"api/contents/{quote(name)}/trust", {})  # else JupyterLab shows no widgets of a file
        return f"{self._address}doc/tree/{quote(name)}?token={self._token}"

    def run(self, code: str) -> list[Any]:
        """Run code in the kernel; returns what it shows. `WorkbenchError` with its message if it fails."""
        from nbformat.v4 import output_from_msg

        outputs: list[Any] = []

        def keep(message: dict[str, Any]) -> None:
            if message["msg_type"] in ("execute_result", "display_data", "stream"):
                outputs.append(output_from_msg(message))

        reply = self._client.execute_interactive(code, output_hook=keep, timeout=None)["content"]
        if reply["status"] != "ok":
            raise WorkbenchError(reply.get("evalue") or "the kernel was interrupted")
        return outputs

    def wait(self) -> None:
        """Until the server has ended by itself."""
        self._process.wait()
        raise RunError(f"JupyterLab has ended: {self._last_words()}")

    def _started(self) -> str:
        """Its address, once it answers."""
        from jupyter_server.serverapp import list_running_servers

        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            for server in list_running_servers(str(self._folder / "runtime")):
                with contextlib.suppress(OSError):
                    self._address = server["url"]
                    self._ask("api")
                    return self._address
            time.sleep(0.1)
        raise RunError(f"JupyterLab does not start: {self._last_words()}")

    def _connected(self, kernel: str) -> Any:
        """A client of a kernel that has just been started; what it says before the client listens is lost."""
        from jupyter_client import BlockingKernelClient

        client = BlockingKernelClient(connection_file=str(self._folder / "runtime" / f"kernel-{kernel}.json"))
        client.load_connection_file()
        client.start_channels()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                client.execute_interactive("", silent=True, timeout=5)
                return client
        raise RunError(f"the kernel does not start: {self._last_words()}")

    def _ask(self, what: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {self._token}", "Content-Type": "application/json"}
        with urllib.request.urlopen(
            urllib.request.Request(f"{self._address}{what}", data, headers), timeout=60
        ) as answer:
            return json.loads(answer.read() or "null")

    def _last_words(self) -> str:
        return "; ".join((self._folder / "server.log").read_text(encoding="utf-8").splitlines()[-3:])
