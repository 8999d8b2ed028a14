"""Makes the documentation's pictures of the dashboard: `python tests/browser/record_steering.py`.

Opens the first notebook in JupyterLab, searches digits, clicks a point, moves two sliders, looks at the neurons over
the image, and writes `dashboard.png` and `steering.webp` to `docs/assets`.
"""

from __future__ import annotations

import io
import tempfile
import time
from pathlib import Path

from jupyter_lab_samples import ROOT, Lab, browser_page
from PIL import Image
from test_dashboard import Hands, open_dashboard, wait_until

IMAGES = ROOT / "docs" / "assets"
WIDTH = 1100
"""Pixels of the pictures."""
PER_SECOND = 5


class Film:
    """Pictures of the dashboard in view, `PER_SECOND` at the most, each as long as it was seen."""

    def __init__(self, hands: Hands) -> None:
        self.page = hands.page
        sight = self.page.locator(".jp-WindowedPanel-outer").bounding_box()
        self.clip = self.page.locator(".wb-dashboard").bounding_box()
        self.clip["height"] = min(self.clip["height"], sight["y"] + sight["height"] - self.clip["y"])
        self.frames: list[Image.Image] = []
        self.times: list[float] = []

    def take(self) -> Image.Image:
        self.times.append(time.monotonic())
        picture = Image.open(io.BytesIO(self.page.screenshot(clip=self.clip))).convert("RGB")
        height = round(picture.height * WIDTH / picture.width)
        self.frames.append(
            picture.resize((WIDTH, height), Image.Resampling.LANCZOS) if picture.width > WIDTH else picture
        )
        return self.frames[-1]

    def watch(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            started = time.monotonic()
            self.take()
            self.page.wait_for_timeout(max(0.0, 1000 * (1 / PER_SECOND + started - time.monotonic())))

    def save(self, path: Path) -> None:
        ends = [*self.times[1:], self.times[-1] + 1]
        shown = [round(1000 * (end - start)) for start, end in zip(self.times, ends, strict=True)]
        first, *rest = self.frames
        first.save(path, save_all=True, append_images=rest, duration=shown, loop=0, quality=60, method=4)


def move(hands: Hands, film: Film, setting: str, key: str) -> None:
    for _ in range(6):
        hands.key(setting, key)
        film.watch(0.2)


def steer(hands: Hands) -> Film:
    """What the pictures show."""
    hands.press("start")
    wait_until(lambda: hands.total() > 50)
    hands.page.evaluate("() => document.querySelector('.wb-dashboard').scrollIntoView()")
    hands.page.wait_for_timeout(500)
    film = Film(hands)
    film.watch(2)
    hands.click_on_front(-1)
    film.watch(1)
    hands.page.mouse.move(0, 0)  # the pointer's label goes
    film.watch(1.5)
    film.take().quantize(256).save(IMAGES / "dashboard.png", optimize=True)
    move(hands, film, "add_edges", "PageUp")
    move(hands, film, "remove_edges", "PageDown")
    film.watch(1.5)
    hands.open_tab("Image")
    film.watch(3)
    return film


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        try:
            with browser_page(width=1440, height=900) as watched:
                hands = open_dashboard(watched, lab)
                steer(hands).save(IMAGES / "steering.webp")
                hands.press("stop")
                hands.wait_for_state("stopped")
        finally:
            lab.close()
    for path in (IMAGES / "dashboard.png", IMAGES / "steering.webp"):
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e3:,.0f} kB")


if __name__ == "__main__":
    main()
