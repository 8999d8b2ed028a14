// Around the spatial canvas: title, controls, receptive field, histogram of edge lengths, legends, hint.

const named = (names) => names.map((name) => [name, String(name)]);

/** The controls; `sync` sets them to the state of the view. */
function spatialControls(view) {
  const show = choice("what is shown", (value) => view.put("show", value), "");
  const channel = choice("channel", (value) => view.showChannel(Number(value)));
  const layer = choice("layer", (value) => view.put("layer", Number(value)), "");
  const toggle = () => view.put("stacked", !view.stacked);
  const stack = button("stack", "stack layers in space; drag turns them", toggle);
  const image = imageFields(view);
  const neuron = neuronField(view);
  const fields = [show.node, channel.node, layer.node, stack, image.node, neuron.node, ...zoomButtons(view)];
  const node = tools(...fields);
  const sync = () => {
    const { scene } = view;
    node.hidden = !scene;
    if (!scene) return;
    show.fill(named(SHOWN), view.show);
    channel.fill([[-1, "sum of all"], ...named([...Array(scene.shape[0]).keys()])], view.channel);
    channel.node.hidden = scene.shape[0] === 1 || view.show !== "receptive field";
    const name = (size, l) => [l, `${l ? `layer ${l}` : "inputs"} (${count(size)})`];
    layer.fill([[-1, "all layers"], ...scene.layerSizes.slice(0, -1).map(name)], view.layer);
    stack.setAttribute("aria-pressed", String(view.stacked));
    image.sync(Boolean(view.image));
    neuron.sync();
  };
  return { node, sync };
}

/** A titled card with a canvas drawn by `paint(stage, theme)`; `draw` draws it again. */
function card(title, label, height, signal, paint, ...children) {
  const box = block("wbc-stage");
  box.style.height = `${height}px`;
  const stage = makeStage(box, label, signal, () => draw());
  const draw = () => stage.width && paint(stage, readTheme(box));
  Object.assign(stage.canvas, { tabIndex: -1, style: "cursor: default" });
  stage.canvas.setAttribute("role", "img");
  return { node: block("wbc-card", element("h4", { textContent: title }), box, ...children), draw };
}

/** The card of the selected neuron's receptive field; `sync` brings it up to date. */
function fieldCard(view, signal) {
  const bar = block("");
  const facts = element("div", { className: "wbc-muted wbc-facts", "aria-live": "polite" });
  const label = "receptive field of the selected neuron";
  const paint = (stage, theme) => paintField(stage, theme, view);
  const { node, draw } = card("Receptive field", label, 150, signal, paint, bar, facts);
  const sync = () => {
    const known = view.scene && view.field;
    bar.replaceChildren(...(known && view.fieldPicture ? [signedBar(view.theme, view.fieldMost)] : []));
    facts.replaceChildren(...(known ? neuronFacts(view).map((textContent) => element("div", { textContent })) : []));
    draw();
  };
  return { node, sync };
}

/** The card of the histogram of edge lengths. */
function lengthCard(view, signal) {
  const text = block("wbc-muted");
  const paint = (stage, theme) => paintHistogram(stage, theme, view.scene?.lengths);
  const { node, draw } = card("Edge lengths and the spatial law", "histogram of edge lengths", 160, signal, paint, text);
  const sync = () => {
    const { mean, expected_mean, law, without_length } = view.scene?.lengths ?? {};
    const [edges, expected] = [`Bars: edges, mean ${number(mean)} px.`, `mean ${number(expected_mean)} px.`];
    const outputs = `${count(without_length ?? 0)} edges into outputs have no length.`;
    const line = `Line: expected under the spatial law, ${law}, ${expected}`;
    text.textContent = mean === undefined ? "" : `${edges} ${line} ${outputs}`;
    draw();
  };
  return { node, sync };
}

function caption(stage, theme, text) {
  write(stage, theme, text, stage.width / 2, stage.height / 2, { color: theme.muted });
}

