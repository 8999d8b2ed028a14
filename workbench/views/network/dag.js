// The network by layers: neurons, edges by sign and weight or by what changed; title, tools, legend and status line.

const MARGIN = { left: 46, right: 92, top: 46, bottom: 34 };
const STRIP = 0.21; // half a strip's width, in layers

/** Screen coordinates (device pixels) of all neurons for a camera. */
function project(scene, stage, camera) {
  const { width, height, ratio } = stage;
  const kx = (width - MARGIN.left - MARGIN.right) / Math.max(scene.nLayers - 1 + 2 * STRIP, 0.5);
  const ky = height - MARGIN.top - MARGIN.bottom;
  const x = new Float32Array(scene.n);
  const y = new Float32Array(scene.n);
  const place = (u, v) => [
    ((MARGIN.left + (u + STRIP) * kx) * camera.zoom + camera.x) * ratio,
    ((MARGIN.top + v * ky) * camera.zoom + camera.y) * ratio,
  ];
  for (let i = 0; i < scene.n; i++) [x[i], y[i]] = place(scene.x[i], scene.y[i]);
  const crowd = Math.max(...scene.layerSizes.slice(0, -1), 1);
  const cell = Math.sqrt((2 * STRIP * kx * ky) / crowd) * camera.zoom; // about the distance of neighbours
  const radius = Math.min(7, Math.max(0.8, 0.26 * cell));
  const size = { width: Math.round(width * ratio), height: Math.round(height * ratio) };
  return { x, y, place, radius, middle: place(0, 0.5)[1], ...size };
}

