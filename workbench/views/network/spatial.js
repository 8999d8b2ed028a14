// The canvas of the spatial view: neurons at their places over the image, flat or as stacked sheets.

const MOST_LINES = 300; // edges of the selected neuron that are drawn, the heaviest
const TURN = { yaw: -0.5, pitch: 0.62 };

class SpatialCanvas extends NetworkCanvas {
  constructor(model, frame) {
    const keys = "Arrow keys pan, or turn stacked layers; plus and minus zoom, 0 resets,";
    const more = "Page up and Page down change the layer, Escape deselects.";
    super(model, frame, `Neurons over the image. ${keys} ${more}`);
    Object.assign(this, { turn: { ...TURN }, channel: -1, brush: new Brush(this) });
  }
  keys() {
    const escape = () => this.brush.clear() || this.put("neuron", null);
    return { ...super.keys(), PageUp: () => this.step(1), PageDown: () => this.step(-1), Escape: escape };
  }
  load() {
    this.scene = decodeScene(this.model.get("scene"));
    if (this.scene) this.scene.offsets = spreadCoincident(this.scene);
    this.refresh();
  }
  /** Take over all traits and redraw. */
  refresh() {
    if (!this.stage.isSeen) return; // only on the page are colours known
    const get = (name) => this.model.get(name);
    this.theme = readTheme(this.holder);
    for (const name of ["show", "layer", "stacked", "split", "index"]) this[name] = get(name);
    const { scene, theme, channel, stacked, layer } = this;
    if (scene) {
      Object.assign(this, readPicture(scene, get("picture")));
      Object.assign(this, readField(scene, get("field"), channel, theme));
      Object.assign(this, readDensity(scene, get("density"), stacked, layer));
      this.measure = measureOf(scene, this.show);
      this.measured = this.measure && measureColor(this.measure, theme);
    }
    this.report(this);
    this.draw();
  }
  fit(size) {
    return fitSheets(this.scene, size, this.turn, this.stacked);
  }
  paintScene() {
    const { scene, stage, theme, stacked } = this;
    const began = performance.now();
    clearStage(stage, theme);
    this.projector = new Projector(scene, stage, this.camera, this.turn, stacked);
    this.locate();
    if (stacked) for (let layer = 0; layer < scene.nLayers; layer++) this.paintSheet(layer);
    else this.paintFlat();
    this.nLines = 0;
    this.paintLines();
    this.paintChanges();
    this.paintOutputs();
    this.brush.paint();
    if (this.hovered >= 0 && this.hovered < scene.n) this.mark(...this.placeOf(this.hovered), theme.text, theme.muted);
    if (this.field) this.mark(...this.placeOf(this.field.neuron), theme.text, theme.text);
    const shown = this.xs.reduce((n, x) => n + !Number.isNaN(x), 0);
    const milliseconds = Math.round(performance.now() - began);
    const drawn = { n_neurons: shown, n_edges: this.nLines, milliseconds, version: scene.version };
    clearTimeout(this.sending);
    this.sending = setTimeout(() => this.signal.aborted || this.put("drawn", drawn), 100);
  }
  /** Screen places of all neurons that can be clicked; NaN for the others. */
  locate() {
    const { scene, projector, stacked } = this;
    const isShown = (layer) => stacked || layer === scene.nLayers - 1 || this.isFlat(layer);
    this.xs = new Float32Array(scene.n).fill(NaN);
    this.ys = new Float32Array(scene.n).fill(NaN);
    for (let i = 0; i < scene.n; i++) if (isShown(scene.layers[i])) [this.xs[i], this.ys[i]] = this.placeOf(i);
    const crowd = Math.max(...scene.layerSizes.slice(1, -1), 1);
    const side = projector.k * Math.max(...scene.shape.slice(1));
    this.radius = Math.min(6, Math.max(1.5, side / Math.sqrt(crowd) / (stacked ? 7 : 5)));
  }
  /** Whether a layer is drawn on the flat image: all but the inputs, or the chosen one. */
  isFlat(layer) {
    return this.layer < 0 ? layer > 0 : layer === this.layer;
  }
  placeOf(i) {
    const { scene, projector } = this;
    if (kindOf(scene, i) === "output")
      return projector.place(...outputPlace(scene, i - scene.nInputs, this.stacked), scene.nLayers - 1);
    const [row, column] = [0, 1].map((axis) => scene.positions[2 * i + axis] + scene.offsets[2 * i + axis]);
    return projector.place(row, column, scene.layers[i]);
  }
  paintFlat() {
    const seesField = this.show === "receptive field";
    const faint = seesField || this.show.endsWith("density");
    this.overlay(0, seesField ? this.grey : this.image, faint ? 0.3 : 0.4);
    this.overlay(0, this.densityPictures?.[0]);
    if (seesField) this.overlay(0, this.fieldPicture);
    this.outlineSheet(0, 1);
    for (let layer = 0; layer < this.scene.nLayers - 1; layer++) if (this.isFlat(layer)) this.paintDots(layer, 1);
  }
  paintSheet(layer) {
    const { scene, stage, theme } = this;
    const { pen } = stage;
    const strong = this.layer < 0 || this.layer === layer;
    this.projector.onto(pen, layer, stage.ratio);
    Object.assign(pen, { globalAlpha: strong ? 0.55 : 0.2, fillStyle: theme.dark ? "#303030" : "#f3f3f3" });
    pen.fillRect(0, 0, scene.shape[2], scene.shape[1]);
    const seesField = this.show === "receptive field";
    if (layer === 0) this.overlay(0, seesField ? this.grey : this.image, strong ? 0.9 : 0.4);
    else this.overlay(layer, this.densityPictures?.[layer], strong ? 0.9 : 0.15);
    if (layer === 0 && seesField) this.overlay(0, this.fieldPicture);
    const corners = this.outlineSheet(layer, strong ? 1 : 0.4);
    const [x, y] = corners.reduce((a, b) => (b[0] < a[0] ? b : a));
    write(stage, theme, layer === 0 ? "image" : layerName(scene, layer), x - 8, y + 4, { align: "right" });
    if (layer > 0 && layer < scene.nLayers - 1) this.paintDots(layer, strong ? 1 : 0.12);
  }
  overlay(layer, picture, opacity = 1) {
    if (!picture) return;
    const { pen, ratio } = this.stage;
    this.projector.onto(pen, layer, ratio);
    Object.assign(pen, { imageSmoothingEnabled: false, globalAlpha: opacity });
    pen.drawImage(picture, 0, 0);
  }
  /** Frame the image on a layer's sheet; from here on `pen` draws on the screen again. */
  outlineSheet(layer, opacity) {
    const { pen, ratio } = this.stage;
    const [, height, width] = this.scene.shape;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const image = { top: -0.5, left: -0.5, bottom: height - 0.5, right: width - 0.5 };
    const corners = this.projector.outline(pen, layer, image);
    Object.assign(pen, { globalAlpha: opacity, strokeStyle: this.theme.border, lineWidth: 1 });
    pen.stroke();
    pen.globalAlpha = 1;
    return corners;
  }
  dotColor(i, layer) {
    const { theme, scene } = this;
    if (scene.neuronState) return theme.changes[scene.neuronState[i]].color;
    if (this.show === "activations" && this.values)
      return `rgb(${scaleColor(this.values[i] / this.hiddenMost).join(" ")})`;
    if (this.measure) return this.measured(i);
    if (this.show === "receptive field" || layer === 0) return theme.muted;
    return theme.layers[(layer - 1) % theme.layers.length];
  }
  paintDots(layer, opacity) {
    const { scene, xs, ys, values, show } = this;
    const { pen } = this.stage;
    if (show.endsWith("density")) return;
    const active = show === "activations" && values;
    const faint = show === "receptive field";
    const members = [...scene.layers.keys()].filter((i) => scene.layers[i] === layer && !Number.isNaN(xs[i]));
    const height = scene.neuronState ?? (active ? values : null); // changed and active neurons on top
    if (height) members.sort((a, b) => height[a] - height[b]);
    for (const i of members) {
      const level = active ? Math.min(1, Math.abs(values[i]) / this.hiddenMost) : 0.5;
      const radius = faint ? Math.min(this.radius, 1.5) : this.radius * (active ? 0.7 + 0.8 * level : 1);
      const isQuiet = (active && level === 0) || scene.neuronState?.[i] === KEPT;
      pen.globalAlpha = opacity * (faint ? 0.25 : isQuiet ? 0.35 : 0.9);
      dab(pen, xs[i], ys[i], radius, 2, this.dotColor(i, layer));
    }
    pen.globalAlpha = 1;
  }
  /** The selected neuron's own edges, heaviest on top. */
  paintLines() {
    if (!this.field || (this.show !== "neurons" && !this.stacked)) return;
    const { others, weights, neuron } = this.field;
    const { pen } = this.stage;
    const order = Array.from(weights.keys()).sort((a, b) => Math.abs(weights[a]) - Math.abs(weights[b]));
    const drawn = order.slice(-MOST_LINES);
    const most = Math.abs(weights[drawn.at(-1)]) || 1;
    const [x, y] = this.placeOf(neuron);
    for (const e of drawn) {
      const { color } = this.theme.weights[Number.isNaN(weights[e]) ? 4 : Number(weights[e] < 0)];
      const size = Math.abs(weights[e]) / most || 0.3;
      Object.assign(pen, { strokeStyle: color, globalAlpha: 0.3 + 0.6 * size, lineWidth: 0.7 + 2 * size });
      line(pen, x, y, ...this.placeOf(others[e]));
    }
    this.nLines += drawn.length;
    pen.globalAlpha = 1;
  }
  /** Changed edges into the layers shown; those into outputs, which have no place, only if stacked. */
  drawnChanges() {
    const { scene, stacked, layer } = this;
    return Array.from(scene.changeState.keys()).filter((e) => {
      const into = scene.layers[scene.changeTarget[e]];
      return (stacked || into !== scene.nLayers - 1) && (layer < 0 || into === layer);
    });
  }
  paintChanges() {
    const { scene, stage, theme } = this;
    if (!scene.changes) return;
    const drawn = this.drawnChanges();
    const { pen } = stage;
    const opacity = Math.min(0.85, Math.max(0.12, 300 / Math.max(drawn.length, 1)));
    Object.assign(pen, { lineWidth: drawn.length < 300 ? 1.8 : 1.1, globalAlpha: opacity });
    for (const [state, { color, dashed }] of theme.changes.entries()) {
      pen.strokeStyle = color;
      pen.setLineDash(dashed ? [4, 3] : []);
      pen.beginPath();
      for (const e of drawn.filter((e) => scene.changeState[e] === state)) {
        pen.moveTo(...this.placeOf(scene.changeSource[e]));
        pen.lineTo(...this.placeOf(scene.changeTarget[e]));
      }
      pen.stroke();
    }
    this.nLines += drawn.length;
    pen.setLineDash([]);
    pen.globalAlpha = 1;
  }
  /** Outputs by class: dots, or bars of their logits on the image. */
  paintOutputs() {
    const { scene, stage, theme, xs, ys, values } = this;
    const { pen } = stage;
    const first = scene.nInputs;
    const active = this.show === "activations" && values;
    const logits = active ? values.subarray(first, first + scene.nOutputs) : null;
    const [low, high] = logits ? [Math.min(...logits), Math.max(...logits)] : [0, 1];
    pen.font = `400 11px ${theme.font}`;
    const taken = []; // labels so far: [right end, height]
    for (let k = 0; k < scene.nOutputs; k++) {
      const [x, y] = [xs[first + k], ys[first + k]];
      const tall = logits ? 3 + (22 * (logits[k] - low)) / (high - low || 1) : 0;
      if (!logits) disc(pen, x, y, 4.5, theme.text);
      pen.fillStyle = logits && logits[k] === high ? theme.layers[1] : theme.text;
      pen.fillRect(x - 4, y + 6 - tall, 8, tall);
      const text = scene.classNames[k] ?? String(k);
      const half = pen.measureText(text).width / 2;
      const isFree = (at) => !taken.some(([end, height]) => x - half < end + 3 && Math.abs(at - height) < 10);
      const height = [y + 19, y + 32, logits ? y - 24 : y - 10].find(isFree);
      if (height === undefined) continue;
      write(stage, theme, text, x, height, { size: 11 });
      taken.push([x + half, height]);
    }
  }
  /** A neuron's value on the image, in words; a list of no line or one. */
  valueLines(i) {
    const word = { input: "value", output: "logit", hidden: "activation" }[kindOf(this.scene, i)];
    return this.values ? [`${word} ${number(this.values[i])}`] : [];
  }
  describe(i) {
    return [...identity(this.scene, i), ...stateLines(this.scene, i, this.theme), ...this.valueLines(i)];
  }
  /** Show the receptive field of one channel, or (-1) of all. */
  showChannel(channel) {
    this.channel = channel;
    this.refresh();
  }
  /** Show another layer. */
  step(by) {
    if (this.scene) this.put("layer", Math.min(Math.max(this.layer + by, -1), this.scene.nLayers - 2));
  }
  reset() {
    this.turn = { ...TURN };
    super.reset();
  }
  /** Arrow keys: move, or turn stacked layers. */
  pan(dx, dy, move = !this.stacked) {
    if (move) return super.pan(dx, dy);
    this.turn.yaw -= dx * 0.008;
    this.turn.pitch = Math.min(1.45, Math.max(0.15, this.turn.pitch + dy * 0.006));
    this.draw();
  }
  drag(dx, dy, event, to) {
    if (this.brush.from || (event.shiftKey && this.brush.isOn)) this.brush.drag(dx, dy, to);
    else this.pan(dx, dy, !this.stacked || event.shiftKey);
  }
  drop() {
    this.brush.drop();
  }
}

