// One plotly figure. plotly itself is asked from the kernel once a page, whatever the number of figures: as part of each
// widget's module it would be sent, read and kept again for every figure.
const CONFIG = { displaylogo: false, responsive: false, showSendToCloud: false };
const LOADED = Symbol.for("workbench.plotly");

function ask(model) {
  return new Promise((done, fail) => {
    const hear = (message, buffers) => {
      if (message.kind !== "plotly") return;
      model.off("msg:custom", hear);
      const before = window.Plotly;
      const script = document.createElement("script");
      script.src = URL.createObjectURL(new Blob([buffers[0]], { type: "text/javascript" }));
      script.onload = () => {
        globalThis[LOADED] ??= window.Plotly;
        if (before) window.Plotly = before;
        URL.revokeObjectURL(script.src);
        done(globalThis[LOADED]);
      };
      script.onerror = () => fail(new Error("plotly could not be loaded"));
      document.head.append(script);
    };
    model.on("msg:custom", hear);
    model.send({ kind: "plotly" });
  });
}

function render({ model, el }) {
  el.classList.add("wb-plot");
  const place = document.createElement("div");
  el.append(place);
  let plotly = null, drawing = null, again = false, gone = false;

  async function drawNewest() {
    plotly ??= globalThis[LOADED] ?? (await ask(model));
    do {
      again = false;
      const text = model.get("figure");
      place.hidden = !text;
      if (!text || gone) continue;
      const { data, layout } = JSON.parse(text);
      layout.width = Math.max(320, el.clientWidth);
      await plotly.react(place, data, layout, CONFIG);
      if (!place.listens) place.on("plotly_click", tell);
      place.listens = true;
    } while (again && !gone);
  }

  function draw() {
    again = true;
    drawing ??= drawNewest().finally(() => { drawing = null; });
  }

  function tell({ points: [point] }) {
    const number = Array.isArray(point.pointNumber) ? point.pointNumber : [point.pointNumber ?? point.pointIndex];
    model.send({ kind: "click", curve: point.curveNumber, point: number });
  }

  const observer = new ResizeObserver(() => {
    const width = Math.max(320, el.clientWidth);
    if (el.clientWidth && plotly && place.layout && Math.abs(place.layout.width - width) > 1)
      plotly.relayout(place, { width });
  });
  observer.observe(el);
  model.on("change:figure", draw);
  draw();
  return () => {
    gone = true;
    observer.disconnect();
    model.off("change:figure", draw);
    if (plotly && place.layout) plotly.purge(place);
  };
}

export default { render };
