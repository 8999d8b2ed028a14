"""A bare page in headless Chromium that shows one canvas widget, with a stand-in for anywidget's model: no Jupyter."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]

PAGE = """<!doctype html><html><head><meta charset="utf-8"><style>body { margin: 12px; }</style></head>
<body><script>
class Model {
  constructor(state) { this.state = state; this.listeners = {}; this.saves = 0; }
  get(name) { return this.state[name]; }
  set(name, value) {
    if (this.state[name] === value) return;
    this.state[name] = value;
    for (const event of ["change:" + name, "change"])
      for (const action of [...(this.listeners[event] ?? [])]) action();
  }
  on(event, action) { (this.listeners[event] ??= []).push(action); }
  off(event, action) { this.listeners[event] = (this.listeners[event] ?? []).filter((one) => one !== action); }
  save_changes() { this.saves += 1; }
  send() {}
}
function unpack(value) {
  if (value && value.base64 !== undefined) {
    const bytes = Uint8Array.from(atob(value.base64), (c) => c.charCodeAt(0));
    const shifted = new Uint8Array(bytes.length + 3); // an offset that is no multiple of 4, as in a real message
    shifted.set(bytes, 3);
    return new DataView(shifted.buffer, 3, bytes.length);
  }
  if (Array.isArray(value)) return value.map(unpack);
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, unpack(one)]));
  return value;
}
async function show(state, esm, css) {
  document.head.append(Object.assign(document.createElement("style"), { textContent: css }));
  window.model = new Model(unpack(state));
  const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  window.widget = (await import(url)).default;
  window.leave = [];
  window.addView = () => {
    const el = document.createElement("div");
    window.leave.push(window.widget.render({ model: window.model, el }));
    setTimeout(() => document.body.append(el), 20); // as in JupyterLab: rendered first, then put on the page
  };
  window.addView();
}
function update(values) { for (const [name, value] of Object.entries(unpack(values))) window.model.set(name, value); }
function pixels(x, y, width, height, which) {
  const canvas = document.querySelectorAll(".wbc-canvas")[which];
  const ratio = canvas.width / canvas.getBoundingClientRect().width;
  const at = [x, y, width ?? 1e9, height ?? 1e9].map((v) => Math.round(v * ratio));
  at[2] = Math.min(at[2], canvas.width - at[0]);
  at[3] = Math.min(at[3], canvas.height - at[1]);
  return canvas.getContext("2d").getImageData(...at).data;
}
function near(data, color, tolerance) {
  let n = 0;
  for (let i = 0; i < data.length; i += 4)
    if (Math.max(...color.map((c, k) => Math.abs(c - data[i + k]))) <= tolerance) n += 1;
  return n;
}
</script></body></html>"""


def pack(value: Any) -> Any:
    """JSON of a widget's state, bytes as base64."""
    if isinstance(value, bytes | memoryview):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {name: pack(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [pack(one) for one in value]
    return value


def synced(widget: Any) -> dict[str, Any]:
    """The traits of a widget that travel, but for anywidget's and Jupyter's own."""
    state = {name: value for name, value in widget.get_state().items() if not name.startswith("_")}
    return {name: pack(value) for name, value in state.items() if name not in ("layout", "tabbable", "tooltip")}


class Shown:
    """A page with a widget on it."""

    def __init__(self, page: Any, widget: Any, prepare: str = "0") -> None:
        self.page, self.errors = page, []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        page.goto("http://workbench.test/")
        page.evaluate(prepare)
        code, style = (widget.get_state()[name] for name in ("_esm", "_css"))
        page.evaluate("([state, esm, css]) => show(state, esm, css)", [synced(widget), code, style])

    def get(self, trait: str) -> Any:
        return self.page.evaluate("name => model.get(name)", trait)

    def set(self, **values: Any) -> None:
        self.page.evaluate("values => update(values)", {name: pack(value) for name, value in values.items()})

    def wait(self, condition: str, timeout_ms: float = 20_000) -> None:
        self.page.wait_for_function(condition, timeout=timeout_ms)

    def settle(self) -> None:
        """Wait until a page that draws at its own pace has had the time to: both a while and some frames."""
        self.page.evaluate(
            """async () => {
              const until = performance.now() + 400;
              for (let frames = 0; frames < 10 || performance.now() < until; frames++)
                await new Promise(requestAnimationFrame);
            }"""
        )

    def count(self, color: tuple[int, int, int], tolerance: int = 24, which: int = 0, box: tuple = (0, 0)) -> int:
        """Pixels of about this colour in a canvas, within a box (x, y, width, height) in CSS pixels."""
        arguments = [list(box) + [None] * (4 - len(box)), list(color), tolerance, which]
        script = "([box, color, tolerance, which]) => near(pixels(...box, which), color, tolerance)"
        return self.page.evaluate(script, arguments)

    def picture(self, which: int = 0) -> bytes:
        data = self.page.evaluate(
            "which => document.querySelectorAll('.wbc-canvas')[which].toDataURL('image/png')", which
        )
        return base64.b64decode(data.split(",")[1])

    def canvas(self, which: int = 0) -> Any:
        return self.page.locator(".wbc-canvas").nth(which)


@contextmanager
def chromium() -> Iterator[Any]:
    """Headless Chromium; without one the test fails in CI and is skipped elsewhere."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    path = path or shutil.which("google-chrome")
    if path is None:
        reason = "no Chromium found: install the package `chromium`, or name a browser in $CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def open_page(browser: Any, width: int = 1280, height: int = 900, scale: float = 1) -> Any:
    """A page on an origin of its own that exists nowhere; every other address is refused."""
    context = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=scale)
    context.route("**/*", lambda route: route.abort())
    context.route("http://workbench.test/", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    return context.new_page()