/** Chooses a rectangle of the image by dragging with Shift over flat layers; the trait `region` keeps it. */
class Brush {
  constructor(view) {
    Object.assign(this, { view, from: null, drawing: null });
  }
  get isOn() {
    return this.view.model.get("brush") && !this.view.stacked;
  }
  /** The pointer moved by (dx, dy) to (x, y). */
  drag(dx, dy, [x, y]) {
    const { projector } = this.view;
    this.from ??= projector.at(x - dx, y - dy);
    const to = projector.at(x, y);
    const [[top, bottom], [left, right]] = [0, 1].map((axis) => [this.from[axis], to[axis]].sort((a, b) => a - b));
    this.drawing = { top, left, bottom, right };
    this.view.draw();
  }
  drop() {
    if (this.drawing) this.view.put("region", this.drawing);
    this.from = this.drawing = null;
  }
  /** Remove the region; returns whether there was one. */
  clear() {
    const had = this.view.model.get("region")?.top !== undefined;
    if (had) this.view.put("region", {});
    return had;
  }
  paint() {
    const { stage, projector, theme, stacked, scene, model } = this.view;
    const region = this.drawing ?? model.get("region");
    if (!model.get("brush") || region?.top === undefined) return;
    const { pen } = stage;
    Object.assign(pen, { strokeStyle: theme.text, fillStyle: theme.text, lineWidth: 1.5 });
    pen.setLineDash([6, 4]);
    for (let layer = stacked ? 1 : 0; layer < (stacked ? scene.nLayers - 1 : 1); layer++) {
      projector.outline(pen, layer, region);
      pen.globalAlpha = 0.08;
      pen.fill();
      pen.globalAlpha = 1;
      pen.stroke();
    }
    pen.setLineDash([]);
  }
}
