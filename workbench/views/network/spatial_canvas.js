// The canvas of the spatial view: neurons at their places over the image, flat or as stacked sheets.

const MOST_LINES = 300; // edges of the selected neuron that are drawn, the heaviest

class SpatialCanvas {
  constructor(model, holder, tip, signal, report) {
    Object.assign(this, {
      model,
      holder,
      tip,
      signal,
      report,
      camera: new Camera(),
      turn: { yaw: -0.5, pitch: 0.62 },
      hovered: -1,
      channel: -1,
      brush: new Brush(this),
    });
    this.draw = frameScheduler(() => this.paint(), signal);
    this.stage = makeStage(
      holder,
      "Neurons over the image. Arrow keys pan, or turn stacked layers; plus and minus zoom, 0 resets, " +
        "Page up and Page down change the layer, Escape deselects.",
      signal,
      () => this.refresh(),
    );
    this.listen();
    onThemeChange(() => this.refresh(), signal);
  }
  load() {
    this.scene = decodeSpace(this.model.get("scene"));
    this.refresh();
  }
  /** Take over all traits and redraw. */
  refresh() {
    const get = (name) => this.model.get(name);
    if (!this.stage?.width) return; // only a view that is on the page knows its colours
    this.theme = readTheme(this.holder);
    for (const name of ["show", "layer", "stacked", "split", "index"]) this[name] = get(name);
    const { scene, theme, channel, stacked, layer } = this;
    if (scene) {
      Object.assign(this, readPicture(scene, get("picture")));
      Object.assign(this, readField(scene, get("field"), channel, theme));
      Object.assign(this, readDensity(scene, get("density"), stacked, layer));
    }
    this.report(this);
    this.draw();
  }
  paint() {
    const { scene, stage, theme } = this;
    if (!theme) return;
    if (!scene) return drawEmpty(stage, theme, "No network selected", "Click a point of the front, or set .genome");
    const began = performance.now();
    clearStage(stage, theme);
    this.projector = new Projector(scene, stage, this.camera, this.turn, this.stacked);
    this.locate();
    if (this.stacked) for (let layer = 0; layer < scene.nLayers; layer++) this.paintSheet(layer);
    else this.paintFlat();
    this.paintLines();
    paintChanges(this);
    paintOutputs(this);
    this.brush.paint();
    this.paintMarks();
    const shown = this.xs.reduce((n, x) => n + !Number.isNaN(x), 0);
    this.sendDrawn({
      n_neurons: shown,
      n_edges: this.nLines,
      milliseconds: Math.round(performance.now() - began),
      version: scene.version,
    });
  }
  sendDrawn(drawn) {
    clearTimeout(this.sending);
    this.sending = setTimeout(() => {
      if (this.signal.aborted) return;
      this.model.set("drawn", drawn);
      this.model.save_changes();
    }, 100);
  }
  isShown(i) {
    const layer = this.scene.layers[i];
    if (layer === this.scene.nLayers - 1) return true;
    if (this.stacked) return true;
    return this.layer < 0 ? layer > 0 : layer === this.layer;
  }
  /** Screen places of all neurons that can be clicked; NaN for the others. */
  locate() {
    const { scene, projector } = this;
    this.xs = new Float32Array(scene.n).fill(NaN);
    this.ys = new Float32Array(scene.n).fill(NaN);
    for (let i = 0; i < scene.n; i++) if (this.isShown(i)) [this.xs[i], this.ys[i]] = this.placeOf(i);
    const crowd = Math.max(...scene.sizes.slice(1, -1), 1);
    this.radius = Math.min(
      6,
      Math.max(1.5, (projector.k * Math.max(...scene.shape.slice(1))) / Math.sqrt(crowd) / (this.stacked ? 7 : 5)),
    );
  }
  placeOf(i) {
    const { scene, projector } = this;
    const k = i - scene.nInputs;
    if (k >= 0 && k < scene.nOutputs) return projector.place(...outputPlace(scene, k, this.stacked), scene.nLayers - 1);
    const [row, column] = [
      scene.positions[2 * i] + scene.offsets[2 * i],
      scene.positions[2 * i + 1] + scene.offsets[2 * i + 1],
    ];
    return projector.place(row, column, scene.layers[i]);
  }
  paintFlat() {
    this.overlay(
      0,
      this.show === "receptive field" ? this.grey : this.image,
      this.show === "neurons" || this.show === "activations" ? 0.4 : 0.3,
    );
    this.overlay(0, this.densityPictures?.[0]);
    if (this.show === "receptive field") this.overlay(0, this.fieldPicture);
    outlineSheet(this, 0, 1);
    const last = this.scene.nLayers - 1;
    for (let layer = 0; layer < last; layer++)
      if (this.layer < 0 ? layer > 0 : layer === this.layer) this.paintDots(layer, 1);
  }
  paintSheet(layer) {
    const { scene, stage, theme } = this;
    const { pen } = stage;
    const strong = this.layer < 0 || this.layer === layer;
    this.projector.onto(pen, layer, stage.ratio);
    pen.globalAlpha = strong ? 0.55 : 0.2;
    pen.fillStyle = theme.dark ? "#303030" : "#f3f3f3";
    pen.fillRect(0, 0, scene.shape[2], scene.shape[1]);
    if (layer === 0) this.overlay(0, this.show === "receptive field" ? this.grey : this.image, strong ? 0.9 : 0.4);
    if (layer > 0) this.overlay(layer, this.densityPictures?.[layer], strong ? 0.9 : 0.15);
    if (layer === 0 && this.show === "receptive field") this.overlay(0, this.fieldPicture);
    outlineSheet(this, layer, strong ? 1 : 0.4);
    labelSheet(this, layer);
    if (layer > 0 && layer < scene.nLayers - 1) this.paintDots(layer, strong ? 1 : 0.12);
  }
  overlay(layer, picture, opacity = 1) {
    if (!picture) return;
    const { pen, ratio } = this.stage;
    this.projector.onto(pen, layer, ratio);
    pen.imageSmoothingEnabled = false;
    pen.globalAlpha = opacity;
    pen.drawImage(picture, 0, 0);
    this.plain();
  }
  plain() {
    const { pen, ratio } = this.stage;
    pen.globalAlpha = 1;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  }
  dotColor(i, layer) {
    const state = this.scene.changes?.neuronState[i];
    if (state !== undefined) return this.theme.edges[CHANGE_INKS[state].key];
    if (this.show === "activations" && this.values)
      return `rgb(${scaleColor(this.values[i] / this.hiddenMost).join(" ")})`;
    if (this.show === "receptive field" || layer === 0) return this.theme.muted;
    return this.theme.layers[(layer - 1) % this.theme.layers.length];
  }
  paintDots(layer, opacity) {
    const { scene, stage, xs, ys } = this;
    const { pen } = stage;
    if (this.show.endsWith("density")) return;
    const active = this.show === "activations" && this.values;
    const members = [];
    for (let i = 0; i < scene.n; i++) if (scene.layers[i] === layer && !Number.isNaN(xs[i])) members.push(i);
    if (active) members.sort((a, b) => this.values[a] - this.values[b]); // the most active on top
    const states = scene.changes?.neuronState;
    if (states) members.sort((a, b) => states[a] - states[b]); // what changed on top
    const faint = this.show === "receptive field";
    for (const i of members) {
      const level = active ? Math.min(1, Math.abs(this.values[i]) / this.hiddenMost) : 0.5;
      const radius = faint ? Math.min(this.radius, 1.5) : this.radius * (active ? 0.7 + 0.8 * level : 1);
      const isQuiet = (active && level === 0) || states?.[i] === KEPT;
      pen.globalAlpha = opacity * (faint ? 0.25 : isQuiet ? 0.35 : 0.9);
      pen.fillStyle = this.dotColor(i, layer);
      if (radius < 2) pen.fillRect(xs[i] - radius, ys[i] - radius, 2 * radius, 2 * radius);
      else disc(pen, xs[i], ys[i], radius);
    }
    pen.globalAlpha = 1;
  }
  /** The selected neuron's own edges, heaviest on top. */
  paintLines() {
    this.nLines = 0;
    if (!this.field || (this.show !== "neurons" && !this.stacked)) return;
    const { others, weights, neuron } = this.field;
    const { pen } = this.stage;
    const order = Array.from(weights.keys())
      .sort((a, b) => Math.abs(weights[a]) - Math.abs(weights[b]))
      .slice(-MOST_LINES);
    const most = Math.abs(weights[order.at(-1)]) || 1;
    const [x, y] = this.placeOf(neuron);
    for (const e of order) {
      pen.strokeStyle = Number.isNaN(weights[e])
        ? this.theme.edges.blank
        : this.theme.edges[weights[e] < 0 ? "negative" : "positive"];
      const size = Math.abs(weights[e]) / most || 0.3;
      pen.globalAlpha = 0.3 + 0.6 * size;
      pen.lineWidth = 0.7 + 2 * size;
      line(pen, x, y, ...this.placeOf(others[e]));
    }
    this.nLines = order.length;
    pen.globalAlpha = 1;
  }
  paintMarks() {
    const { pen } = this.stage;
    const mark = (i, color, width) => {
      if (i < 0 || i >= this.scene.n) return;
      const [x, y] = this.placeOf(i);
      pen.fillStyle = this.theme.background;
      disc(pen, x, y, this.radius + 2.5);
      pen.fillStyle = this.theme.text;
      disc(pen, x, y, Math.max(2, this.radius - 0.5));
      ring(pen, x, y, this.radius + 4, color, width);
    };
    mark(this.hovered, this.theme.muted, 1.5);
    mark(this.field ? this.field.neuron : -1, this.theme.text, 2.5);
  }
  hover(x, y) {
    const found = this.scene && this.xs ? nearest(this.xs, this.ys, x, y, Math.max(8, this.radius + 2)) : -1;
    showTip(this.tip, this.stage, found < 0 ? null : this.describe(found), x, y);
    this.stage.canvas.style.cursor = found < 0 ? "grab" : "pointer";
    if (found === this.hovered) return;
    this.hovered = found;
    this.draw();
    this.model.set("hovered", found < 0 ? null : found);
    this.model.save_changes();
  }
  describe(i) {
    const { scene } = this;
    const k = i - scene.nInputs;
    const isOutput = k >= 0 && k < scene.nOutputs;
    const lines = [`neuron ${i}`, isOutput ? `output ${scene.names[k] ?? k}` : `layer ${scene.layers[i]}`];
    if (!isOutput) lines.push(`row ${number(scene.positions[2 * i])}, column ${number(scene.positions[2 * i + 1])}`);
    const state = scene.changes?.neuronState[i];
    if (state) lines.push(CHANGE_INKS[state].name);
    if (this.values)
      lines.push(`${isOutput ? "logit" : i < scene.nInputs ? "value" : "activation"} ${number(this.values[i])}`);
    return lines;
  }
  click(x, y) {
    const found = this.scene ? nearest(this.xs, this.ys, x, y, Math.max(8, this.radius + 2)) : -1;
    this.put("neuron", found < 0 ? null : found);
  }
  put(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }
  step(by) {
    if (this.scene) this.put("layer", Math.min(Math.max(this.layer + by, -1), this.scene.nLayers - 2));
  }
  zoom(factor, x = this.stage.width / 2, y = this.stage.height / 2) {
    this.camera.zoomAt(factor, x, y);
    this.draw();
  }
  reset() {
    this.camera.reset();
    this.turn = { yaw: -0.5, pitch: 0.62 };
    this.draw();
  }
  drag(dx, dy, pan) {
    if (this.stacked && !pan) {
      this.turn.yaw -= dx * 0.008;
      this.turn.pitch = Math.min(1.45, Math.max(0.15, this.turn.pitch + dy * 0.006));
    } else this.camera.pan(dx, dy);
    this.draw();
  }
  listen() {
    listenToPointer(this.stage.canvas, this.signal, {
      drag: (dx, dy, event, to) =>
        this.brush.from || (event.shiftKey && this.brush.isOn)
          ? this.brush.drag(dx, dy, to)
          : this.drag(dx, dy, event.shiftKey),
      drop: () => this.brush.drop(),
      click: (x, y) => this.click(x, y),
      hover: (x, y) => this.hover(x, y),
      wheel: (factor, x, y) => this.zoom(factor, x, y),
    });
    listenToKeys(this.stage.canvas, this.signal, {
      "+": () => this.zoom(1.3),
      "=": () => this.zoom(1.3),
      "-": () => this.zoom(1 / 1.3),
      0: () => this.reset(),
      ArrowLeft: () => this.drag(30, 0),
      ArrowRight: () => this.drag(-30, 0),
      ArrowUp: () => this.drag(0, 30),
      ArrowDown: () => this.drag(0, -30),
      PageUp: () => this.step(1),
      PageDown: () => this.step(-1),
      Escape: () => this.brush.clear() || this.put("neuron", null),
    });
  }
}
