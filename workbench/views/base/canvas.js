// What the canvas views share: theme, an opaque canvas that follows its box, a camera, pointer and keys.

const OKABE_ITO = {
  light: {
    positive: "#0072B2",
    negative: "#D55E00",
    sharedPositive: "#009E73",
    sharedNegative: "#CC79A7",
    blank: "#8A8A8A",
    kept: "#9A9A9A",
    added: "#0072B2",
    removed: "#D55E00",
    nowShared: "#009E73",
  },
  dark: {
    positive: "#56B4E9",
    negative: "#F0813A",
    sharedPositive: "#2CC295",
    sharedNegative: "#E3A3C6",
    blank: "#8A8A8A",
    kept: "#7C7C7C",
    added: "#56B4E9",
    removed: "#F0813A",
    nowShared: "#2CC295",
  },
};
const LAYER_COLORS = {
  light: ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8200"],
  dark: ["#56B4E9", "#E69F00", "#2CC295", "#E3A3C6", "#3D8FD1", "#F0813A", "#F0E442"],
};
const ANCESTOR = "#E69F00";
const DESCENDANT = "#56B4E9";
const CIVIDIS = [
  "#00224E",
  "#123570",
  "#3B496C",
  "#575D6D",
  "#707173",
  "#8A8678",
  "#A59C74",
  "#C3B369",
  "#E1CC55",
  "#FEE838",
];

/** A typed array from what a trait of bytes arrives as (a DataView, at any offset). */
function decode(view, Type) {
  if (!view) return new Type(0);
  const bytes = ArrayBuffer.isView(view)
    ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    : new Uint8Array(view);
  return new Type(bytes.slice().buffer);
}

const scratch = document.createElement("canvas").getContext("2d");
function rgb(color) {
  scratch.fillStyle = "#000";
  scratch.fillStyle = color;
  const hex = scratch.fillStyle;
  if (hex[0] !== "#")
    return hex
      .match(/[\d.]+/g)
      .slice(0, 3)
      .map(Number);
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/** Colours in use, from JupyterLab's CSS variables where they exist. */
function readTheme(node) {
  const style = getComputedStyle(node);
  const get = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  const background = get("--wbc-background", "#fff");
  const [r, g, b] = rgb(background);
  const dark = 0.299 * r + 0.587 * g + 0.114 * b < 128;
  const mode = dark ? "dark" : "light";
  return {
    dark,
    background,
    text: get("--wbc-text", dark ? "#eee" : "#222"),
    muted: get("--wbc-muted", dark ? "#aaa" : "#666"),
    border: get("--wbc-border", dark ? "#555" : "#ccc"),
    font: get("--wbc-font", "system-ui, sans-serif"),
    edges: OKABE_ITO[mode],
    layers: LAYER_COLORS[mode],
  };
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

/** An opaque canvas filling `holder`, in device pixels; sizes in CSS pixels. */
function makeStage(holder, label, signal, onResize) {
  const canvas = element("canvas", { className: "wbc-canvas", tabIndex: 0, role: "application", "aria-label": label });
  holder.append(canvas);
  const stage = { canvas, pen: canvas.getContext("2d", { alpha: false }), width: 0, height: 0, ratio: 1 };
  const fit = () => {
    const { clientWidth: width, clientHeight: height } = holder; // without its border
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    if (width < 2 || height < 2) return;
    if (Math.round(width * ratio) === canvas.width && Math.round(height * ratio) === canvas.height && stage.width)
      return;
    Object.assign(stage, { width, height, ratio });
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    onResize();
  };
  const observer = new ResizeObserver(fit);
  observer.observe(holder);
  signal.addEventListener("abort", () => observer.disconnect());
  fit();
  return stage;
}

/** Start a frame: CSS pixels, background filled. */
function clearStage(stage, theme) {
  const { pen } = stage;
  pen.setTransform(stage.ratio, 0, 0, stage.ratio, 0, 0);
  pen.globalAlpha = 1;
  pen.setLineDash([]);
  pen.fillStyle = theme.background;
  pen.fillRect(0, 0, stage.width, stage.height);
}

/** Zoom and pan: screen = fitted · zoom + (x, y). */
class Camera {
  constructor() {
    this.reset();
  }
  reset() {
    Object.assign(this, { zoom: 1, x: 0, y: 0 });
  }
  zoomAt(factor, cx, cy) {
    const zoom = Math.min(Math.max(this.zoom * factor, 0.3), 400);
    const ratio = zoom / this.zoom;
    Object.assign(this, { zoom, x: cx - (cx - this.x) * ratio, y: cy - (cy - this.y) * ratio });
  }
  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
  }
  copy() {
    return { zoom: this.zoom, x: this.x, y: this.y };
  }
}

/** One call of `draw` per frame, however often it is asked for. */
function frameScheduler(draw, signal) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (!signal.aborted) draw();
    });
  };
}

