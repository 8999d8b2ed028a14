// What the canvas views share: theme, an opaque canvas that fills its box, a camera, pointer and keys.

/** A typed array from a trait of bytes, which arrives as a DataView at any offset. */
function decode(view, Type) {
  return new Type(view ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : 0);
}

const scratch = document.createElement("canvas").getContext("2d");
const parsed = new Map();

/** [r, g, b] of a CSS colour. */
function rgb(color) {
  if (!parsed.has(color)) {
    scratch.fillStyle = "#000";
    scratch.fillStyle = color;
    const text = scratch.fillStyle; // "#rrggbb" or "rgba(…)"
    const hex = () => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
    parsed.set(
      color,
      text[0] === "#"
        ? hex()
        : text
            .match(/[\d.]+/g)
            .slice(0, 3)
            .map(Number),
    );
  }
  return parsed.get(color);
}

/** The current colours: JupyterLab's CSS variables where they exist, and the palette for light or dark ground. */
function readTheme(node) {
  const style = getComputedStyle(node);
  const names = ["background", "text", "muted", "border", "font"];
  const page = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--wbc-${name}`).trim()]));
  const [r, g, b] = rgb(page.background);
  const dark = 0.299 * r + 0.587 * g + 0.114 * b < 128;
  return { dark, ...page, ...PALETTE[dark ? "dark" : "light"] };
}

/** Call `redraw` when the page changes its theme (JupyterLab marks the body, then loads the style sheet). */
function onThemeChange(redraw, signal) {
  const observer = new MutationObserver(() => {
    redraw();
    setTimeout(() => signal.aborted || redraw(), 500);
  });
  const options = { attributes: true, attributeFilter: ["data-jp-theme-name", "data-jp-theme-light", "class"] };
  observer.observe(document.body, options);
  observer.observe(document.documentElement, options);
  signal.addEventListener("abort", () => observer.disconnect());
}

/** An opaque canvas that fills `holder`, in device pixels; `width` and `height` are in CSS pixels.
 *
 * `onResize` gets the last size. A canvas that nobody sees, as in a tab at the back, keeps its size. */
function makeStage(holder, label, signal, onResize) {
  const canvas = element("canvas", { className: "wbc-canvas", tabIndex: 0, role: "application", "aria-label": label });
  holder.append(canvas);
  const stage = { canvas, pen: canvas.getContext("2d", { alpha: false }), width: 0, height: 0, ratio: 1, isSeen: false };
  const measure = () => {
    const { clientWidth: width, clientHeight: height } = holder; // without its border
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const [columns, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
    const [wasSeen, before] = [stage.isSeen, { width: stage.width, height: stage.height }];
    stage.isSeen = width >= 2 && height >= 2;
    if (!stage.isSeen || (wasSeen && columns === canvas.width && rows === canvas.height)) return;
    Object.assign(stage, { width, height, ratio });
    if (columns !== canvas.width || rows !== canvas.height) Object.assign(canvas, { width: columns, height: rows });
    onResize(before);
  };
  const observer = new ResizeObserver(measure);
  observer.observe(holder); // calls it for the first time, too
  const watchRatio = () => {
    const options = { once: true, signal };
    const changed = () => (measure(), watchRatio());
    matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`).addEventListener("change", changed, options);
  };
  watchRatio(); // the window may move to another screen
  signal.addEventListener("abort", () => observer.disconnect());
  return stage;
}

/** Start a frame: CSS pixels, background filled. */
function clearStage({ pen, width, height, ratio }, theme) {
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.setLineDash([]);
  Object.assign(pen, { globalAlpha: 1, fillStyle: theme.background });
  pen.fillRect(0, 0, width, height);
}

/** Write a line of text in CSS pixels. */
function write({ pen }, { font, text }, words, x, y, { size = 12, align = "center", color = text, weight = 400 } = {}) {
  Object.assign(pen, { fillStyle: color, font: `${weight} ${size}px ${font}`, textAlign: align });
  pen.fillText(words, x, y);
}

