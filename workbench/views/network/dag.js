// The network by layers: neurons, edges by sign and weight or by what changed; title, tools, legend and status line.

const MARGIN = { left: 46, right: 92, top: 46, bottom: 34 };
const STRIP = 0.21; // half a strip's width, in layers

/** Screen coordinates (device pixels) of all neurons for a camera. */
function project(scene, { width, height, ratio }, camera) {
  const kx = (width - MARGIN.left - MARGIN.right) / Math.max(scene.nLayers - 1 + 2 * STRIP, 0.5);
  const ky = height - MARGIN.top - MARGIN.bottom;
  const place = (u, v) => [
    ((MARGIN.left + (u + STRIP) * kx) * camera.zoom + camera.x) * ratio,
    ((MARGIN.top + v * ky) * camera.zoom + camera.y) * ratio,
  ];
  const [x, y] = [new Float32Array(scene.n), new Float32Array(scene.n)];
  for (let i = 0; i < scene.n; i++) [x[i], y[i]] = place(scene.x[i], scene.y[i]);
  const crowd = Math.max(...scene.layerSizes.slice(0, -1), 1);
  const cell = Math.sqrt((2 * STRIP * kx * ky) / crowd) * camera.zoom; // about the distance of neighbours
  const radius = Math.min(7, Math.max(0.8, 0.26 * cell));
  const size = { width: Math.round(width * ratio), height: Math.round(height * ratio) };
  return { x, y, place, radius, middle: place(0, 0.5)[1], ...size };
}

class DagCanvas extends NetworkCanvas {
  constructor(model, frame) {
    super(model, frame, "Network by layers. Arrow keys pan, plus and minus zoom, 0 resets, Escape deselects.");
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
    const { scene, stage, theme, marks, shows } = this;
    if (!stage.width || !theme) return;
    const began = this.started ?? performance.now();
    const camera = { ...this.camera }; // it may move before the picture is ready
    const screen = project(scene, stage, camera);
    const edges = (some) => renderEdges(scene, screen, shows, some, theme[scene.inks], stage.ratio);
    const steps = (function* () {
      const all = yield* edges(null);
      return { all, lit: marks && (yield* edges(marks.edges)) };
    })();
    this.stop = runInSlices(steps, ({ all, lit }) => {
      this.picture = { ...all, camera };
      this.lit = lit && { ...lit, camera };
      this.started = null;
      this.paint();
      const milliseconds = Math.round(performance.now() - began);
      this.put("drawn", { n_neurons: scene.n, n_edges: all.nEdges, milliseconds, version: scene.version });
    });
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
    const mark = (i, fill, color) => this.mark(screen.x[i], screen.y[i], fill, color);
    if (this.hovered >= 0) mark(this.hovered, this.neuronColor(this.hovered), theme.muted);
    if (marks) mark(marks.neuron, theme.text, theme.text);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.paintLabels();
    const small = { size: 13, align: "left", color: theme.muted };
    if (!this.picture)
      write(stage, theme, `drawing ${count(scene.source.length)} edges …`, 12, stage.height - 12, small);
  }
  /** A picture of edges, moved and scaled to where the camera is now. */
  paste(picture, opacity) {
    if (!picture) return;
    const { pen, ratio } = this.stage;
    const { bitmap, camera: then } = picture;
    const scale = this.camera.zoom / then.zoom;
    const [x, y] = ["x", "y"].map((axis) => (this.camera[axis] - then[axis] * scale) * ratio);
    pen.globalAlpha = opacity;
    pen.drawImage(bitmap, x, y, bitmap.width * scale, bitmap.height * scale);
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
      const x = screen.place(layer, 0)[0] / unit;
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
    const onchange = ({ target }) => ((choices[key] = target.checked), view.rerender(0));
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