/** Bars of counted edges and the law's line over lengths in pixels. */
function paintHistogram(stage, theme, lengths) {
  clearStage(stage, theme);
  if (lengths?.mean === undefined) return caption(stage, theme, "no edges between neurons with a position");
  const { pen, width, height } = stage;
  const { bins, counts, expected } = lengths;
  const [left, bottom, top] = [38, height - 32, 8];
  const most = Math.max(...counts, ...expected, 1);
  const last = counts.findLastIndex((n, i) => n > 0 || expected[i] > most / 200);
  const end = bins[Math.max(1, last + 1)];
  const x = (v) => left + ((width - left - 8) * v) / end;
  const y = (v) => bottom - ((bottom - top) * v) / most;
  const shown = counts.map((_, i) => i).filter((i) => bins[i] < end);
  Object.assign(pen, { fillStyle: theme.weights[0].color, globalAlpha: 0.75 });
  for (const i of shown) {
    const wide = Math.max(1, x(bins[i + 1]) - x(bins[i]) - 1);
    pen.fillRect(x(bins[i]) + 0.5, y(counts[i]), wide, bottom - y(counts[i]));
  }
  Object.assign(pen, { globalAlpha: 1, strokeStyle: theme.weights[1].color, lineWidth: 2 });
  pen.beginPath();
  for (const i of shown) pen.lineTo(x((bins[i] + bins[i + 1]) / 2), y(expected[i]));
  pen.stroke();
  Object.assign(pen, { strokeStyle: theme.border, lineWidth: 1 });
  line(pen, left, bottom + 0.5, width - 8, bottom + 0.5);
  const text = (words, x, y, align) => write(stage, theme, words, x, y, { size: 11, align, color: theme.muted });
  const compact = Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });
  text(compact.format(most), left - 4, top + 9, "right");
  text("0", left - 4, bottom, "right");
  const step = [0.5, 1, 2, 5, 10, 20, 50].find((one) => end / one <= 6) ?? 100;
  for (let v = 0; v <= end; v += step) text(String(v), x(v), bottom + 13);
  text("edge length (pixels)", (left + width) / 2, height - 4);
}

/** The receptive field alone over the image, as a thumbnail. */
function paintField(stage, theme, { scene, fieldPicture, grey }) {
  clearStage(stage, theme);
  if (!scene || !fieldPicture)
    return caption(stage, theme, scene?.hasWeights === false ? "weights not kept" : "click a neuron");
  const { pen, width, height, ratio } = stage;
  const [, rows, columns] = scene.shape;
  const k = Math.min(width / columns, height / rows);
  pen.setTransform(k * ratio, 0, 0, k * ratio, ((width - k * columns) / 2) * ratio, ((height - k * rows) / 2) * ratio);
  Object.assign(pen, { imageSmoothingEnabled: false, strokeStyle: theme.border, lineWidth: 1 / k });
  pen.strokeRect(0.5 / k, 0.5 / k, columns - 1 / k, rows - 1 / k);
  pen.globalAlpha = 0.3;
  if (grey) pen.drawImage(grey, 0, 0);
  pen.globalAlpha = 1;
  pen.drawImage(fieldPicture, 0, 0);
}

/** What the selected neuron is and does, line by line. */
function neuronFacts(view) {
  const { scene, field } = view;
  const [name, kind, position] = identity(scene, field.neuron);
  const seen = field.map.reduce((n, v) => n + (v !== 0), 0);
  const bias = field.bias === null ? "" : `, bias ${number(field.bias)}`;
  const degrees = `in-degree ${count(field.in_degree)}, out-degree ${count(field.out_degree)}${bias}`;
  const sees = scene.hasWeights ? [`sees ${count(seen)} of ${count(field.map.length)} inputs`] : [];
  const values = view.valueLines(field.neuron).map((value) => `${value} on ${view.split} image ${view.index}`);
  return [`${name} · ${kind}`, position, degrees, ...sees, ...values];
}