/** Dragging moves (and drops), a press alone clicks, moving alone hovers; the wheel zooms a focused canvas. */
function listenToPointer(canvas, view) {
  let from = null;
  let moved = false;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.onpointerdown = (event) => {
    if (event.button !== 0) return;
    from = place(event);
    moved = false;
    canvas.setPointerCapture(event.pointerId);
  };
  canvas.onpointermove = (event) => {
    const [x, y] = place(event);
    if (!from) return view.hover(x, y);
    if (!moved && Math.hypot(x - from[0], y - from[1]) < 4) return;
    moved = true;
    view.drag(x - from[0], y - from[1], event, [x, y]);
    from = [x, y];
  };
  canvas.onpointerup = (event) => {
    if (from && moved) view.drop();
    else if (from) view.click(...place(event));
    from = null;
  };
  canvas.onpointercancel = () => (from = null);
  canvas.onpointerleave = () => view.hover(-1e9, -1e9);
  const zoom = (event) => {
    if (canvas.getRootNode().activeElement !== canvas && !event.ctrlKey) return; // the page scrolls
    event.preventDefault();
    view.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), ...place(event));
  };
  canvas.addEventListener("wheel", zoom, { passive: false });
}

const FITTED = { zoom: 1, x: 0, y: 0 }; // screen = fitted · zoom + (x, y)

/** A canvas of one network, in which a neuron can be hovered and selected.
 *
 * Subclasses define `load` (a new scene), `refresh` (a new theme or size), `fit(size)`, where the scene is in a canvas
 * of that size before the camera moves it, as {origin: [x, y], scale: [x, y]}, `paintScene`, which leaves the places of
 * neurons in `xs`, `ys` and their `radius` (`unit` is one CSS pixel there), and `describe(neuron)`, lines of text. */
class NetworkCanvas {
  constructor(model, { holder, tip, signal }, label) {
    Object.assign(this, { model, holder, tip, signal, hovered: -1, unit: 1, frame: 0, report: () => {} });
    this.camera = { ...FITTED };
    this.stage = makeStage(holder, label, signal, (before) => {
      this.keepPlace(before);
      this.refresh();
    });
    onThemeChange(() => this.stage.isSeen && this.refresh(), signal); // only on the page are colours known
    listenToPointer(this.stage.canvas, this);
    const actions = this.keys();
    this.stage.canvas.onkeydown = (event) => {
      if (!actions[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation(); // or the notebook takes it as a command
      actions[event.key]();
    };
  }
  /** What each key does. */
  keys() {
    const pan = (dx, dy) => () => this.pan(dx, dy);
    const arrows = { ArrowLeft: pan(40, 0), ArrowRight: pan(-40, 0), ArrowUp: pan(0, 40), ArrowDown: pan(0, -40) };
    const zooms = { "+": () => this.zoom(1.3), "=": () => this.zoom(1.3), "-": () => this.zoom(1 / 1.3) };
    return { ...arrows, ...zooms, 0: () => this.reset(), Escape: () => this.put("neuron", null) };
  }
  put(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }
  /** Paint in the next frame, once, however often this is called. */
  draw() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (!this.signal.aborted) this.paint();
    });
  }
  paint() {
    if (!this.stage.isSeen || !this.theme) return;
    if (this.scene) this.paintScene();
    else drawEmpty(this.stage, this.theme);
  }
  /** The camera moved. */
  moved() {
    this.draw();
  }
  pan(dx, dy) {
    this.camera.x += dx;
    this.camera.y += dy;
    this.moved();
  }
  /** Zoom about the point (x, y), which stays where it is. */
  zoom(factor, x = this.stage.width / 2, y = this.stage.height / 2) {
    const then = this.camera;
    const zoom = Math.min(Math.max(then.zoom * factor, 0.3), 400);
    const ratio = zoom / then.zoom;
    this.camera = { zoom, x: x - (x - then.x) * ratio, y: y - (y - then.y) * ratio };
    this.moved();
  }
  /** After another size: what was in the middle stays there, as large as the fitted scene makes it. */
  keepPlace(before) {
    if (!this.scene || !before.width) return;
    const [then, now] = [this.fit(before), this.fit(this.stage)];
    const { zoom } = this.camera;
    const move = (axis, middle, newMiddle, shift) => {
      const place = ((middle - shift) / zoom - then.origin[axis]) / then.scale[axis];
      return newMiddle - (now.origin[axis] + place * now.scale[axis]) * zoom;
    };
    this.camera.x = move(0, before.width / 2, this.stage.width / 2, this.camera.x);
    this.camera.y = move(1, before.height / 2, this.stage.height / 2, this.camera.y);
  }
  reset() {
    this.camera = { ...FITTED };
    this.moved();
  }
  drag(dx, dy) {
    this.pan(dx, dy);
  }
  drop() {}
  /** The neuron at (x, y) in CSS pixels, or -1. */
  find(x, y) {
    if (!this.scene || !this.xs) return -1;
    const { xs, ys, unit, radius } = this; // NaN = hidden
    let [best, least] = [-1, (Math.max(9, radius + 3) * unit) ** 2];
    for (let i = 0; i < xs.length; i++) {
      const distance = (xs[i] - x * unit) ** 2 + (ys[i] - y * unit) ** 2;
      if (distance <= least) [best, least] = [i, distance];
    }
    return best;
  }
  hover(x, y) {
    const found = this.find(x, y);
    showTip(this.tip, this.stage, found < 0 ? null : this.describe(found), x, y);
    this.stage.canvas.style.cursor = found < 0 ? "grab" : "pointer";
    if (found === this.hovered) return;
    this.hovered = found;
    this.draw();
    this.put("hovered", found < 0 ? null : found);
  }
  click(x, y) {
    const found = this.find(x, y);
    this.put("neuron", found < 0 ? null : found);
  }
  /** Draw a neuron at (x, y) on top, in a ring. */
  mark(x, y, fill, color) {
    const { radius, unit, theme } = this;
    const { pen } = this.stage;
    disc(pen, x, y, (radius + 2.5) * unit, theme.background);
    disc(pen, x, y, Math.max(2, radius - 0.5) * unit, fill);
    Object.assign(pen, { strokeStyle: color, lineWidth: 2 * unit });
    pen.beginPath();
    pen.arc(x, y, (radius + 4) * unit, 0, 6.2832);
    pen.stroke();
  }
}

