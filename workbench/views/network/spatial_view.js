// The spatial view: title, controls, canvas, side panels, legend.

function spatialTitle({ scene, picture, split, index, image }) {
  if (!scene) return "Neurons over the image";
  if (scene.changes) return changeTitle(scene.changes.counts);
  const hidden = count(scene.n - scene.nInputs - scene.nOutputs);
  const text = `${hidden} hidden neurons over ${scene.shape[1]} × ${scene.shape[2]} pixels`;
  if (!image) return text;
  const guess = picture.predicted ? `, network says ${picture.predicted}` : "";
  return `${text} · ${split} image ${index}: ${picture.label}${guess}`;
}

function lengthFacts(lengths) {
  if (!lengths || lengths.mean === undefined) return "";
  return [
    `Bars: edges, mean ${number(lengths.mean)} px.`,
    `Line: expected under the law ${lengths.law}, mean ${number(lengths.expected_mean)} px.`,
    `${count(lengths.without_length)} edges into outputs have no length.`,
  ].join(" ");
}

function spatialHint({ scene, stacked, brush }) {
  if (!scene) return "";
  const region = brush.isOn ? "; Shift and drag: choose a region" : "";
  const drag = stacked ? "turn, with Shift to move" : "move";
  return `Drag to ${drag}${region}; click, then scroll to zoom; keys: arrows, + − 0, Page up / Page down for layers, Esc.`;
}

const block = (className, more = {}, ...children) => element("div", { className, ...more }, ...children);

/** The panel of the selected neuron's receptive field; `draw(view)` brings it up to date. */
function fieldCard(signal, view) {
  const bar = block("");
  const facts = block("wbc-muted wbc-facts", { "aria-live": "polite" });
  const node = block("wbc-card", {}, element("h4", { textContent: "Receptive field" }));
  const paint = (stage, theme) => view() && paintField(stage, theme, view());
  const picture = panel(node, "receptive field of the selected neuron", 150, signal, paint);
  node.append(bar, facts);
  const draw = (now) => {
    const known = now.scene && now.field;
    bar.replaceChildren(...(known ? [signedBar(now.theme, now.fieldMost, "accumulated weight")] : []));
    facts.replaceChildren(...(known ? neuronFacts(now).map((textContent) => element("div", { textContent })) : []));
    picture.draw();
  };
  return { node, draw };
}

/** The panel of the histogram of edge lengths. */
function lengthCard(signal, view) {
  const text = block("wbc-muted");
  const node = block("wbc-card", {}, element("h4", { textContent: "Edge lengths against the law" }));
  const paint = (stage, theme) => view() && paintHistogram(stage, theme, view().scene?.lengths);
  const picture = panel(node, "histogram of edge lengths", 160, signal, paint);
  node.append(text);
  const draw = (now) => {
    text.textContent = now.scene ? lengthFacts(now.scene.lengths) : "";
    picture.draw();
  };
  return { node, draw };
}

/** The view's elements; the canvas goes into `holder`. */
function spatialParts(model, signal, view) {
  const controls = spatialControls(model, view, signal);
  const cards = [fieldCard(signal, view), lengthCard(signal, view)];
  const title = element("span", { className: "wbc-title" });
  const [holder, legend, status] = [block("wbc-stage"), block("wbc-legend"), block("wbc-status")];
  const side = block("wbc-side", {}, ...cards.map(({ node }) => node));
  const body = block("wbc-space-body", {}, holder, side);
  const root = block("wbc wbc-space", {}, block("wbc-head", {}, title), controls.node, body, legend, status);
  ownKeys(root, signal);
  return { root, controls, cards, title, holder, legend, status, side, body };
}

function render({ model, el }) {
  const leaving = new AbortController();
  const { signal } = leaving;
  let view = null;
  const parts = spatialParts(model, signal, () => view);
  const tip = block("wbc-tip", { hidden: true, role: "tooltip" });
  const resize = () => (parts.holder.style.minHeight = `${model.get("height")}px`);
  const report = (now) => {
    parts.title.textContent = spatialTitle(now);
    parts.controls.sync(now);
    parts.side.hidden = !now.scene;
    parts.body.style.gridTemplateColumns = now.scene ? "" : "minmax(0, 1fr)";
    parts.legend.replaceChildren(...(now.scene ? spatialLegend(now) : []));
    parts.status.textContent = spatialHint(now);
    for (const card of parts.cards) card.draw(now);
  };
  resize();
  el.append(parts.root);
  view = new SpatialCanvas(model, parts.holder, tip, signal, report);
  parts.holder.append(tip);
  view.load();
  observe(model, signal, [
    [["scene"], () => view.load()],
    [["show", "layer", "stacked", "split", "index", "picture", "density", "field", "neuron", "region"], () => view.refresh()],
    [["height"], resize],
  ]);
  return () => leaving.abort();
}

export default { render };
