// The spatial view: title, controls, canvas, side panels, legend, hint.

const SHOWN = ["neurons", "neuron density", "edge density", "receptive field", "activations"];
const SPLITS = ["test", "selection", "validation", "train"];

const named = (names) => names.map((name) => [name, name]);

/** What to show, and of which channel. */
function showControls(view) {
  const show = choice("show", named(SHOWN), (value) => view.put("show", value));
  const channel = choice("channel", [], (value) => {
    view.channel = Number(value);
    view.refresh();
  });
  const sync = ({ scene }) => {
    const channels = Array.from({ length: scene.shape[0] }, (_, c) => [c, String(c)]);
    channel.fill([[-1, "sum of all"], ...channels]);
    channel.node.hidden = channels.length === 1 || view.show !== "receptive field";
    show.select.value = view.show;
    channel.select.value = String(view.channel);
  };
  return { nodes: [show.node, channel.node], sync };
}

/** Which layer, and whether layers are stacked in space. */
function layerControls(view) {
  const layer = choice("layer", [], (value) => view.put("layer", Number(value)));
  const toggle = () => view.put("stacked", !view.stacked);
  const stack = button("stack layers", "stack layers in space; drag turns them", toggle);
  const below = button("‹", "layer below", () => view.step(-1));
  const above = button("›", "layer above", () => view.step(1));
  const sync = ({ scene }) => {
    const name = (size, l) => [l, l === 0 ? `inputs (${count(size)})` : `${l} (${count(size)})`];
    layer.fill([[-1, "all"], ...scene.layerSizes.slice(0, -1).map(name)]);
    layer.select.value = String(view.layer);
    stack.setAttribute("aria-pressed", String(view.stacked));
  };
  return { nodes: [tools(layer.node, below, above, stack)], sync };
}

/** Which image. */
function imageControls(view) {
  const split = choice("image from", named(SPLITS), (value) => view.put("split", value));
  const index = numberField("number", "", (value) => view.put("index", value ?? 0));
  index.field.setAttribute("aria-label", "image number");
  const turn = (by) => () => view.put("index", Math.max(0, view.index + by));
  const [before, after] = [button("‹", "previous image", turn(-1)), button("›", "next image", turn(1))];
  const node = tools(split.node, index.node, before, after);
  const sync = ({ image, picture }) => {
    node.hidden = !image;
    split.select.value = view.split;
    index.field.value = view.index;
    index.field.max = (picture?.size ?? 1) - 1;
  };
  return { nodes: [node], sync };
}

/** All controls; `sync` sets them to the state of the view. */
function spatialControls(view) {
  const neuron = neuronField(view);
  const groups = [showControls(view), layerControls(view), imageControls(view)];
  groups.push({ nodes: [neuron.node, tools(...zoomButtons(view))], sync: neuron.sync });
  const node = block("wbc-tools wbc-controls", ...groups.flatMap(({ nodes }) => nodes));
  const sync = () => {
    node.hidden = !view.scene;
    if (view.scene) for (const group of groups) group.sync(view);
  };
  return { node, sync };
}

function spatialTitle({ scene, picture, split, index, image }) {
  if (!scene) return "Neurons over the image";
  if (scene.changes) return changeTitle(scene.changes);
  const hidden = count(scene.n - scene.nInputs - scene.nOutputs);
  const text = `${hidden} hidden neurons over ${scene.shape[1]} × ${scene.shape[2]} pixels`;
  if (!image) return text;
  const guess = picture.predicted ? `, network says ${picture.predicted}` : "";
  return `${text} · ${split} image ${index}: ${picture.label}${guess}`;
}

function spatialHint({ scene, stacked, brush }) {
  if (!scene) return "";
  const region = brush.isOn ? "; Shift and drag: choose a region" : "";
  const drag = stacked ? "turn, with Shift to move" : "move";
  return `Drag to ${drag}${region}; click, then scroll to zoom; keys: arrows, + − 0, Page up / Page down for layers, Esc.`;
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
  frame.head.after(controls.node);
  view.report = () => {
    frame.title.textContent = spatialTitle(view);
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
