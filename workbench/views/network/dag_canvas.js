// The canvas of the DAG view: neurons by layer, edges by sign and weight; zoom, pan, hover, click.

const MARGIN = { left: 46, right: 92, top: 46, bottom: 34 };

/** Screen coordinates (device pixels) of all neurons for a camera. */
function project(scene, stage, camera) {
  const { width, height, ratio } = stage;
  const strip = 0.21; // half a strip's width, in layers
  const kx = (width - MARGIN.left - MARGIN.right) / Math.max(scene.nLayers - 1 + 2 * strip, 0.5);
  const ky = height - MARGIN.top - MARGIN.bottom;
  const x = new Float32Array(scene.n);
  const y = new Float32Array(scene.n);
  const place = (u, v) => [
    ((MARGIN.left + (u + strip) * kx) * camera.zoom + camera.x) * ratio,
    ((MARGIN.top + v * ky) * camera.zoom + camera.y) * ratio,
  ];
  for (let i = 0; i < scene.n; i++) [x[i], y[i]] = place(scene.x[i], scene.y[i]);
  const crowd = Math.max(...scene.sizes.slice(0, -1), 1);
  const cell = Math.sqrt((2 * strip * kx * ky) / crowd) * camera.zoom; // about the distance of neighbours
  const radius = Math.min(7, Math.max(0.8, 0.26 * cell));
  return {
    x,
    y,
    place,
    radius,
    middle: place(0, 0.5)[1],
    width: Math.round(width * ratio),
    height: Math.round(height * ratio),
  };
}

