// Around the graph: title, controls, legend, status line.

const FEWEST = 100; // edges at the left end of the slider

/** What the colours of neurons tell, as {color(neuron), legend, values (if activations)}; null for nothing. */
function toldBy(scene, name, picture, theme) {
  const colors = theme.dark ? CIVIDIS : [...CIVIDIS].reverse(); // what is large stands out from the ground
  if (name === "layer") {
    const color = (i) => (isHidden(scene, i) ? theme.layers[(scene.layers[i] - 1) % theme.layers.length] : theme.muted);
    return { color, legend: layerItems(scene, theme) };
  }
  if (name === "activation") return toldByActivation(scene, picture, theme, colors);
  const measure = measureOf(scene, name);
  return measure && { color: measureColor(measure, theme, colors), legend: [measureBar(measure, theme, colors)] };
}

const isHidden = (scene, i) => i >= scene.nInputs + scene.nOutputs;

function toldByActivation(scene, picture, theme, colors) {
  const values = decode(picture?.values, Float32Array);
  if (values.length !== scene.n) {
    const why = scene.hasWeights ? "activations need images: DagView(genome, data=data)" : "weights not kept: no activations";
    return { color: () => theme.muted, legend: [note(why)] };
  }
  const first = scene.nInputs + scene.nOutputs;
  const most = scaleEnd(values.subarray(first));
  const ends = (part) => [part.reduce((a, b) => Math.min(a, b)), part.reduce((a, b) => Math.max(a, b))];
  const [inputs, outputs] = [ends(values.subarray(0, scene.nInputs)), ends(values.subarray(scene.nInputs, first))];
  const level = (i) => {
    if (i >= first) return values[i] / most;
    const [low, high] = i < scene.nInputs ? inputs : outputs;
    return (values[i] - low) / (high - low || 1);
  };
  const color = (i) => `rgb(${scaleColor(level(i), colors).join(" ")})`;
  const says = picture.predicted ? `, network says ${picture.predicted}` : "";
  const text = `activation after ReLU on image of ${picture.label}${says}; inputs and outputs: from lowest to highest`;
  return { color, values, legend: [colorBar(colors, "0", `≥ ${number(most)}`, "activation"), note(text)] };
}

/** Checkboxes that are legend, numbers and filter in one. */
function dagLegend(view) {
  const { scene, theme, shows } = view;
  const entry = (choices, key, n, { name, color, dashed }) => {
    const onchange = ({ target }) => ((choices[key] = target.checked), view.rerender(), view.report(view));
    const box = element("input", { type: "checkbox", checked: choices[key], onchange });
    return legendItem(lineSwatch(color, dashed), name, n, box);
  };
  const kinds = theme[scene.inks].map((ink, kind) => entry(shows.kinds, kind, scene.counts[kind], ink));
  const reaches = [
    entry(shows, "next", scene.source.length - scene.nSkip, { name: "to the next layer", color: theme.text }),
    entry(shows, "skip", scene.nSkip, { name: "skip", color: theme.text, dashed: true }),
  ];
  const lead = legendGroup(scene.changes ? "which lead" : "edges", reaches);
  const told = [...(view.told?.legend ?? []), note(drawnText(view))];
  if (scene.changes) return [changedNeuronsLegend(scene.changes, theme), legendGroup("edges", kinds), lead, ...told];
  const used = kinds.filter((_, kind) => (kind < 2 && scene.hasWeights) || scene.counts[kind] > 0);
  return [legendGroup("weights", used), lead, ...told];
}

/** How many edges are drawn, which, and how. */
function drawnText({ scene, shows, isBundled }) {
  if (isBundled) return "bundles: as wide as edges are many; click a block to see its neurons and edges";
  const { source, kind, skip, full } = scene;
  let admitted = 0;
  for (let e = 0; e < source.length; e++) admitted += shows.kinds[kind[e]] && (skip[e] ? shows.skip : shows.next);
  const looks = scene.hasWeights && !scene.changes ? `; thicker and stronger: larger |weight|, up to ${number(full)}` : "";
  const all = source.length;
  const drawn = Math.min(admitted, shows.most);
  if (drawn === all) return `all ${count(all)} edges drawn${looks}`;
  const first = scene.changes ? "changed ones first" : scene.hasWeights ? "each neuron's strongest first" : "an even sample";
  return `${count(drawn)} of ${count(all)} edges drawn, ${first}${looks}`;
}

