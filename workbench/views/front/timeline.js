// The generations of a run: its hypervolume as a curve, live changes as triangles, and a handle that goes back in time.
const HEIGHT = 40, TOP = 13, BOTTOM = 36, STEP_MS = 250;

const NAMESPACE = "http://www.w3.org/2000/svg";
const shape = (name, values, parent) => {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
  parent.append(made);
  return made;
};

function render({ model, el }) {
  el.classList.add("wb-timeline");
  const button = (name, text, title, action) => {
    const made = Object.assign(document.createElement("button"), { className: name, title, onclick: action });
    made.innerHTML = text;
    return made;
  };
  const play = button("wb-timeline-play", "", "", () => (timer ? stop() : start()));
  const svg = document.createElementNS(NAMESPACE, "svg");
  const told = Object.assign(document.createElement("output"), { className: "wb-timeline-told" });
  const now = button("wb-timeline-now", "Now", "Back to the present, and follow it", () => choose(-1));
  for (const [key, value] of Object.entries({ tabindex: 0, role: "slider", "aria-label": "generation shown" }))
    svg.setAttribute(key, value);
  el.append(play, svg, told, now);

  let width = 0, timer = null, pointed = null, dragging = false;
  const volumes = () => {
    const bytes = model.get("volumes");
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  };
  const last = () => volumes().length - 1;
  const at = () => (model.get("value") < 0 ? last() : Math.min(model.get("value"), last()));
  const xOf = (generation) => 8 + (generation / Math.max(1, last())) * (width - 16);

  function choose(generation) {
    const value = generation >= last() ? -1 : Math.max(-1, Math.round(generation));
    if (value === model.get("value")) return;
    model.set("value", value);
    model.save_changes();
    draw();
  }

  // One step at a time: the next one waits until the kernel has drawn this one.
  function start() {
    if (last() < 1) return;
    if (at() === last()) choose(0);
    timer = setInterval(() => {
      if (model.get("shown") !== model.get("value")) return;
      if (model.get("value") < 0) return stop();
      choose(at() + 1);
    }, STEP_MS);
    draw();
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    draw();
  }

  function draw() {
    const values = volumes(), end = last(), here = at(), past = model.get("value") >= 0;
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${Math.max(1, width)} ${HEIGHT}`);
    svg.setAttribute("aria-valuemin", 0);
    svg.setAttribute("aria-valuemax", Math.max(0, end));
    svg.setAttribute("aria-valuenow", Math.max(0, here));
    play.innerHTML = `<i class="fa fa-${timer ? "pause" : "play"}" aria-hidden="true"></i>`;
    play.title = timer ? "Stop the replay" : "Replay the generations";
    play.setAttribute("aria-label", play.title);
    play.disabled = end < 1;
    now.disabled = !past;
    el.classList.toggle("wb-timeline-past", past);
    shape("line", { x1: 8, x2: Math.max(8, width - 8), y1: BOTTOM, y2: BOTTOM, class: "axis" }, svg);
    const shown = pointed ?? here;
    const words = end < 0 ? "no generation yet" : `generation ${shown} of ${end} · hypervolume ${values[shown].toFixed(4)}`;
    told.textContent = past && pointed === null ? `past: ${words}` : words;
    svg.setAttribute("aria-valuetext", words);
    if (end < 0) return;
    const least = Math.min(...values), span = Math.max(...values) - least || 1;
    const yOf = (value) => BOTTOM - 3 - ((value - least) / span) * (BOTTOM - TOP - 3);
    const corners = Array.from(values, (value, generation) => `${xOf(generation)},${yOf(value)}`).join(" ");
    shape("polyline", { points: corners, class: "curve" }, svg);
    for (const [generation, text] of model.get("marks")) {
      const x = xOf(Math.min(generation, end)), before = Math.floor(Math.min(generation, end));
      const y = yOf(values[before]) - 3;
      const mark = shape("path", { d: `M${x} ${y} l-5 -8 h10 z`, class: "mark" }, svg);
      shape("title", {}, mark).textContent = text;
    }
    if (pointed !== null) shape("line", { x1: xOf(pointed), x2: xOf(pointed), y1: 2, y2: BOTTOM, class: "pointed" }, svg);
    shape("line", { x1: xOf(here), x2: xOf(here), y1: 2, y2: BOTTOM, class: "handle" }, svg);
    shape("circle", { cx: xOf(here), cy: yOf(values[here]), r: 4.5, class: "handle" }, svg);
  }

  const generationAt = (event) => {
    const box = svg.getBoundingClientRect();
    const share = (event.clientX - box.left - 8) / Math.max(1, box.width - 16);
    return Math.min(last(), Math.max(0, Math.round(share * last())));
  };
  svg.addEventListener("pointerdown", (event) => {
    if (last() < 1) return;
    dragging = true;
    svg.setPointerCapture(event.pointerId);
    stop();
    choose(generationAt(event));
  });
  svg.addEventListener("pointermove", (event) => {
    if (last() < 0) return;
    pointed = generationAt(event);
    if (dragging) choose(pointed);
    draw();
  });
  svg.addEventListener("pointerup", () => { dragging = false; });
  svg.addEventListener("pointerleave", () => { pointed = null; draw(); });
  svg.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.round(last() / 10));
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -page, PageUp: page };
    const ends = { Home: 0, End: last() };
    if (event.key in steps) choose(Math.max(0, at() + steps[event.key]));
    else if (event.key in ends) choose(ends[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  const observer = new ResizeObserver(() => {
    width = svg.clientWidth;
    draw();
  });
  observer.observe(svg);
  model.on("change", draw);
  draw();
  return () => {
    stop();
    observer.disconnect();
    model.off("change", draw);
  };
}

export default { render };
