// The network by layers: neurons, edges by sign and weight or by what changed; title, tools, legend and status line.

const MARGIN = { left: 46, right: 92, top: 46, bottom: 34 };
const STRIP = 0.21; // half a strip's width, in layers

const REACH = 0.3; // a picture of edges goes beyond the canvas by up to this part of it on each side, for panning,
const MOST_PIXELS = 4e6; // as long as it has at most this many pixels

class DagCanvas extends NetworkCanvas {
  constructor(model, frame) {
    super(model, frame, "Network by layers. Arrow keys pan, plus and minus zoom, 0 resets, Escape deselects.");
    this.shows = { kinds: [true, true, true, true, true], skip: true, next: true };
    this.nJobs = 0;
    this.look = { all: 0, lit: 0 }; // counts changes of what edges look like, of all and of the lit ones
    this.painter = startPainter((picture) => this.receive(picture));
    this.signal.addEventListener("abort", () => this.leave());
  }
  leave() {
    clearTimeout(this.timer);
    this.painter.close();
  }
  load() {
    this.started = performance.now();
    this.camera = { ...FITTED };
    this.pictures = {};
    this.scene = decodeGraph(this.model.get("scene"));
    if (this.scene) {
      const { source, target, kind, skip, strength, passes } = this.scene;
      this.painter.post({ scene: { source, target, kind, skip, strength, passes } });
    }
    this.select();
  }
  refresh() {
    this.theme = readTheme(this.holder);
    this.report(this);
    this.rerender();
  }
  select() {
    const neuron = this.model.get("neuron");
    const known = this.scene && neuron !== null && neuron !== undefined && neuron < this.scene.n;
    this.marks = known ? relatives(this.scene, neuron) : null;
    delete this.pictures.lit;
    this.rerender("lit");
    this.report(this);
  }
  /** Draw edges again since they look different: all of them, or only (`part`) the lit ones. */
  rerender(part = "all") {
    this.look[part]++;
    if (part === "all") this.look.lit++;
    this.render();
    this.draw();
  }
  moved() {
    this.draw();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.render(), 120); // sharp once the hand rests
    if (!this.job && this.staleParts().some((part) => !this.covers(this.pictures[part]))) this.render();
  }
  fit({ width, height }) {
    const kx = (width - MARGIN.left - MARGIN.right) / Math.max(this.scene.nLayers - 1 + 2 * STRIP, 0.5);
    return { origin: [MARGIN.left + STRIP * kx, MARGIN.top], scale: [kx, height - MARGIN.top - MARGIN.bottom] };
  }
  /** Where everything is, in device pixels: layer u and height v are at `shift` + (u, v) · `scale`. */
  project() {
    const { scene, stage, camera } = this;
    const { width, height, ratio } = stage;
    const { origin, scale: fitted } = this.fit(stage);
    const { zoom } = camera;
    const [kx, ky] = fitted.map((k) => k * zoom * ratio);
    const shift = [(origin[0] * zoom + camera.x) * ratio, (origin[1] * zoom + camera.y) * ratio];
    const box = [camera.x, camera.y, camera.x + width * zoom, camera.y + height * zoom].map((at) => at * ratio);
    const crowd = Math.max(...scene.layerSizes.slice(0, -1), 1);
    const cell = Math.sqrt((2 * STRIP * fitted[0] * fitted[1]) / crowd) * zoom; // about the distance of neighbours
    const view = { width: Math.round(width * ratio), height: Math.round(height * ratio) };
    const [x, y] = [scene.x.map((u) => shift[0] + u * kx), scene.y.map((v) => shift[1] + v * ky)];
    return { x, y, shift, scale: [kx, ky], box, ...view, radius: Math.min(7, Math.max(0.8, 0.26 * cell)) };
  }
  /** The rectangle to draw edges in, in device pixels: the canvas and what is near it, as far as the graph goes. */
  reach({ box, width, height }) {
    const reach = Math.min(REACH, Math.max(0, (Math.sqrt(MOST_PIXELS / (width * height)) - 1) / 2));
    const [dx, dy] = [reach * width, reach * height];
    const [left, top] = [Math.max(box[0], -dx), Math.max(box[1], -dy)].map(Math.floor);
    const [right, bottom] = [Math.min(box[2], width + dx), Math.min(box[3], height + dy)].map(Math.ceil);
    return { left, top, width: Math.max(1, right - left), height: Math.max(1, bottom - top) };
  }
  /** Whether a picture covers what the canvas shows of the graph. */
  covers(picture) {
    if (!picture) return false;
    const { box, width, height } = this.screen;
    const [left, top, right, bottom] = this.placeOf(picture);
    const [x, y] = [Math.min(width, box[2]), Math.min(height, box[3])];
    return left <= Math.max(0, box[0]) + 1 && top <= Math.max(0, box[1]) + 1 && right >= x - 1 && bottom >= y - 1;
  }
  /** Where a picture of edges belongs now, in device pixels: left, top, right, bottom. */
  placeOf({ bitmap, screen: then, area }) {
    const { shift, scale } = this.screen;
    const [kx, ky] = [scale[0] / then.scale[0], scale[1] / then.scale[1]];
    const left = shift[0] + (area.left - then.shift[0]) * kx;
    const top = shift[1] + (area.top - then.shift[1]) * ky;
    return [left, top, left + bitmap.width * kx, top + bitmap.height * ky];
  }
  /** The pictures that are missing, or not as sharp or complete as they could be. */
  staleParts() {
    const { shift, scale } = (this.screen = this.project());
    const isWhole = (v) => Math.abs(v - Math.round(v)) < 0.01;
    const isSharp = ({ screen: then }) =>
      [0, 1].every((axis) => scale[axis] === then.scale[axis] && isWhole(shift[axis] - then.shift[axis]));
    const isFine = (picture, part) => picture?.look === this.look[part] && isSharp(picture) && this.covers(picture);
    return (this.marks ? ["all", "lit"] : ["all"]).filter((part) => !isFine(this.pictures[part], part));
  }
  /** Have the edges drawn where that is needed; what is being drawn is given up. */
  render() {
    clearTimeout(this.timer);
    const { scene, stage, theme, marks, shows } = this;
    this.job = null;
    if (!stage.isSeen || !theme || !scene) return;
    const stale = this.staleParts();
    if (!stale.length) return;
    const [{ screen, look }, area, id] = [this, this.reach(this.screen), ++this.nJobs];
    this.job = { id, screen, area, left: new Set(stale), look: { ...look }, began: performance.now() };
    const unit = this.camera.zoom * stage.ratio;
    const ends = { top: screen.box[1] + 28 * unit - area.top, bottom: screen.box[3] - 6 * unit - area.top };
    const [x, y] = [screen.x.map((at) => at - area.left), screen.y.map((at) => at - area.top)];
    const place = { x, y, ...ends, width: area.width, height: area.height }; // skip edges bow up to the ends
    const parts = Object.fromEntries(stale.map((part) => [part, part === "lit" ? marks.edges : null]));
    const inks = theme[scene.inks].map((ink) => ({ ...ink, rgb: rgb(ink.color) }));
    this.painter.post({ id, screen: place, shows, parts, inks, ratio: stage.ratio });
  }
  /** A picture of edges is done. */
  receive({ id, part, nEdges, bitmap }) {
    const { job } = this;
    if (id !== job?.id) return bitmap.close?.();
    this.pictures[part]?.bitmap.close?.();
    this.pictures[part] = { bitmap, nEdges, screen: job.screen, area: job.area, look: job.look[part] };
    job.left.delete(part);
    this.draw();
    if (job.left.size) return;
    const milliseconds = Math.round(performance.now() - (this.started ?? job.began));
    this.started = this.job = null;
    const { n, version } = this.scene;
    this.put("drawn", { n_neurons: n, n_edges: this.pictures.all.nEdges, milliseconds, version });
  }
  paintScene() {
    const { stage, theme, scene, marks } = this;
    const { pen, ratio } = stage;
    const screen = (this.screen = this.project());
    Object.assign(this, { xs: screen.x, ys: screen.y, radius: screen.radius, unit: ratio });
    clearStage(stage, theme);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    this.paste(this.pictures.all, marks ? 0.13 : 1);
    this.paste(this.pictures.lit, 1);
    this.paintNeurons();
    const mark = (i, fill, color) => this.mark(screen.x[i], screen.y[i], fill, color);
    if (this.hovered >= 0) mark(this.hovered, this.neuronColor(this.hovered), theme.muted);
    if (marks) mark(marks.neuron, theme.text, theme.text);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.paintLabels();
    const small = { size: 13, align: "left", color: theme.muted };
    if (!this.pictures.all)
      write(stage, theme, `drawing ${count(scene.source.length)} edges …`, 12, stage.height - 12, small);
  }
  /** A picture of edges, moved and scaled to where it belongs now. */
  paste(picture, opacity) {
    if (!picture) return;
    const { pen } = this.stage;
    const [left, top, right, bottom] = this.placeOf(picture).map(Math.round);
    pen.globalAlpha = opacity;
    pen.drawImage(picture.bitmap, left, top, right - left, bottom - top);
    pen.globalAlpha = 1;
  }
  neuronColor(i) {
    const { theme, marks } = this;
    const state = this.scene.neuronState?.[i];
    if (state) return theme.changes[state].color;
    if (marks) return [theme.border, theme.ancestor, theme.descendant][marks.neurons[i]];
    if (state === KEPT) return theme.changes[KEPT].color;
    return i < this.scene.nInputs ? theme.muted : theme.text;
  }
  paintNeurons() {
    const { scene, screen, marks, unit } = this;
    const { pen } = this.stage;
    for (const onTop of marks || scene.neuronState ? [false, true] : [false]) {
      const size = Math.max(screen.radius, onTop ? 2.6 : 0) * unit; // on top: never too small to see
      for (let i = 0; i < scene.n; i++) {
        const [x, y] = [screen.x[i], screen.y[i]];
        if (x < -9 || y < -9 || x > screen.width + 9 || y > screen.height + 9) continue;
        if ((marks?.neurons[i] > 0 || scene.neuronState?.[i] > 0) !== onTop) continue;
        dab(pen, x, y, size, 2.5, this.neuronColor(i));
      }
    }
  }
  /** Names of layers above, of classes on the right, as far as there is room. */
  paintLabels() {
    const { scene, stage, theme, screen, unit } = this;
    const { pen, width } = stage;
    Object.assign(pen, { fillStyle: theme.background, globalAlpha: 0.85 });
    pen.fillRect(0, 0, width, 26);
    Object.assign(pen, { globalAlpha: 1, font: `400 12px ${theme.font}` });
    let end = -1e9;
    for (let layer = 0; layer < scene.nLayers; layer++) {
      const x = (screen.shift[0] + layer * screen.scale[0]) / unit;
      const text = `${layerName(scene, layer)} · ${count(scene.layerSizes[layer])}`;
      const half = pen.measureText(text).width / 2;
      if (x - half < end + 8 || x < 0 || x > width) continue;
      write(stage, theme, text, Math.min(Math.max(x, half + 6), width - half - 6), 18);
      end = x + half;
    }
    end = -1e9;
    for (let k = 0; k < scene.nOutputs; k++) {
      const [x, y] = [screen.x[scene.nInputs + k] / unit, screen.y[scene.nInputs + k] / unit];
      if (y < end + 12 || y < 30) continue;
      write(stage, theme, scene.classNames[k] ?? `class ${k}`, x + screen.radius + 8, y + 4, { align: "left" });
      end = y;
    }
  }
  describe(i) {
    const { scene, theme } = this;
    const degree = ({ starts }) => count(starts[i + 1] - starts[i]);
    const degrees = `in-degree ${degree(scene.incoming)}, out-degree ${degree(scene.outgoing)}`;
    const bias = i < scene.nInputs ? [] : [`bias ${number(scene.biases[i])}`];
    return [...identity(scene, i), degrees, ...bias, ...stateLines(scene, i, theme)];
  }
}

