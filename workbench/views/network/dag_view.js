// The DAG view: title, tools, canvas, legend and status line.

/** What a neuron is, line by line. */
function describe(scene, i) {
  const degree = ({ starts }) => count(starts[i + 1] - starts[i]);
  const [row, column] = [scene.positions[2 * i], scene.positions[2 * i + 1]];
  const isInput = i < scene.nInputs;
  const isOutput = !isInput && i < scene.nInputs + scene.nOutputs;
  const kind = isInput
    ? "input"
    : isOutput
      ? `output ${scene.names[i - scene.nInputs] ?? i - scene.nInputs}`
      : "hidden";
  const lines = [`neuron ${i}`, `${kind}, layer ${scene.layers[i]}`];
  lines.push(isOutput ? "no position" : `row ${number(row)}, column ${number(column)}`);
  lines.push(`in-degree ${degree(scene.incoming)}, out-degree ${degree(scene.outgoing)}`);
  if (!isInput) lines.push(`bias ${number(scene.biases[i])}`);
  const state = scene.neuronState?.[i];
  if (state) lines.push(CHANGE_INKS[state].name);
  return lines;
}

/** Checkboxes that are legend, counts and filter in one. */
function dagLegend(view) {
  const { scene, theme, shows } = view;
  const [next, skip] = [scene.source.length - scene.counts.skip, scene.counts.skip];
  const kinds = scene.inks.map(({ key, name, dashed }, i) => ({
    name,
    n: scene.counts.kinds[i],
    color: theme.edges[key],
    dashed,
    get: () => shows.kinds[i],
    set: (on) => (shows.kinds[i] = on),
  }));
  const reaches = [
    { name: "to the next layer", n: next, color: theme.text, get: () => shows.next, set: (on) => (shows.next = on) },
    { name: "skip", n: skip, color: theme.text, dashed: true, get: () => shows.skip, set: (on) => (shows.skip = on) },
  ];
  const group = (title, entries) => legendGroup(title, ...entries.map((entry) => legendEntry(entry, view)));
  if (scene.changes)
    return [changedNeuronsLegend(scene.changes, theme), group("edges", kinds), group("which lead", reaches)];
  return [
    group(
      "weights",
      kinds.filter(({ n }, i) => n > 0 || i < 2),
    ),
    group("edges", reaches),
    element("span", {
      className: "wbc-muted",
      textContent: `thicker and stronger: larger |weight|, up to ${number(scene.full)}`,
    }),
  ];
}

function legendEntry({ name, n, color, dashed, get, set }, view) {
  const box = element("input", { type: "checkbox", checked: get() });
  box.addEventListener(
    "change",
    () => {
      set(box.checked);
      view.rerender(0);
    },
    { signal: view.signal },
  );
  return element(
    "label",
    { className: "wbc-check" },
    box,
    lineSwatch(color, dashed),
    ` ${name} `,
    element("span", { className: "wbc-muted", textContent: count(n) }),
  );
}

/** One line on what is selected, also for screen readers. */
function dagStatus({ scene, marks }) {
  if (!scene) return [""];
  if (!marks)
    return [
      "Click a neuron to light its ancestors and descendants. " +
        "Drag to pan; click, then scroll to zoom; keys: arrows, + − 0 Esc.",
    ];
  return [
    element("b", { textContent: describe(scene, marks.neuron).join(" · ") }),
    "  ",
    dot(ANCESTOR),
    ` ${count(marks.ancestors)} ancestors  `,
    dot(DESCENDANT),
    ` ${count(marks.descendants)} descendants`,
  ];
}

function dagTitle(scene) {
  if (!scene) return "Network by layers";
  if (scene.changes) return changeTitle(scene.changes);
  return `${scene.sizes.map(count).join(" – ")} neurons, ${count(scene.source.length)} edges`;
}

/** The view's elements; the canvas goes into `holder`. */
function dagParts(model, signal, view) {
  const field = neuronField(model, signal);
  const tools = element(
    "span",
    { className: "wbc-tools" },
    field.node,
    button("−", "zoom out", () => view().zoom(1 / 1.5), signal),
    button("+", "zoom in", () => view().zoom(1.5), signal),
    button("reset", "reset the view", () => view().reset(), signal),
  );
  const title = element("span", { className: "wbc-title" });
  const holder = element("div", { className: "wbc-stage" });
  const legend = element("div", { className: "wbc-legend" });
  const status = element("div", { className: "wbc-status", "aria-live": "polite" });
  const head = element("div", { className: "wbc-head" }, title, tools);
  const root = element("div", { className: "wbc wbc-dag" }, head, holder, legend, status);
  ownKeys(root, signal);
  return { root, field, tools, title, holder, legend, status };
}

function render({ model, el }) {
  const leaving = new AbortController();
  const { signal } = leaving;
  let view = null;
  const parts = dagParts(model, signal, () => view);
  const tip = element("div", { className: "wbc-tip", hidden: true, role: "tooltip" });
  const resize = () => (parts.holder.style.height = `${model.get("height")}px`);
  const report = (now) => {
    parts.title.textContent = dagTitle(now.scene);
    parts.legend.replaceChildren(...(now.scene && now.theme ? dagLegend(now) : []));
    parts.status.replaceChildren(...dagStatus(now));
    parts.tools.hidden = !now.scene;
    parts.field.field.max = now.scene ? now.scene.n - 1 : 0;
  };
  resize();
  el.append(parts.root);
  view = new DagCanvas(model, parts.holder, tip, signal, report);
  parts.holder.append(tip);
  view.load();
  observe(model, signal, [
    [["scene"], () => view.load()],
    [["neuron"], () => (parts.field.set(), view.select())],
    [["height"], resize],
  ]);
  return () => leaving.abort();
}

export default { render };