/** One line on the selected neuron or block, also for screen readers. */
function dagStatus(view) {
  const { scene, marks, theme } = view;
  if (!scene || !theme) return [""];
  const hint = "Click a neuron to highlight its ancestors and descendants. ";
  if (!marks) return [`${hint}Drag to pan; click, then scroll to zoom; keys: arrows, + − 0 Esc.`];
  const lines = marks.block ? describeBlock(scene, marks.block) : view.describe(marks.neuron);
  const facts = element("b", { textContent: lines.join(" · ") });
  const [before, after] = marks.block ? ["sources", "targets"] : ["ancestors", "descendants"];
  const counts = marks.block ? ["", ""] : [`${count(marks.ancestors)} `, `${count(marks.descendants)} `];
  const ends = [dot(theme.ancestor), ` ${counts[0]}${before}  `, dot(theme.descendant), ` ${counts[1]}${after}`];
  return [facts, "  ", ...ends];
}

function dagTitle(scene) {
  if (!scene) return "Network by layers";
  if (scene.changes) return changeTitle(scene.changes);
  return `${scene.layerSizes.map(count).join(" – ")} neurons, ${count(scene.source.length)} edges`;
}

/** The controls; `sync` sets them to the state of the view. */
function dagControls(view) {
  const all = () => view.scene?.source.length ?? 0;
  const least = () => Math.min(FEWEST, all() - 1);
  const toEdges = (t) => (t >= 1 ? 2 ** 30 : Math.round(least() * (all() / least()) ** t));
  const range = { type: "range", min: 0, max: 1, step: 0.01, className: "wbc-range" };
  const slide = ({ target }) => (view.put("most_edges", toEdges(Number(target.value))), view.showEdges());
  const slider = element("input", { ...range, oninput: slide, "aria-label": "edges drawn" });
  const edges = element("label", { className: "wbc-label" }, "edges ", slider);
  const bundle = button("bundle", "bundle edges between blocks of neurons; a click opens a block", () =>
    view.put("bundled", !view.isBundled),
  );
  const colors = choice("what the colours of neurons tell", (value) => view.put("colors", value), "");
  const image = imageFields(view);
  const field = neuronField(view);
  const node = tools(edges, bundle, colors.node, image.node, field.node, ...zoomButtons(view));
  const sync = () => {
    node.hidden = !view.scene;
    if (!view.scene) return;
    const drawn = Math.min(view.shows.most, all());
    slider.disabled = all() <= FEWEST + 1 || view.isBundled;
    slider.value = drawn >= all() ? 1 : Math.log(drawn / least()) / Math.log(all() / least());
    slider.title = slider.ariaValueText = `${count(drawn)} of ${count(all())} edges`;
    bundle.setAttribute("aria-pressed", String(view.isBundled));
    const names = COLORS.map((name, place) => [name, place ? `by ${name}` : "one colour"]);
    colors.fill(names, view.model.get("colors"));
    image.sync(Boolean(view.told?.values));
    field.sync();
  };
  return { node, sync };
}

function render({ model, el }) {
  const frame = makeFrame({ model, el }, "wbc-dag");
  const view = new DagCanvas(model, frame);
  const controls = dagControls(view);
  frame.head.append(controls.node);
  view.report = ({ scene, theme }) => {
    frame.title.textContent = dagTitle(scene);
    frame.legend.replaceChildren(...(scene && theme ? dagLegend(view) : []));
    frame.status.replaceChildren(...dagStatus(view));
    controls.sync();
  };
  view.load();
  const bundled = () => (view.select(), view.rerender());
  const traits = { scene: () => view.load(), neuron: () => view.select(), opened: () => view.select(), bundled };
  const looks = { most_edges: () => view.showEdges(), colors: () => view.recolor(), picture: () => view.recolor() };
  observe(model, frame.signal, { ...traits, ...looks });
  return frame.leave;
}

export default { render };
