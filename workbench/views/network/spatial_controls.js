// The controls of the spatial view.

const SHOWN = ["neurons", "neuron density", "edge density", "receptive field", "activations"];
const SPLITS = ["test", "selection", "validation", "train"];

const tools = (...children) => element("span", { className: "wbc-tools" }, ...children);
const named = (names) => names.map((name) => [name, name]);

/** What to show, and of which channel. */
function showControls(put, view, signal) {
  const show = choice("show", named(SHOWN), put("show"), signal);
  const pick = (value) => ((view().channel = Number(value)), view().refresh());
  const channel = choice("channel", [], pick, signal);
  const sync = ({ show: shown, channel: picked, scene }) => {
    channel.fill([[-1, "sum of all"], ...Array.from({ length: scene.shape[0] }, (_, c) => [c, String(c)])]);
    channel.node.hidden = scene.shape[0] === 1 || shown !== "receptive field";
    show.select.value = shown;
    channel.select.value = String(picked);
  };
  return { nodes: [show.node, channel.node], sync };
}

/** Which layer, and whether the layers stand in space. */
function layerControls(put, view, signal) {
  const layer = choice("layer", [], (value) => put("layer")(Number(value)), signal);
  const stack = button(
    "stack layers",
    "stack layers in space; drag turns them",
    () => put("stacked")(!view().stacked),
    signal,
  );
  const below = button("‹", "layer below", () => view().step(-1), signal);
  const above = button("›", "layer above", () => view().step(1), signal);
  const sync = ({ layer: picked, stacked, scene }) => {
    const name = (size, l) => [l, l === 0 ? `inputs (${count(size)})` : `${l} (${count(size)})`];
    layer.fill([[-1, "all"], ...scene.sizes.slice(0, -1).map(name)]);
    layer.select.value = String(picked);
    stack.setAttribute("aria-pressed", String(stacked));
  };
  return { nodes: [tools(layer.node, below, above, stack)], sync };
}

/** Which image. */
function imageControls(put, view, signal) {
  const split = choice("image from", named(SPLITS), put("split"), signal);
  const index = element("input", { type: "number", min: 0, className: "wbc-number", "aria-label": "image number" });
  onEntry(index, signal, () => put("index")(Math.max(0, Math.round(Number(index.value)) || 0)));
  const turn = (by) => () => put("index")(Math.max(0, view().index + by));
  const label = element("label", { className: "wbc-label" }, "number ", index);
  const before = button("‹", "previous image", turn(-1), signal);
  const node = tools(split.node, label, before, button("›", "next image", turn(1), signal));
  const sync = ({ image, split: picked, index: place, picture }) => {
    node.hidden = !image;
    split.select.value = picked;
    index.value = place;
    index.max = (picture?.size ?? 1) - 1;
  };
  return { nodes: [node], sync };
}

/** Which neuron, and how large. */
function sizeControls(model, view, signal) {
  const neuron = neuronField(model, signal);
  const smaller = button("−", "zoom out", () => view().zoom(1 / 1.4), signal);
  const larger = button("+", "zoom in", () => view().zoom(1.4), signal);
  const node = tools(
    smaller,
    larger,
    button("reset", "reset the view", () => view().reset(), signal),
  );
  const sync = ({ scene }) => {
    neuron.set();
    neuron.field.max = scene.n - 1;
  };
  return { nodes: [neuron.node, node], sync };
}

/** All controls; `sync(view)` sets them to the state of the view. */
function spatialControls(model, view, signal) {
  const put = (name) => (value) => view().put(name, value);
  const groups = [
    showControls(put, view, signal),
    layerControls(put, view, signal),
    imageControls(put, view, signal),
    sizeControls(model, view, signal),
  ];
  const node = element("div", { className: "wbc-tools wbc-controls" }, ...groups.flatMap(({ nodes }) => nodes));
  const sync = (now) => {
    node.hidden = !now.scene;
    if (now.scene) for (const group of groups) group.sync(now);
  };
  return { node, sync };
}
