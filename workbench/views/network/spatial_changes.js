// In the spatial view: edges that a difference added or removed, and the brush that chooses a region.

/** What Python sent of a difference, decoded; null if a network alone is shown. */
function decodeChanges(raw) {
  if (!raw.changes) return null;
  return {
    counts: raw.changes,
    neuronState: decode(raw.neuron_state, Uint8Array),
    source: decode(raw.change_source, Int32Array),
    target: decode(raw.change_target, Int32Array),
    state: decode(raw.change_state, Uint8Array),
  };
}

/** Numbers of the changed edges that are drawn: into the layers shown; into outputs, which have no place, if stacked. */
function drawnChanges({ scene, stacked, layer }) {
  const { state, target } = scene.changes;
  const last = scene.nLayers - 1;
  return Array.from(state.keys()).filter((e) => {
    const into = scene.layers[target[e]];
    return (stacked || into !== last) && (layer < 0 || into === layer);
  });
}

/** Lines of changed edges. */
function paintChanges(view) {
  const { scene, stage, theme } = view;
  if (!scene.changes) return;
  const drawn = drawnChanges(view);
  const { source, target, state } = scene.changes;
  const { pen } = stage;
  pen.lineWidth = drawn.length < 300 ? 1.8 : 1.1;
  pen.globalAlpha = Math.min(0.85, Math.max(0.3, 300 / Math.max(drawn.length, 1)));
  for (const [code, { key, dashed }] of CHANGE_INKS.entries()) {
    pen.strokeStyle = theme.edges[key];
    pen.setLineDash(dashed ? [4, 3] : []);
    pen.beginPath();
    for (const e of drawn) {
      if (state[e] !== code) continue;
      pen.moveTo(...view.placeOf(source[e]));
      pen.lineTo(...view.placeOf(target[e]));
    }
    pen.stroke();
  }
  view.nLines += drawn.length;
  pen.setLineDash([]);
  pen.globalAlpha = 1;
}

/** Legend of a difference over the image. */
function spatialChangeLegend(view) {
  const { scene, theme, stacked } = view;
  const { counts } = scene.changes;
  const entry = ({ key, name, dashed }) =>
    legendItem(lineSwatch(theme.edges[key], dashed), name, counts[`edges_${key === "nowShared" ? "now_shared" : key}`]);
  const all = counts.edges_added + counts.edges_removed + counts.edges_now_shared;
  const outputs = stacked ? "" : "; those into outputs show when layers are stacked";
  const text = `${count(drawnChanges(view).length)} of ${count(all)} changed edges drawn${outputs}`;
  return [
    changedNeuronsLegend(counts, theme),
    legendGroup("edges", ...CHANGE_INKS.slice(1).map(entry)),
    element("span", { className: "wbc-muted", textContent: text }),
  ];
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
    const [top, bottom] = [this.from[0], to[0]].sort((a, b) => a - b);
    const [left, right] = [this.from[1], to[1]].sort((a, b) => a - b);
    this.drawing = { top, left, bottom, right };
    this.view.draw();
  }
  drop() {
    if (this.drawing) this.view.put("region", this.drawing);
    this.from = this.drawing = null;
  }
  /** Give up the region; says whether there was one. */
  clear() {
    const had = this.view.model.get("region")?.top !== undefined;
    if (had) this.view.put("region", {});
    return had;
  }
  paint() {
    const region = this.drawing ?? this.view.model.get("region");
    if (!this.view.model.get("brush") || region?.top === undefined) return;
    const { stage, projector, theme, stacked, scene } = this.view;
    const { pen } = stage;
    const { top, left, bottom, right } = region;
    const corners = [
      [top, left],
      [top, right],
      [bottom, right],
      [bottom, left],
    ];
    pen.strokeStyle = theme.text;
    pen.fillStyle = theme.text;
    pen.lineWidth = 1.5;
    pen.setLineDash([6, 4]);
    for (let layer = stacked ? 1 : 0; layer < (stacked ? scene.nLayers - 1 : 1); layer++) {
      pen.beginPath();
      for (const [row, column] of corners) pen.lineTo(...projector.place(row, column, layer));
      pen.closePath();
      pen.globalAlpha = 0.08;
      pen.fill();
      pen.globalAlpha = 1;
      pen.stroke();
    }
    pen.setLineDash([]);
  }
}
