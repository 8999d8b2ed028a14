"""Names for what ipywidgets leaves nameless to those who cannot see the page."""

from __future__ import annotations

import anywidget


class Naming(anywidget.AnyWidget):
    """Shows nothing; on the dashboard or view around it, names handles and readouts of sliders, and hides icons."""

    _esm = """
    const SLIDERS = ".widget-slider:has(.noUi-handle:not([aria-label]))";

    function nameSlider(slider) {
      const name = slider.querySelector(".widget-label")?.textContent;
      const handles = slider.querySelectorAll(".noUi-handle");
      handles.forEach((handle, number) => {
        handle.setAttribute("aria-label", handles.length > 1 ? `${name}, ${number ? "to" : "from"}` : name);
      });
      const readout = slider.querySelector(".widget-readout");
      readout?.setAttribute("role", "textbox");
      readout?.setAttribute("aria-label", `${name}, value`);
    }

    function render({ el }) {
      let view = null, frame = 0;
      const look = () => {
        frame = 0;
        view.querySelectorAll(SLIDERS).forEach(nameSlider);
        view.querySelectorAll(".jupyter-button > i:not([aria-hidden])")
          .forEach((icon) => icon.setAttribute("aria-hidden", "true"));
      };
      const observer = new MutationObserver(() => { frame ||= requestAnimationFrame(look); });
      const begin = () => {
        view = el.closest(".wb-dashboard") ?? el.closest(".wb-view");
        if (!view) { frame = requestAnimationFrame(begin); return; }  // not in the page yet
        observer.observe(view, { childList: true, subtree: true });
        look();
      };
      begin();
      return () => { observer.disconnect(); cancelAnimationFrame(frame); };
    }
    export default { render };
    """
