// What the page of a dashboard does by itself: how tall its panels may be, and whether there is a third column.
const WIDE = 1400; // pixels of the dashboard, as in dashboard.css
const SCROLLERS = ".jp-WindowedPanel-outer, .jp-LinkedOutputView"; // of JupyterLab, as tall as the window leaves them

function render({ model, el }) {
  let dashboard = null, frame = 0;
  const fit = () => {
    const room = dashboard.closest(SCROLLERS)?.clientHeight ?? window.innerHeight;
    dashboard.style.setProperty("--wb-room", `${room}px`);
    const wide = dashboard.clientWidth >= WIDE;
    if (!dashboard.clientWidth || wide === model.get("wide")) return;
    model.set("wide", wide);
    model.save_changes();
  };
  const observer = new ResizeObserver(fit);
  const begin = () => {
    dashboard = el.closest(".wb-dashboard");
    if (!dashboard?.isConnected) { frame = requestAnimationFrame(begin); return; } // not in the page yet
    observer.observe(dashboard);
    observer.observe(dashboard.closest(SCROLLERS) ?? document.documentElement);
  };
  begin();
  return () => { observer.disconnect(); cancelAnimationFrame(frame); };
}

export default { render };