/** Checkboxes that are legend, numbers and filter in one. */
function dagLegend(view) {
  const { scene, theme, shows } = view;
  const entry = (choices, key, n, { name, color, dashed }) => {
    const onchange = ({ target }) => ((choices[key] = target.checked), view.rerender());
    const box = element("input", { type: "checkbox", checked: choices[key], onchange });
    return legendItem(lineSwatch(color, dashed), name, n, box);
  };
  const kinds = theme[scene.inks].map((ink, kind) => entry(shows.kinds, kind, scene.counts[kind], ink));
  const reaches = [
    entry(shows, "next", scene.source.length - scene.nSkip, { name: "to the next layer", color: theme.text }),
    entry(shows, "skip", scene.nSkip, { name: "skip", color: theme.text, dashed: true }),
  ];
  const lead = legendGroup(scene.changes ? "which lead" : "edges", reaches);
  if (scene.changes) return [changedNeuronsLegend(scene.changes, theme), legendGroup("edges", kinds), lead];
  const used = kinds.filter((_, kind) => kind < 2 || scene.counts[kind] > 0);
  const text = `thicker and stronger: larger |weight|, up to ${number(scene.full)}`;
  return [legendGroup("weights", used), lead, note(text)];
}

/** One line on the selected neuron, also for screen readers. */
function dagStatus(view) {
  const { scene, marks, theme } = view;
  if (!scene || !theme) return [""];
  const hint = "Click a neuron to highlight its ancestors and descendants. ";
  if (!marks) return [`${hint}Drag to pan; click, then scroll to zoom; keys: arrows, + − 0 Esc.`];
  const facts = element("b", { textContent: view.describe(marks.neuron).join(" · ") });
  const ancestors = [dot(theme.ancestor), ` ${count(marks.ancestors)} ancestors  `];
  return [facts, "  ", ...ancestors, dot(theme.descendant), ` ${count(marks.descendants)} descendants`];
}

function dagTitle(scene) {
  if (!scene) return "Network by layers";
  if (scene.changes) return changeTitle(scene.changes);
  return `${scene.layerSizes.map(count).join(" – ")} neurons, ${count(scene.source.length)} edges`;
}

function render({ model, el }) {
  const frame = makeFrame({ model, el }, "wbc-dag");
  const view = new DagCanvas(model, frame);
  const field = neuronField(view);
  const bar = tools(field.node, ...zoomButtons(view));
  frame.head.append(bar);
  view.report = ({ scene, theme }) => {
    frame.title.textContent = dagTitle(scene);
    frame.legend.replaceChildren(...(scene && theme ? dagLegend(view) : []));
    frame.status.replaceChildren(...dagStatus(view));
    bar.hidden = !scene;
    field.sync();
  };
  view.load();
  observe(model, frame.signal, { scene: () => view.load(), neuron: () => view.select() });
  return frame.leave;
}

export default { render };