/** Legend of the map: layers by colour, or a colour bar with units, and a note on what is shown. */
function spatialLegend(view) {
  const { scene, theme, show } = view;
  if (scene.changes) return spatialChangeLegend(view);
  if (show === "neurons") {
    const text = "place = mean position of what feeds a neuron; neurons of one place stand side by side";
    return [...layerItems(scene, theme), note(text)];
  }
  if (show === "receptive field") {
    const text = "sum over all paths of the products of weights; ReLU and normalisation ignored";
    const hint = "click a neuron (or an output) to see which pixels it sees";
    if (!scene.hasWeights) return [note("weights not kept: no receptive fields")];
    return [view.fieldPicture ? signedBar(theme, view.fieldMost) : note(hint), note(text)];
  }
  if (show === "activations") {
    if (!scene.hasWeights) return [note("weights not kept: no activations, no prediction")];
    if (!view.values) return [note("activations need images: SpatialView(genome, data)")];
    const bar = colorBar(CIVIDIS, "0", `≥ ${number(view.hiddenMost)}`, "activation after ReLU");
    return [bar, note("small and faint: silent (0); outputs: bars from the lowest to the highest logit")];
  }
  if (view.measure) return [measureBar(view.measure, theme)];
  const unit = show === "neuron density" ? "hidden neurons per pixel" : "pixels of edge length per pixel";
  const which = view.layer < 0 ? "all layers" : view.layer === 0 ? "inputs have none" : `layer ${view.layer}`;
  const more = show === "edge density" ? ", straight from source to target; edges into outputs left out" : "";
  return [colorBar(CIVIDIS, "0", number(view.densityMost), unit), note(which + more)];
}

/** Legend of a difference over the image. */
function spatialChangeLegend(view) {
  const { scene, theme, stacked } = view;
  const counts = theme.changes.map(({ name }) => scene.changes[`edges_${name.replace(" ", "_")}`]);
  const entry = ({ name, color, dashed }, i) => legendItem(lineSwatch(color, dashed), name, counts[i + 1]);
  const all = counts[1] + counts[2] + counts[3];
  const outputs = stacked ? "" : "; those into outputs show when layers are stacked";
  return [
    changedNeuronsLegend(scene.changes, theme),
    legendGroup("edges", theme.changes.slice(1).map(entry)),
    note(`${count(view.drawnChanges().length)} of ${count(all)} changed edges drawn${outputs}`),
  ];
}

function spatialTitle({ scene, picture, split, index, image }) {
  if (!scene) return "Neurons over the image";
  if (scene.changes) return changeTitle(scene.changes);
  const hidden = count(scene.n - scene.nInputs - scene.nOutputs);
  const text = `${hidden} hidden neurons over ${scene.shape[1]} × ${scene.shape[2]} pixels`;
  if (!image) return text;
  const guess = picture.predicted ? `, network says ${picture.predicted}` : scene.hasWeights ? "" : ", weights not kept";
  return `${text} · ${split} image ${index}: ${picture.label}${guess}`;
}

function spatialHint({ scene, stacked, brush }) {
  if (!scene) return "";
  const region = brush.isOn ? "; Shift and drag: choose a region" : "";
  const drag = stacked ? "turn, with Shift to move" : "move";
  const keys = "arrows, + − 0, Page up / Page down for layers, Esc";
  return `Drag to ${drag}${region}; click, then scroll to zoom; keys: ${keys}.`;
}

function render({ model, el }) {
  const frame = makeFrame({ model, el }, "wbc-space");
  const view = new SpatialCanvas(model, frame);
  const controls = spatialControls(view);
  const cards = [fieldCard(view, frame.signal), lengthCard(view, frame.signal)];
  const side = block("wbc-side", ...cards.map(({ node }) => node));
  const body = block("wbc-space-body");
  frame.holder.replaceWith(body);
  body.append(frame.holder, side);
  frame.head.append(controls.node);
  view.report = () => {
    frame.title.textContent = spatialTitle(view);
    frame.title.classList.toggle("wbc-changes", Boolean(view.scene?.changes));
    controls.sync();
    side.hidden = !view.scene;
    body.style.gridTemplateColumns = view.scene ? "" : "minmax(0, 1fr)";
    frame.legend.replaceChildren(...(view.scene ? spatialLegend(view) : []));
    frame.status.textContent = spatialHint(view);
    for (const one of cards) one.sync();
  };
  view.load();
  const traits = ["show", "layer", "stacked", "split", "index", "picture", "density", "field", "neuron", "region"];
  const refresh = Object.fromEntries(traits.map((name) => [name, () => view.refresh()]));
  observe(model, frame.signal, { scene: () => view.load(), ...refresh });
  return frame.leave;
}

export default { render };