class DagCanvas extends NetworkCanvas {
  constructor(model, frame) {
    const keys = "Arrow keys pan, plus and minus zoom, 0 resets, Escape deselects.";
    super(model, frame, `Network by layers. ${keys}`);
    this.shows = { kinds: [true, true, true, true, true], skip: true, next: true };
    this.signal.addEventListener("abort", () => this.cancel());
  }
  cancel() {
    clearTimeout(this.timer);
    this.stop?.();
  }
  load() {
    this.cancel();
    this.started = performance.now();
    this.camera = { ...FITTED };
    this.picture = null;
    this.scene = decodeGraph(this.model.get("scene"));
    this.select();
  }
  refresh() {
    this.theme = readTheme(this.holder);
    this.report(this);
    this.rerender(0);
  }
  select() {
    const neuron = this.model.get("neuron");
    const known = this.scene && neuron !== null && neuron !== undefined && neuron < this.scene.n;
    this.marks = known ? relatives(this.scene, neuron) : null;
    this.lit = null;
    this.rerender(0);
    this.report(this);
  }
  moved() {
    this.rerender();
  }
  /** Draw all edges again, after `wait` ms without another call; meanwhile the last picture moves with the camera. */
  rerender(wait = 120) {
    this.cancel();
    if (this.scene) this.timer = setTimeout(() => this.render(), wait);
    this.draw();
  }
  render() {
    const { scene, stage, theme } = this;
    if (!stage.width || !theme) return;
    const began = this.started ?? performance.now();
    const camera = { ...this.camera }; // it may move before the picture is ready
    this.stop = runInSlices(this.renderBoth(project(scene, stage, camera)), 14, ({ all, lit }) => {
      this.picture = { ...all, camera };
      this.lit = lit && { ...lit, camera };
      this.started = null;
      this.paint();
      const milliseconds = Math.round(performance.now() - began);
      this.put("drawn", { n_neurons: scene.n, n_edges: all.nEdges, milliseconds, version: scene.version });
    });
  }
  *renderBoth(screen) {
    const render = (marks) =>
      renderEdges(this.scene, screen, this.shows, marks, this.theme[this.scene.inks], this.stage.ratio);
    const all = yield* render(null);
    return { all, lit: this.marks && (yield* render(this.marks.edges)) };
  }
  paintScene() {
    const { stage, theme, scene, marks } = this;
    const { pen, ratio } = stage;
    const screen = project(scene, stage, this.camera);
    Object.assign(this, { screen, xs: screen.x, ys: screen.y, radius: screen.radius, unit: ratio });
    clearStage(stage, theme);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    this.paste(this.picture, marks ? 0.13 : 1);
    this.paste(this.lit, 1);
    this.paintNeurons();
    if (this.hovered >= 0) this.markNeuron(this.hovered, this.neuronColor(this.hovered), theme.muted);
    if (marks) this.markNeuron(marks.neuron, theme.text, theme.text);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.paintLabels();
    if (this.picture) return;
    pen.fillStyle = theme.muted;
    pen.font = `13px ${theme.font}`;
    pen.fillText(`drawing ${count(scene.source.length)} edges …`, 12, stage.height - 12);
  }
  /** A picture of edges, moved and scaled to where the camera is now. */
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
  standsOut(i) {
    return this.marks?.neurons[i] > 0 || this.scene.neuronState?.[i] > 0;
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
    const { scene, screen, stage, unit } = this;
    const { pen } = stage;
    for (const onTop of this.marks || scene.neuronState ? [false, true] : [false]) {
      const size = Math.max(screen.radius, onTop ? 2.6 : 0) * unit;
      for (let i = 0; i < scene.n; i++) {
        const [x, y] = [screen.x[i], screen.y[i]];
        if (x < -9 || y < -9 || x > screen.width + 9 || y > screen.height + 9) continue;
        if (this.standsOut(i) !== onTop) continue;
        pen.fillStyle = this.neuronColor(i);
        if (size < 2.5) pen.fillRect(x - size, y - size, 2 * size, 2 * size);
        else disc(pen, x, y, size);
      }
    }
  }
  markNeuron(i, fill, color) {
    this.mark(this.xs[i], this.ys[i], fill, color);
  }
  /** Names of layers above, of classes on the right, as far as there is room. */
  paintLabels() {
    const { scene, stage, theme, screen, unit } = this;
    const { pen, width } = stage;
    pen.fillStyle = theme.background;
    pen.globalAlpha = 0.85;
    pen.fillRect(0, 0, width, 26);
    Object.assign(pen, { globalAlpha: 1, fillStyle: theme.text, font: `12px ${theme.font}`, textAlign: "center" });
    let end = -1e9;
    for (let layer = 0; layer < scene.nLayers; layer++) {
      const x = screen.place(layer, 0)[0] / unit;
      const text = `${layerName(scene, layer)} · ${count(scene.layerSizes[layer])}`;
      const half = pen.measureText(text).width / 2;
      if (x - half < end + 8 || x < 0 || x > width) continue;
      pen.fillText(text, Math.min(Math.max(x, half + 6), width - half - 6), 18);
      end = x + half;
    }
    pen.textAlign = "left";
    end = -1e9;
    for (let k = 0; k < scene.nOutputs; k++) {
      const [x, y] = [screen.x[scene.nInputs + k] / unit, screen.y[scene.nInputs + k] / unit];
      if (y < end + 12 || y < 30) continue;
      pen.fillText(scene.classNames[k] ?? `class ${k}`, x + screen.radius + 8, y + 4);
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
  const entry = (name, n, { color, dashed }, isShown, set) => {
    const onchange = ({ target }) => (set(target.checked), view.rerender(0));
    const box = element("input", { type: "checkbox", checked: isShown, onchange });
    return legendItem(lineSwatch(color, dashed), name, n, box);
  };
  const kinds = theme[scene.inks].map((ink, kind) =>
    entry(ink.name, scene.counts[kind], ink, shows.kinds[kind], (on) => (shows.kinds[kind] = on)),
  );
  const [near, far] = [{ color: theme.text }, { color: theme.text, dashed: true }];
  const reaches = [
    entry("to the next layer", scene.source.length - scene.nSkip, near, shows.next, (on) => (shows.next = on)),
    entry("skip", scene.nSkip, far, shows.skip, (on) => (shows.skip = on)),
  ];
  if (scene.changes)
    return [
      changedNeuronsLegend(scene.changes, theme),
      legendGroup("edges", kinds),
      legendGroup("which lead", reaches),
    ];
  return [
    legendGroup(
      "weights",
      kinds.filter((_, kind) => kind < 2 || scene.counts[kind] > 0),
    ),
    legendGroup("edges", reaches),
    note(`thicker and stronger: larger |weight|, up to ${number(scene.full)}`),
  ];
}

/** One line on the selected neuron, also for screen readers. */
function dagStatus(view) {
  const { scene, marks, theme } = view;
  const hint = "Click a neuron to highlight its ancestors and descendants. ";
  const keys = "Drag to pan; click, then scroll to zoom; keys: arrows, + − 0 Esc.";
  if (!scene || !theme) return [""];
  if (!marks) return [hint + keys];
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