class DagCanvas {
  constructor(model, holder, tip, signal, report) {
    Object.assign(this, {
      model,
      holder,
      tip,
      signal,
      report,
      camera: new Camera(),
      hovered: -1,
      picture: null,
      lit: null,
    });
    this.shows = { kinds: [true, true, true, true, true], skip: true, next: true };
    this.draw = frameScheduler(() => this.paint(), signal);
    this.stage = makeStage(
      holder,
      "Network by layers. Arrow keys pan, plus and minus zoom, 0 resets, Escape deselects.",
      signal,
      () => this.retheme(),
    );
    onThemeChange(() => this.retheme(), signal);
    signal.addEventListener("abort", () => this.cancel());
    this.listen();
  }
  cancel() {
    clearTimeout(this.timer);
    this.stop?.();
  }
  /** Only a view that is on the page, and so has a size, knows its colours. */
  retheme() {
    this.theme = readTheme(this.holder);
    this.report(this);
    this.rerender(0);
  }
  load() {
    this.cancel();
    this.started = performance.now();
    this.camera.reset();
    this.picture = this.lit = null;
    this.scene = decodeScene(this.model.get("scene"));
    this.select();
  }
  select() {
    const neuron = this.model.get("neuron");
    const known = this.scene && neuron !== null && neuron !== undefined && neuron < this.scene.n;
    this.marks = known ? relatives(this.scene, neuron) : null;
    this.lit = null;
    this.rerender(0);
    this.report(this);
  }
  /** Draw all edges again, after `wait` ms without another call; meanwhile the last picture is moved along. */
  rerender(wait = 120) {
    this.cancel();
    if (!this.scene) return this.draw();
    this.timer = setTimeout(() => this.render(), wait);
    this.draw();
  }
  render() {
    const { scene, stage, theme } = this;
    if (!stage.width || !theme) return;
    const began = this.started ?? performance.now();
    const camera = this.camera.copy();
    const screen = project(scene, stage, camera);
    const both = this.both(screen);
    this.stop = runInSlices(both, 14, ({ all, lit }) => {
      this.picture = { ...all, camera };
      this.lit = lit && { ...lit, camera };
      this.started = null;
      this.paint();
      const milliseconds = Math.round(performance.now() - began);
      this.model.set("drawn", { n_neurons: scene.n, n_edges: all.nEdges, milliseconds, version: scene.version });
      this.model.save_changes();
    });
  }
  *both(screen) {
    const { scene, shows, theme, stage } = this;
    const all = yield* renderEdges(scene, screen, shows, null, theme, stage.ratio);
    const lit = this.marks && (yield* renderEdges(scene, screen, shows, this.marks.edges, theme, stage.ratio));
    return { all, lit };
  }
  paint() {
    if (!this.stage?.width || !this.theme) return;
    if (!this.scene)
      return drawEmpty(this.stage, this.theme, "No network selected", "Click a point of the front, or set .genome");
    const { stage, theme, scene } = this;
    this.screen = project(scene, stage, this.camera);
    clearStage(stage, theme);
    stage.pen.setTransform(1, 0, 0, 1, 0, 0);
    this.paste(this.picture, this.marks ? 0.13 : 1);
    if (this.marks) this.paste(this.lit, 1);
    this.paintNeurons();
    stage.pen.setTransform(stage.ratio, 0, 0, stage.ratio, 0, 0);
    this.paintLabels();
    if (!this.picture) this.note(`drawing ${count(scene.source.length)} edges …`);
  }
  /** The last picture, moved and scaled to where the camera is now. */
  paste(picture, opacity) {
    if (!picture) return;
    const { pen, ratio } = this.stage;
    const { bitmap, camera: then } = picture;
    const scale = this.camera.zoom / then.zoom;
    pen.globalAlpha = opacity;
    const [x, y] = [(this.camera.x - then.x * scale) * ratio, (this.camera.y - then.y * scale) * ratio];
    pen.drawImage(bitmap, x, y, bitmap.width * scale, bitmap.height * scale);
    pen.globalAlpha = 1;
  }
  /** Whether a neuron lies on top of the others and is never too small to see. */
  stands(i) {
    return this.marks?.neurons[i] > 0 || this.scene.neuronState?.[i] > 0;
  }
  neuronColor(i) {
    const state = this.scene.neuronState?.[i];
    if (state) return this.theme.edges[CHANGE_INKS[state].key];
    if (this.marks?.neurons[i] === 1) return ANCESTOR;
    if (this.marks?.neurons[i] === 2) return DESCENDANT;
    if (this.marks) return this.theme.border;
    if (this.scene.neuronState) return this.theme.edges.kept;
    return i < this.scene.nInputs ? this.theme.muted : this.theme.text;
  }
  paintNeurons() {
    const { scene, screen, stage, marks } = this;
    const { pen, ratio } = stage;
    const radius = screen.radius * ratio;
    for (let pass = 0; pass < (marks || scene.neuronState ? 2 : 1); pass++) {
      for (let i = 0; i < scene.n; i++) {
        const [x, y] = [screen.x[i], screen.y[i]];
        if (x < -9 || y < -9 || x > screen.width + 9 || y > screen.height + 9) continue;
        if (this.stands(i) !== (pass === 1)) continue;
        pen.fillStyle = this.neuronColor(i);
        const size = pass === 1 ? Math.max(radius, 2.6 * ratio) : radius;
        if (size < 2.5) pen.fillRect(x - size, y - size, 2 * size, 2 * size);
        else disc(pen, x, y, size);
      }
    }
    for (const [i, color] of [
      [this.hovered, this.theme.muted],
      [marks ? marks.neuron : -1, this.theme.text],
    ]) {
      if (i < 0) continue;
      pen.fillStyle = this.theme.background;
      disc(pen, screen.x[i], screen.y[i], radius + 2 * ratio);
      pen.fillStyle = i === marks?.neuron ? this.theme.text : this.neuronColor(i);
      disc(pen, screen.x[i], screen.y[i], radius);
      ring(pen, screen.x[i], screen.y[i], radius + 4 * ratio, color, 2 * ratio);
    }
  }
  paintLabels() {
    const { scene, stage, theme, screen } = this;
    const { pen, ratio, width } = stage;
    pen.fillStyle = theme.background;
    pen.globalAlpha = 0.85;
    pen.fillRect(0, 0, width, 26);
    pen.globalAlpha = 1;
    pen.font = `12px ${theme.font}`;
    pen.textAlign = "center";
    let end = -1e9;
    for (let layer = 0; layer < scene.nLayers; layer++) {
      const x = screen.place(layer, 0)[0] / ratio;
      const name = layer === 0 ? "inputs" : layer === scene.nLayers - 1 ? "outputs" : `layer ${layer}`;
      const text = `${name} · ${count(scene.sizes[layer])}`;
      const half = pen.measureText(text).width / 2;
      if (x - half < end + 8 || x < 0 || x > width) continue;
      pen.fillStyle = theme.text;
      pen.fillText(text, Math.min(Math.max(x, half + 6), width - half - 6), 18);
      end = x + half;
    }
    this.paintClasses();
  }
  paintClasses() {
    const { scene, stage, theme, screen } = this;
    const { pen, ratio } = stage;
    pen.textAlign = "left";
    let end = -1e9;
    for (let k = 0; k < scene.nOutputs; k++) {
      const [x, y] = [screen.x[scene.nInputs + k] / ratio, screen.y[scene.nInputs + k] / ratio];
      if (y < end + 12 || y < 30) continue;
      pen.fillStyle = theme.text;
      pen.fillText(scene.names[k] ?? `class ${k}`, x + screen.radius + 8, y + 4);
      end = y;
    }
  }
  note(text) {
    const { pen, height } = this.stage;
    pen.fillStyle = this.theme.muted;
    pen.font = `13px ${this.theme.font}`;
    pen.textAlign = "left";
    pen.fillText(text, 12, height - 12);
  }
  at(x, y) {
    if (!this.screen || !this.scene) return -1;
    const { ratio } = this.stage;
    return nearest(this.screen.x, this.screen.y, x * ratio, y * ratio, Math.max(9, this.screen.radius + 3) * ratio);
  }
  hover(x, y) {
    const found = this.at(x, y);
    showTip(this.tip, this.stage, found < 0 ? null : describe(this.scene, found), x, y);
    this.stage.canvas.style.cursor = found < 0 ? "grab" : "pointer";
    if (found === this.hovered) return;
    this.hovered = found;
    this.draw();
    this.model.set("hovered", found < 0 ? null : found);
    this.model.save_changes();
  }
  click(neuron) {
    this.model.set("neuron", neuron < 0 ? null : neuron);
    this.model.save_changes();
  }
  move(change) {
    change(this.camera);
    this.rerender();
  }
  zoom(factor, x = this.stage.width / 2, y = this.stage.height / 2) {
    this.move((camera) => camera.zoomAt(factor, x, y));
  }
  reset() {
    this.move((camera) => camera.reset());
  }
  listen() {
    const pan = (dx, dy) => () => this.move((camera) => camera.pan(dx, dy));
    listenToPointer(this.stage.canvas, this.signal, {
      drag: (dx, dy) => pan(dx, dy)(),
      click: (x, y) => this.click(this.at(x, y)),
      hover: (x, y) => this.hover(x, y),
      wheel: (factor, x, y) => this.zoom(factor, x, y),
    });
    listenToKeys(this.stage.canvas, this.signal, {
      "+": () => this.zoom(1.3),
      "=": () => this.zoom(1.3),
      "-": () => this.zoom(1 / 1.3),
      0: () => this.reset(),
      ArrowLeft: pan(50, 0),
      ArrowRight: pan(-50, 0),
      ArrowUp: pan(0, 50),
      ArrowDown: pan(0, -50),
      Escape: () => this.click(-1),
    });
  }
}