/** The elements around a canvas: title, the stage with its tip, legend, status line; `leave` ends what listens. */
function makeFrame({ model, el }, className) {
  const leaving = new AbortController();
  const title = element("span", { className: "wbc-title" });
  const tip = element("div", { className: "wbc-tip", hidden: true, role: "tooltip" });
  const status = element("div", { className: "wbc-status", "aria-live": "polite" });
  const [holder, legend] = [block("wbc-stage", tip), block("wbc-legend")];
  const open = () => key.setAttribute("aria-expanded", String(legend.classList.toggle("wbc-open")));
  const key = button("legend", "what colours and lines mean; more to choose", open); // where there is no room for all
  key.classList.add("wbc-key");
  const head = block("wbc-head", title, key);
  const root = block(`wbc ${className}`, head, holder, legend, status);
  ownKeys(root);
  el.append(root);
  const resize = () => {
    const height = model.get("height"); // 0: that of the box
    el.classList.toggle("wbc-fills", !height);
    holder.style.minHeight = height ? `${height}px` : "";
  };
  resize();
  observe(model, leaving.signal, { height: resize });
  const leave = () => leaving.abort();
  return { head, title, holder, tip, legend, status, signal: leaving.signal, leave };
}

/** Observe traits of the model until the view is gone. */
function observe(model, signal, handlers) {
  for (const [name, action] of Object.entries(handlers)) {
    model.on(`change:${name}`, action);
    signal.addEventListener("abort", () => model.off(`change:${name}`, action));
  }
}

/** What is drawn while there is no network. */
function drawEmpty(stage, theme) {
  clearStage(stage, theme);
  const { pen } = stage;
  const [cx, cy] = [stage.width / 2, stage.height / 2 - 30];
  const columns = [3, 4, 3, 2].map((n, k) =>
    Array.from({ length: n }, (_, i) => [cx - 60 + 40 * k, cy + (i - (n - 1) / 2) * 22]),
  );
  Object.assign(pen, { strokeStyle: theme.border, lineWidth: 1 });
  for (const [k, column] of columns.slice(1).entries())
    for (const a of columns[k]) for (const b of column) line(pen, ...a, ...b);
  for (const [x, y] of columns.flat()) disc(pen, x, y, 5, theme.border);
  write(stage, theme, "No network selected", cx, cy + 78, { size: 15, weight: 600 });
}

function line(pen, x0, y0, x1, y1) {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}

function disc(pen, x, y, radius, color) {
  pen.fillStyle = color;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 6.2832);
  pen.fill();
}

/** A neuron's dot: a square if it is too small to tell. */
function dab(pen, x, y, radius, least, color) {
  if (radius >= least) return disc(pen, x, y, radius, color);
  pen.fillStyle = color;
  pen.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
}
