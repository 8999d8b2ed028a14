// The spatial view: title, controls, canvas, side panels, legend, hint.

const SHOWN = ["neurons", "neuron density", "edge density", "receptive field", "activations"];
const SPLITS = ["test", "selection", "validation", "train"];
const named = (names) => names.map((name) => [name, String(name)]);

/** The controls; `sync` sets them to the state of the view. */
function spatialControls(view) {
  const show = choice("show", (value) => view.put("show", value));
  const channel = choice("channel", (value) => view.showChannel(Number(value)));
  const layer = choice("layer", (value) => view.put("layer", Number(value)));
  const below = button("‹", "layer below", () => view.step(-1));
  const above = button("›", "layer above", () => view.step(1));
  const toggle = () => view.put("stacked", !view.stacked);
  const stack = button("stack layers", "stack layers in space; drag turns them", toggle);
  const split = choice("image from", (value) => view.put("split", value));
  const index = numberField("number", "", (value) => view.put("index", value ?? 0));
  index.field.setAttribute("aria-label", "image number");
  const turn = (by) => () => view.put("index", Math.max(0, view.index + by));
  const [before, after] = [button("‹", "previous image", turn(-1)), button("›", "next image", turn(1))];
  const image = tools(split.node, index.node, before, after);
  const neuron = neuronField(view);
  const layers = tools(layer.node, below, above, stack);
  const zoom = tools(...zoomButtons(view));
  const node = block("wbc-tools wbc-controls", show.node, channel.node, layers, image, neuron.node, zoom);
  const sync = () => {
    const { scene } = view;
    node.hidden = !scene;
    if (!scene) return;
    show.fill(named(SHOWN), view.show);
    channel.fill([[-1, "sum of all"], ...named([...Array(scene.shape[0]).keys()])], view.channel);
    channel.node.hidden = scene.shape[0] === 1 || view.show !== "receptive field";
    const name = (size, l) => [l, `${l || "inputs"} (${count(size)})`];
    layer.fill([[-1, "all"], ...scene.layerSizes.slice(0, -1).map(name)], view.layer);
    stack.setAttribute("aria-pressed", String(view.stacked));
    image.hidden = !view.image;
    split.fill(named(SPLITS), view.split);
    Object.assign(index.field, { value: view.index, max: (view.picture?.size ?? 1) - 1 });
    neuron.sync();
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