/** Pointer: dragging moves (and drops), a press alone clicks, moving alone hovers; the wheel zooms a focused canvas. */
function listenToPointer(canvas, signal, { drag, drop = () => {}, click, hover, wheel }) {
  let from = null;
  let moved = false;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const on = (name, action, more = {}) => canvas.addEventListener(name, action, { signal, ...more });
  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    from = place(event);
    moved = false;
    canvas.setPointerCapture(event.pointerId);
  });
  on("pointermove", (event) => {
    const [x, y] = place(event);
    if (!from) return hover(x, y);
    if (!moved && Math.hypot(x - from[0], y - from[1]) < 4) return;
    moved = true;
    drag(x - from[0], y - from[1], event, [x, y]);
    from = [x, y];
  });
  on("pointerup", (event) => {
    if (from && !moved) click(...place(event));
    if (from && moved) drop();
    from = null;
  });
  on("pointercancel", () => (from = null));
  on("pointerleave", () => hover(-1e9, -1e9));
  const zoom = (event) => {
    if (document.activeElement !== canvas && canvas.getRootNode().activeElement !== canvas && !event.ctrlKey) return;
    event.preventDefault(); // an unfocused canvas lets the page scroll
    wheel(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), ...place(event));
  };
  on("wheel", zoom, { passive: false });
}

/** Keys of a focused canvas: `actions` maps a key's name to what it does. */
function listenToKeys(canvas, signal, actions) {
  const press = (event) => {
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation(); // or the notebook takes it as a command
    action();
  };
  canvas.addEventListener("keydown", press, { signal });
}

/** Index of the nearest of the points (screen coordinates, NaN = hidden) within `reach` pixels, or -1. */
function nearest(xs, ys, x, y, reach) {
  let best = -1;
  let least = reach * reach;
  for (let i = 0; i < xs.length; i++) {
    const distance = (xs[i] - x) ** 2 + (ys[i] - y) ** 2;
    if (distance <= least) [best, least] = [i, distance];
  }
  return best;
}

/** The deliberate empty state. */
function drawEmpty(stage, theme, title, hint) {
  clearStage(stage, theme);
  const { pen } = stage;
  const [cx, cy] = [stage.width / 2, stage.height / 2 - 30];
  const columns = [
    [-60, 3],
    [-20, 4],
    [20, 3],
    [60, 2],
  ].map(([dx, n]) => Array.from({ length: n }, (_, i) => [cx + dx, cy + (i - (n - 1) / 2) * 22]));
  pen.strokeStyle = pen.fillStyle = theme.border;
  pen.lineWidth = 1;
  for (let k = 1; k < columns.length; k++)
    for (const a of columns[k - 1]) for (const b of columns[k]) line(pen, ...a, ...b);
  for (const [x, y] of columns.flat()) disc(pen, x, y, 5);
  pen.textAlign = "center";
  pen.fillStyle = theme.text;
  pen.font = `600 15px ${theme.font}`;
  pen.fillText(title, cx, cy + 78);
  pen.fillStyle = theme.muted;
  pen.font = `13px ${theme.font}`;
  pen.fillText(hint, cx, cy + 100);
}

function line(pen, x0, y0, x1, y1) {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}

function disc(pen, x, y, radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 6.2832);
  pen.fill();
}

function ring(pen, x, y, radius, color, width) {
  pen.strokeStyle = color;
  pen.lineWidth = width;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 6.2832);
  pen.stroke();
}
