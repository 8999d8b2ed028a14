// The network by layers: neurons, edges by sign and weight or by what changed, single or in bundles.

const MARGIN = { left: 46, right: 92, top: 46, bottom: 34 };
const SMALL_MARGIN = { left: 24, right: 70, top: 36, bottom: 16 }; // of a canvas that is less than 360 px high
const STRIP = 0.21; // half a strip's width, in layers

const REACH = 0.3; // a picture of edges goes beyond the canvas by up to this part of it on each side, for panning,
const MOST_PIXELS = 4e6; // as long as it has at most this many pixels

class DagCanvas extends NetworkCanvas {
  constructor(model, frame) {
    super(model, frame, "Network by layers. Arrow keys pan, plus and minus zoom, 0 resets, Escape deselects.");
    this.shows = { kinds: [true, true, true, true, true], skip: true, next: true, most: model.get("most_edges") };
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
      this.scene.bundled = bundleEdges(this.scene);
      const { source, target, kind, skip, strength, passes } = this.scene;
      this.painter.post({ scene: { source, target, kind, skip, strength, passes } });
    }
    this.select();
  }
  refresh() {
    this.theme = readTheme(this.holder);
    this.measure();
    this.report(this);
    this.rerender();
  }
  get isBundled() {
    return this.model.get("bundled") ?? (this.scene?.source.length ?? 0) >= BUNDLED_FROM;
  }
  /** What the colours of neurons tell, and a function that gives them. */
  measure() {
    const { scene, theme } = this;
    const name = this.model.get("colors");
    this.told = scene && theme && !scene.changes ? toldBy(scene, name, this.model.get("picture"), theme) : null;
  }
  recolor() {
    this.measure();
    this.report(this);
    this.draw();
  }
  showEdges() {
    this.shows.most = this.model.get("most_edges");
    this.report(this);
    this.rerender();
  }
  select() {
    const { scene } = this;
    const [neuron, opened] = [this.model.get("neuron"), this.model.get("opened")];
    const known = scene && neuron !== null && neuron !== undefined && neuron < scene.n;
    const isOpen = scene && this.isBundled && opened >= 0;
    this.marks = known ? relatives(scene, neuron) : isOpen ? blockMarks(scene, opened) : null;
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
    const { left, right, top, bottom } = height < 360 ? SMALL_MARGIN : MARGIN;
    const kx = (width - left - right) / Math.max(this.scene.nLayers - 1 + 2 * STRIP, 0.5);
    return { origin: [left + STRIP * kx, top], scale: [kx, height - top - bottom] };
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
    const parts = [...(this.isBundled ? [] : ["all"]), ...(this.marks ? ["lit"] : [])];
    return parts.filter((part) => !isFine(this.pictures[part], part));
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
    this.tell(milliseconds);
  }
  /** Tell Python what is drawn: of bundled edges only those that are lit. */
  tell(milliseconds) {
    const { n, version } = this.scene;
    const picture = this.isBundled ? this.marks && this.pictures.lit : this.pictures.all;
    this.put("drawn", { n_neurons: n, n_edges: picture?.nEdges ?? 0, milliseconds, version });
  }
  paintScene() {
    const { stage, theme, scene, marks } = this;
    const { pen, ratio } = stage;
    const screen = (this.screen = this.project());
    Object.assign(this, { xs: screen.x, ys: screen.y, radius: screen.radius, unit: ratio });
    clearStage(stage, theme);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    if (this.isBundled) this.paintBundled(marks ? 0.13 : 0.8);
    else this.paste(this.pictures.all, marks ? 0.13 : 1);
    this.paste(this.pictures.lit, 1);
    this.paintNeurons();
    if (this.isBundled) paintBlocks(pen, scene, theme, this.model.get("opened"), this.block?.id, ratio);
    const mark = (i, fill, color) => this.mark(screen.x[i], screen.y[i], fill, color);
    if (this.hovered >= 0) mark(this.hovered, this.neuronColor(this.hovered), theme.muted);
    if (marks && !marks.block) mark(marks.neuron, theme.text, theme.text);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.paintLabels();
    const small = { size: 13, align: "left", color: theme.muted };
    if (!this.pictures.all && !this.isBundled)
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
  paintBundled(opacity) {
    const { scene, screen, stage, theme, shows } = this;
    const { pen, ratio } = stage;
    this.edgeWidth = placeBundles(scene, screen, shows, ratio);
    pen.globalAlpha = opacity;
    paintBundles(pen, scene, screen, this.edgeWidth, theme[scene.inks], ratio);
    pen.globalAlpha = 1;
    if (this.started === null || this.job) return;
    const milliseconds = Math.round(performance.now() - this.started);
    this.started = null;
    this.tell(milliseconds);
  }
  /** The block at (x, y) in CSS pixels, if edges are bundled. */
  blockAt(x, y) {
    const { scene, stage } = this;
    return scene && this.isBundled ? blockAt(scene, x * stage.ratio, y * stage.ratio) : null;
  }
  hover(x, y) {
    const found = this.blockAt(x, y);
    const isOpen = found && found.id === this.model.get("opened");
    if (found !== this.block) this.draw();
    this.block = found;
    super.hover(x, y);
    if (!found || (isOpen && this.hovered >= 0)) return;
    showTip(this.tip, this.stage, describeBlock(this.scene, found), x, y);
    this.stage.canvas.style.cursor = "pointer";
  }
  /** A click selects a neuron; if edges are bundled, it opens a block first. */
  click(x, y) {
    const found = this.blockAt(x, y);
    if (!this.isBundled || (found && found.id === this.model.get("opened"))) return super.click(x, y);
    this.put("neuron", null);
    this.put("opened", found?.id ?? -1);
  }
  keys() {
    const escape = () => (this.put("neuron", null), this.put("opened", -1));
    return { ...super.keys(), Escape: escape };
  }
  neuronColor(i) {
    const { theme, marks } = this;
    const state = this.scene.neuronState?.[i];
    if (state) return theme.changes[state].color;
    if (marks) return [theme.border, theme.ancestor, theme.descendant, theme.text][marks.neurons[i]];
    if (state === KEPT) return theme.changes[KEPT].color;
    if (this.told) return this.told.color(i);
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
    const values = this.told?.values ? [`activation ${number(this.told.values[i])}`] : [];
    return [...identity(scene, i), degrees, ...bias, ...values, ...stateLines(scene, i, theme)];
  }
}
