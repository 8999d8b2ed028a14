// One plotly figure. plotly itself is asked from the kernel once a page, whatever the number of figures: as part of each
// widget's module it would be sent, read and kept again for every figure.
const CONFIG = {
  displaylogo: false,
  responsive: false, // the width is followed here, and one that a page gives without a resize of the window too
  showSendToCloud: false, // nothing leaves this machine
  modeBarButtonsToRemove: ["lasso2d", "select2d"],
};
// These act on all plots of a figure at once; where there are several, a box is drawn on the one that is meant.
const MANY = { ...CONFIG, modeBarButtonsToRemove: [...CONFIG.modeBarButtonsToRemove, "zoomIn2d", "zoomOut2d"] };
const LOADED = Symbol.for("workbench.plotly");
const ASKED = Symbol.for("workbench.plotly.asked");

// The first figure of a notebook asks for all of it. Another notebook asks by itself: this one's kernel may be busy.
function plotlyFor(model) {
  if (globalThis[LOADED]) return globalThis[LOADED];
  const asked = (globalThis[ASKED] ??= new WeakMap());
  const notebook = model.widget_manager;
  if (!asked.has(notebook)) asked.set(notebook, { by: model, plotly: ask(model) });
  return asked.get(notebook).plotly;
}

// One whose kernel ended before it answered must not keep others waiting.
function askNoMore(model) {
  const notebook = model.widget_manager;
  if (globalThis[ASKED]?.get(notebook)?.by === model) globalThis[ASKED].delete(notebook);
}

function ask(model) {
  return new Promise((done, fail) => {
    const hear = (message, buffers) => {
      if (message.kind !== "plotly") return;
      model.off("msg:custom", hear);
      if (globalThis[LOADED]) return done(globalThis[LOADED]);
      const before = window.Plotly;
      const script = document.createElement("script");
      script.src = URL.createObjectURL(new Blob([buffers[0]], { type: "text/javascript" }));
      script.onload = () => {
        globalThis[LOADED] ??= window.Plotly;
        if (before) window.Plotly = before;
        URL.revokeObjectURL(script.src);
        done(globalThis[LOADED]);
      };
      script.onerror = () => {
        askNoMore(model);
        fail(new Error("plotly could not be loaded"));
      };
      document.head.append(script);
    };
    model.on("msg:custom", hear);
    model.send({ kind: "plotly" });
  });
}

const same = (one, other) => one.length === other.length && one.every((part, number) => part === other[number]);

function render({ model, el }) {
  el.classList.add("wb-plot");
  const fill = model.get("fill");
  const place = document.createElement("div");
  el.append(place);
  let plotly = null, drawing = null, drawn = [], again = false, gone = false;

  async function drawNewest() {
    do {
      again = false;
      const frame = model.get("frame"); // the layout as text; "" for nothing
      const traces = Array.from({ length: model.get("length") }, (_, number) => model.get(`trace_${number}`));
      place.hidden = !frame;
      const parts = frame ? JSON.parse(frame) : {}; // anew each time: plotly writes into what it is given
      if (fill) Object.assign(el.style, { height: `${parts.height ?? 0}px`, flex: `1 1 ${parts.height ?? 0}px` });
      if (!frame || !el.clientWidth) continue; // what is out of sight is drawn when it gets a width
      plotly ??= await plotlyFor(model);
      if (gone) return;
      const width = Math.max(fill ? 140 : 320, el.clientWidth);
      const height = fill ? Math.max(100, el.clientHeight) : parts.height;
      const wanted = [width, height, frame, ...traces];
      if (same(drawn, wanted)) continue;
      drawn = wanted;
      const layout = { ...parts, width, height };
      const data = traces.filter((text) => text).map((text) => JSON.parse(text));
      // another title is another figure: `react` would constrain its axes to the ranges that those of the last one had
      const isSame = place.layout?.uirevision === layout.uirevision;
      await (isSame ? plotly.react : plotly.newPlot)(place, data, layout, "xaxis2" in layout ? MANY : CONFIG);
      mark.remove();
      if (!isSame) place.on("plotly_click", tell);
    } while (again && !gone);
  }

  function draw() {
    again = true;
    drawing ??= drawNewest().finally(() => { drawing = null; });
  }

  // A ring appears with the click; the kernel answers a little later with one of its own.
  const mark = Object.assign(document.createElement("i"), { className: "wb-clicked" });
  function ring({ x, y, xaxis, yaxis }) {
    mark.style.left = `${xaxis._offset + xaxis.c2p(xaxis.d2c(x))}px`;
    mark.style.top = `${yaxis._offset + yaxis.c2p(yaxis.d2c(y))}px`;
    el.append(mark);
  }

  function tell({ points: [point] }) {
    if (place.data.some(({ name }) => name === "selected")) ring(point);
    const number = Array.isArray(point.pointNumber) ? point.pointNumber : [point.pointNumber ?? point.pointIndex];
    model.send({ kind: "click", curve: point.curveNumber, point: number });
  }

  const observer = new ResizeObserver(draw);
  observer.observe(el);
  model.on("change", draw);
  draw();
  return () => {
    gone = true;
    observer.disconnect();
    model.off("change", draw);
    if (plotly && place.layout) plotly.purge(place);
    else askNoMore(model);
  };
}

export default { render };
