// A network as a graph of modules: what Python drew, with a camera, selection and tips, beside its tree.

const LEGIBLE = 0.8; // zoom below which a network is shown in part, from its input on, rather than all of it
const WIDE = 500; // pixels of a view from which the tree is shown at first
const LARGEST = 1.3; // zoom of a small network

const SVG = "http://www.w3.org/2000/svg";
const svg = (tag, names) => {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(names)) node.setAttribute(name, value);
  return node;
};

class ModulesGraph {
  constructor(model, { holder, tip, signal }, report) {
    Object.assign(this, { model, holder, tip, signal, report, hovered: -1, width: 0, height: 0, camera: null });
    const label = "Graph of modules. Arrow keys pan, plus and minus zoom, 0 resets, Escape deselects.";
    this.root = svg("svg", { class: "wbc-canvas wbm-graph", tabindex: 0, role: "application", "aria-label": label });
    this.layer = svg("g", {});
    this.empty = block("wbm-empty", element("b", { textContent: "No network selected" }));
    this.root.append(this.layer);
    holder.append(this.root, this.empty);
    const observer = new ResizeObserver(() => this.measure());
    observer.observe(holder);
    signal.addEventListener("abort", () => (observer.disconnect(), clearTimeout(this.timer)));
    listenToPointer(this.root, this);
    const pan = (dx, dy) => () => this.drag(dx, dy);
    const keys = { ArrowLeft: pan(40, 0), ArrowRight: pan(-40, 0), ArrowUp: pan(0, 40), ArrowDown: pan(0, -40) };
    const zooms = { "+": () => this.zoom(1.3), "=": () => this.zoom(1.3), "-": () => this.zoom(1 / 1.3) };
    const actions = { ...keys, ...zooms, 0: () => this.reset(), Escape: () => this.select(null) };
    this.root.onkeydown = (event) => {
      if (!actions[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation(); // or the notebook takes it as a command
      actions[event.key]();
    };
  }
  put(values) {
    for (const [name, value] of Object.entries(values)) this.model.set(name, value);
    this.model.save_changes();
  }
  select(key) {
    this.put({ part: key });
  }
  /** Learn the size; another room asks for another layout. */
  measure() {
    const { clientWidth: width, clientHeight: height } = this.holder;
    if (width < 2 || height < 2 || (width === this.width && height === this.height)) return;
    const wasFitted = !this.camera || this.isFitted;
    Object.assign(this, { width, height });
    if (wasFitted) this.reset();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const known = this.model.get("room");
      if (Math.abs(width / known[0] - 1) > 0.05 || Math.abs(height / known[1] - 1) > 0.05) this.put({ room: [width, height] });
    }, 150);
  }
  load() {
    const scene = this.model.get("scene");
    const size = String(this.scene?.size);
    this.scene = scene?.boxes ? scene : null;
    this.layer.innerHTML = this.scene?.svg ?? "";
    this.boxes = [...this.layer.querySelectorAll(".wbm-box")];
    this.links = [...this.layer.querySelectorAll(".wbm-link")];
    this.empty.hidden = Boolean(this.scene);
    this.hovered = -1;
    this.tip.hidden = true;
    this.root.classList.toggle("wbm-compared", Boolean(this.scene?.changes.modules_kept !== undefined));
    if (!this.camera || this.isFitted || String(this.scene?.size) !== size) this.reset();
    this.mark();
    const told = { boxes: this.boxes.length, links: this.links.length, version: this.scene?.version ?? 0 };
    requestAnimationFrame(() => this.signal.aborted || this.put({ drawn: told }));
  }
  /** All of the network if it can be read then, else as much of its beginning, or of what changed, as can be. */
  reset() {
    if (!this.scene || !this.width) return;
    const [width, height] = this.scene.size;
    const fitted = Math.min(this.width / width, this.height / height);
    const zoom = Math.min(Math.max(fitted, Math.min(LEGIBLE, this.width / width)), LARGEST);
    const changed = this.scene.boxes.filter(({ state }) => state).map(({ at }) => at);
    const start = (room, used, axis) => {
      if (used <= room) return (room - used) / 2;
      const [low, high] = [Math.min(...changed.map((at) => at[axis])), Math.max(...changed.map((at) => at[axis] + at[axis + 2]))];
      return changed.length ? Math.min(0, Math.max(room - used, room / 2 - (zoom * (low + high)) / 2)) : 0;
    };
    this.camera = { zoom, x: start(this.width, width * zoom, 0), y: start(this.height, height * zoom, 1) };
    this.isFitted = true;
    this.move();
  }
  move() {
    const { zoom, x, y } = this.camera;
    this.layer.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${zoom.toFixed(4)})`);
    this.root.classList.toggle("wbm-far", zoom < 0.45);
  }
  drag(dx, dy) {
    if (!this.camera) return;
    this.camera.x += dx;
    this.camera.y += dy;
    this.isFitted = false;
    this.move();
  }
  drop() {}
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    if (!this.camera) return;
    const then = this.camera;
    const zoom = Math.min(Math.max(then.zoom * factor, 0.05), 6);
    const ratio = zoom / then.zoom;
    this.camera = { zoom, x: x - (x - then.x) * ratio, y: y - (y - then.y) * ratio };
    this.isFitted = false;
    this.move();
  }
  /** The box at (x, y) in CSS pixels of the holder, or -1. */
  find(x, y) {
    if (!this.scene || !this.camera) return -1;
    const [u, v] = [(x - this.camera.x) / this.camera.zoom, (y - this.camera.y) / this.camera.zoom];
    return this.scene.boxes.findIndex(({ at: [left, top, width, height] }) => u >= left && u <= left + width && v >= top && v <= top + height);
  }
  hover(x, y) {
    const found = this.find(x, y);
    showTip(this.tip, this, found < 0 ? null : this.scene.boxes[found].tip, x, y);
    this.root.style.cursor = found < 0 ? "" : "pointer";
    if (found === this.hovered) return;
    this.boxes[this.hovered]?.classList.remove("wbm-hovered");
    this.boxes[found]?.classList.add("wbm-hovered");
    this.hovered = found;
  }
  click(x, y) {
    const found = this.find(x, y);
    this.select(found < 0 ? null : this.scene.boxes[found].key);
  }
  /** Places of the boxes that a key stands for, and the key of the row that stands for it in the tree. */
  chosen() {
    const key = this.model.get("part");
    if (!this.scene || key === null || key === undefined) return { boxes: [], row: null };
    const row = this.scene.tree.find((one) => one.key === key);
    if (row) return { boxes: row.boxes, row: key };
    const place = this.scene.boxes.findIndex((box) => box.key === key || box.members.includes(key)); // drawn as one
    return place < 0 ? { boxes: [], row: null } : { boxes: [place], row: this.scene.boxes[place].part };
  }
  /** All boxes that lead to, or (`forward`) come from, some of them. */
  reach(from, forward) {
    const next = new Map();
    for (const [source, target] of this.scene.links) {
      const [a, b] = forward ? [source, target] : [target, source];
      next.set(a, [...(next.get(a) ?? []), b]);
    }
    const found = new Set();
    const waiting = [...from];
    while (waiting.length)
      for (const box of next.get(waiting.pop()) ?? []) if (!found.has(box)) (found.add(box), waiting.push(box));
    for (const box of from) found.delete(box);
    return found;
  }
  /** Show what is selected, what it computes from, and what computes from it. */
  mark() {
    const { boxes, row } = this.chosen();
    const isChosen = new Set(boxes);
    const [before, after] = boxes.length ? [this.reach(boxes, false), this.reach(boxes, true)] : [new Set(), new Set()];
    this.root.classList.toggle("wbm-choosing", boxes.length > 0);
    const classes = (node, values) => {
      for (const [name, yes] of Object.entries(values)) node.classList.toggle(`wbm-${name}`, yes);
    };
    this.boxes.forEach((box, place) => {
      classes(box, { chosen: isChosen.has(place), before: before.has(place), after: after.has(place) });
    });
    const isIn = (set, place) => set.has(place) || isChosen.has(place);
    this.links.forEach((link, place) => {
      const [source, target] = this.scene.links[place];
      const within = isChosen.has(source) && isChosen.has(target);
      const leads = isIn(before, source) && isIn(before, target) && !within;
      classes(link, { chosen: within, before: leads, after: !leads && !within && isIn(after, source) && isIn(after, target) });
    });
    this.report({ boxes, row, before, after });
  }
}

/** Numbers of modules by what became of them; or the kinds, by their colours. */
function modulesLegend(scene, theme) {
  if (!scene) return [];
  const kinds = scene.kinds.map(([name, color]) =>
    element("span", { className: "wbc-check" }, element("span", { className: `wbm-dot k${color}` }), ` ${name}`),
  );
  const units = note("in a box: shape of the output · FLOPs");
  if (scene.changes.modules_kept === undefined) return [legendGroup("modules", kinds), units];
  const states = theme.changes.map(({ name, color, dashed }) =>
    legendItem(lineSwatch(color, dashed), name, scene.changes[`modules_${name}`]),
  );
  return [legendGroup("modules", states), legendGroup("kinds", kinds), units];
}

function modulesStatus(scene, marks, theme) {
  if (!scene) return [""];
  if (!marks.boxes.length) return ["Click a module or branch to see what it depends on. Drag to pan; click, then scroll to zoom; keys: arrows, + − 0 Esc."];
  const row = scene.tree.find((one) => one.key === marks.row);
  const told = marks.boxes.length === 1 ? scene.boxes[marks.boxes[0]].tip : [row.label, row.kind, `${count(marks.boxes.length)} boxes`];
  const ends = [dot(theme.ancestor), ` ${count(marks.before.size)} before it  `, dot(theme.descendant), ` ${count(marks.after.size)} after it`];
  return [element("b", { textContent: told.join(" · ") }), "  ", ...ends];
}

/** Buttons for the levels of the tree, for the tree itself, and for the camera. */
function modulesControls(model, graph, pane) {
  const level = () => (model.get("level") < 0 ? Math.max(1, ...openLevels(graph.scene)) : model.get("level"));
  const go = (by) => () => {
    const most = graph.scene?.levels ?? 1;
    graph.put({ toggled: [], level: Math.min(Math.max(level() + by, 0), most) });
  };
  const less = button("− level", "close a level of the tree: draw more parts as one", go(-1));
  const more = button("+ level", "open a level of the tree", go(1));
  const auto = button("auto", "open as many levels as can be read", () => graph.put({ toggled: [], level: -1 }));
  const told = note("");
  const zooms = [
    button("−", "zoom out", () => graph.zoom(1 / 1.5)),
    button("+", "zoom in", () => graph.zoom(1.5)),
    button("reset", "reset the view", () => graph.reset()),
  ];
  const shown = button("tree", "show or hide the tree of the derivation", () => pane.toggle());
  const levels = tools(less, told, more, auto, shown);
  const node = tools(levels, ...zooms);
  const sync = () => {
    const { scene } = graph;
    node.hidden = !scene;
    levels.hidden = !scene?.levels;
    if (!scene) return;
    told.textContent = `level ${level()} of ${scene.levels}`;
    less.disabled = level() <= 0;
    more.disabled = level() >= scene.levels;
    shown.setAttribute("aria-pressed", String(pane.isShown()));
    auto.setAttribute("aria-pressed", String(model.get("level") < 0 && !model.get("toggled").length));
  };
  return { node, sync };
}

/** How many levels of the tree are open along each branch that is. */
const openLevels = (scene) => (scene?.tree ?? []).filter(({ isOpen }) => isOpen).map(({ depth }) => depth + 1);

function render({ model, el }) {
  const frame = makeFrame({ model, el }, "wbm");
  const root = frame.holder.parentElement;
  const put = (values) => graph.put(values);
  const toggle = (key) => {
    const now = model.get("toggled");
    put({ toggled: now.includes(key) ? now.filter((one) => one !== key) : [...now, key] });
  };
  const tree = new TreePane({ select: (part) => put({ part }), toggle, deselect: () => put({ part: null }) });
  const body = block("wbc-space-body wbm-body");
  frame.holder.replaceWith(body);
  body.append(tree.node, frame.holder);
  let wanted = null; // whether the tree is to be seen; null: where there is room for it
  const isShown = () => wanted ?? root.clientWidth >= WIDE;
  const place = () => {
    body.classList.toggle("wbm-bare", !isShown() || !graph.scene?.tree.length);
    controls.sync();
    tree.settle();
  };
  const pane = { isShown, toggle: () => ((wanted = !isShown()), place()) };
  let theme = readTheme(root);
  const report = (marks) => {
    tree.mark(marks.row, marks.before, marks.after);
    frame.status.replaceChildren(...modulesStatus(graph.scene, marks, theme));
  };
  const graph = new ModulesGraph(model, frame, report);
  const controls = modulesControls(model, graph, pane);
  frame.head.append(controls.node);
  const show = () => {
    tree.show(model.get("scene")?.tree ?? []);
    graph.load();
    const { scene } = graph;
    frame.head.hidden = !scene;
    frame.title.textContent = scene ? `${count(scene.modules)} modules` : "";
    frame.legend.replaceChildren(...modulesLegend(scene, theme));
    place();
  };
  const repaint = () => {
    theme = readTheme(root);
    theme.kinds.forEach((color, place) => root.style.setProperty(`--k${place}`, color));
    theme.changes.forEach(({ color }, place) => root.style.setProperty(`--s${place}`, color));
    root.style.setProperty("--ancestor", theme.ancestor);
    root.style.setProperty("--descendant", theme.descendant);
    frame.legend.replaceChildren(...modulesLegend(graph.scene, theme));
  };
  repaint();
  show();
  onThemeChange(repaint, frame.signal);
  const placed = new ResizeObserver(() => (repaint(), place())); // only on the page are colours and sizes known
  placed.observe(root);
  frame.signal.addEventListener("abort", () => placed.disconnect());
  observe(model, frame.signal, { scene: show, part: () => graph.mark(), level: () => controls.sync(), toggled: () => controls.sync() });
  return frame.leave;
}

export default { render };
