// What the page of a dashboard does by itself, also without a kernel: how tall its panels may be, enlarged panels, keys,
// and a word when the kernel has stopped.
const WIDE = 1400; // pixels of the dashboard, as in dashboard.css
const SCROLLERS = ".jp-WindowedPanel-outer, .jp-LinkedOutputView"; // of JupyterLab, as tall as the window leaves them
const DEAD = ["dead", "restarting", "autorestarting", "terminating"]; // states of a kernel that has lost the search
const STOPPED =
  "The kernel has stopped: what you see is the last state; run the cells again to go on. The run file has everything finished.";

const KEYS = [
  { keys: ["p", " "], shown: "p or Space", does: "start, pause or resume", press: ".wb-start" },
  { keys: ["s"], does: "one child", press: ".wb-step" },
  { keys: ["g"], does: "the rest of the generation", press: ".wb-step-generation" },
  { keys: ["ArrowLeft"], shown: "←", does: "the next smaller network on the front", press: ".wb-previous" },
  { keys: ["ArrowRight"], shown: "→", does: "the next larger network on the front", press: ".wb-next" },
  { keys: ["m"], does: "the most accurate network", press: ".wb-best" },
  { keys: ["c"], does: "pin this network, to compare others with it; again: unpin", press: ".wb-pin" },
  { keys: ["e"], does: "enlarge the panel under the pointer or with the focus; again, or Escape: back" },
  { keys: ["?"], does: "this list" },
];
const NOTES = [
  "Tab and Shift+Tab go from control to control; arrow keys move a slider, and walk along tabs.",
  "In the pictures of a network: arrow keys pan, + and − zoom, 0 shows all, Escape deselects.",
];
// Where keys have a meaning of their own, and where only Space has.
const OWN = "input, select, textarea, canvas, .noUi-handle, [role=textbox], [contenteditable=true]";
const PRESSED = "button, summary, a, [role=tab]";

const make = (tag, values = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), values);
  made.append(...children);
  return made;
};

function helpDialog() {
  const rows = KEYS.map(({ keys, shown, does }) =>
    make("tr", {}, make("td", {}, make("kbd", { textContent: shown ?? keys[0] })), make("td", { textContent: does })));
  const close = make("button", { textContent: "Close", className: "wb-help-close jupyter-button" });
  const title = make("h3", { textContent: "Keys, while the focus is in the dashboard" });
  const dialog = make("dialog", { className: "wb-help-dialog" }, title, make("table", {}, ...rows),
    ...NOTES.map((textContent) => make("p", { textContent })), close);
  dialog.setAttribute("aria-label", "keys");
  close.onclick = () => dialog.close();
  return dialog;
}

/** Make one panel take the place of all, or give it back. */
function enlarge(dashboard, panel) {
  const before = dashboard.querySelector(".wb-enlarged");
  for (const each of new Set([before, panel].filter(Boolean))) {
    const on = each === panel && panel !== before, button = each.querySelector(".wb-enlarge");
    each.classList.toggle("wb-enlarged", on);
    button.setAttribute("aria-pressed", on);
    button.querySelector("i").className = `fa fa-${on ? "compress" : "expand"}`;
  }
}

const enlargeable = (node) => node?.closest(".wb-panel:has(> * .wb-enlarge)");

function listenToKeys(dashboard, dialog) {
  const act = (event) => {
    const { key, target } = event;
    if (key === "Escape" && dashboard.querySelector(".wb-enlarged") && !dialog.open) return enlarge(dashboard, null);
    const entry = KEYS.find(({ keys }) => keys.includes(key));
    if (!entry || target.closest(OWN) || (target.closest(PRESSED) && (key === " " || target.matches("[role=tab]"))))
      return false;
    if (key === "?") dialog.showModal();
    else if (key !== "e") dashboard.querySelector(`${entry.press}:not([disabled])`)?.click();
    else enlarge(dashboard, dashboard.querySelector(".wb-enlarged") ?? enlargeable(
      dashboard.querySelector(".wb-panel:hover .wb-enlarge") ?? target) ?? dashboard.querySelector(".wb-area-network"));
  };
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.contains(event.target)) return;
    const unused = act(event) === false;
    if (!unused) event.preventDefault();
    if (!unused || event.key.length === 1) event.stopPropagation(); // or the notebook takes it: x would cut the cell
  };
}

/** Call `stopped` once the kernel that made the widget is gone; `leaving` ends the watch. */
function watchKernel(model, el, stopped, leaving) {
  const look = () => el.closest(".jupyter-widgets-disconnected") && stopped();
  const observer = new MutationObserver(look); // JupyterLab marks widgets whose kernel restarts
  observer.observe(el, { attributes: true, attributeFilter: ["class"] });
  look();
  const session = model.widget_manager?.context?.sessionContext;
  const onStatus = (_, status) => DEAD.includes(status) && stopped();
  const onKernel = () => stopped();
  session?.statusChanged.connect(onStatus);
  session?.kernelChanged.connect(onKernel);
  leaving.addEventListener("abort", () => {
    observer.disconnect();
    session?.statusChanged.disconnect(onStatus);
    session?.kernelChanged.disconnect(onKernel);
  });
}

function begin({ model, el }, dashboard, signal) {
  const dialog = helpDialog();
  el.append(dialog);
  const fit = () => {
    const room = dashboard.closest(SCROLLERS)?.clientHeight ?? window.innerHeight;
    dashboard.style.setProperty("--wb-room", `${room}px`);
    const wide = dashboard.clientWidth >= WIDE;
    if (!dashboard.clientWidth || wide === model.get("wide")) return;
    model.set("wide", wide);
    model.save_changes();
  };
  const observer = new ResizeObserver(fit);
  observer.observe(dashboard);
  observer.observe(dashboard.closest(SCROLLERS) ?? document.documentElement);
  dashboard.tabIndex = -1; // a click on it gives it the focus, and with that its keys
  dashboard.addEventListener("keydown", listenToKeys(dashboard, dialog), { signal });
  dashboard.addEventListener("click", ({ target }) => {
    if (target.closest(".wb-enlarge")) enlarge(dashboard, enlargeable(target));
    if (target.closest(".wb-help")) dialog.showModal();
  }, { signal });
  const stopped = () => {
    if (dashboard.classList.contains("wb-stopped")) return;
    dashboard.classList.add("wb-stopped");
    const banner = make("div", { className: "wb-alert wb-banner", textContent: STOPPED });
    banner.setAttribute("role", "alert");
    el.append(banner);
    dashboard.querySelectorAll(".wb-dies").forEach((part) => { part.inert = true; });
  };
  watchKernel(model, el, stopped, signal);
  signal.addEventListener("abort", () => observer.disconnect());
}

function render(given) {
  const leaving = new AbortController();
  let frame = 0;
  const wait = () => { // until it is in the page
    const dashboard = given.el.closest(".wb-dashboard");
    if (dashboard?.isConnected) begin(given, dashboard, leaving.signal);
    else frame = requestAnimationFrame(wait);
  };
  wait();
  return () => { leaving.abort(); cancelAnimationFrame(frame); };
}

export default { render };
