// Shows nothing. Tells the kernel whether a pointer is pressed among the sliders of a view (`held`); labels sliders for
// screen readers and hides icons of buttons from them, in the whole dashboard if there is one.
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

function render({ model, el }) {
  let pressed = false;
  const tell = (held) => { if (model.get("held") !== held) { model.set("held", held); model.save_changes(); } };
  const around = () => el.closest(".wb-dashboard") ?? el.closest(".wb-view");
  const press = ({ target }) => { if (around()?.contains(target)) { pressed = true; tell(true); } };
  // A slider sends its next value only once the kernel has taken the last one, so the drag is over for the kernel when
  // it has answered: what it took before the question is answered, and after that the page has sent the last value.
  const free = () => { if (pressed) { pressed = false; model.send({ kind: "released" }); } };
  const heard = () => { if (!pressed) tell(false); };
  tell(false); // a page that was closed while a pointer was pressed could not say so
  model.on("msg:custom", heard);
  const listening = new AbortController(), { signal } = listening;
  window.addEventListener("pointerdown", press, { signal, capture: true });
  window.addEventListener("pointerup", free, { signal, capture: true });
  window.addEventListener("pointercancel", free, { signal, capture: true });
  window.addEventListener("blur", free, { signal }); // of the window: a blur of what is in it does not bubble

  let page = null, frame = 0;
  const label = () => {
    frame = 0;
    page.querySelectorAll(SLIDERS).forEach(nameSlider);
    page.querySelectorAll(".jupyter-button > i:not([aria-hidden])")
      .forEach((icon) => icon.setAttribute("aria-hidden", "true"));
  };
  const observer = new MutationObserver(() => { frame ||= requestAnimationFrame(label); });
  const begin = () => {
    page = around();
    if (!page) { frame = requestAnimationFrame(begin); return; } // not in the page yet
    observer.observe(page, { childList: true, subtree: true });
    label();
  };
  begin();
  return () => { tell(false); model.off("msg:custom", heard); listening.abort(); observer.disconnect(); cancelAnimationFrame(frame); };
}

export default { render };
