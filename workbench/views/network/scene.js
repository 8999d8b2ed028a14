// What Python sent of a network, decoded, and words for its neurons and changes.

const KEPT = 0;
const FLOATS = ["x", "y", "positions", "biases", "weight"];
const INTS = ["layers", "block", "source", "target", "inDegree", "outDegree", "changeSource", "changeTarget"];

/** The scene with names in JavaScript's spelling and arrays instead of bytes; null if there is no network.
 *
 * `changes` are the numbers of a difference and `neuronState` its states; both are missing if one network is shown. */
function decodeScene(raw) {
  if (!raw?.layers) return null;
  const scene = {};
  for (const [name, value] of Object.entries(raw)) {
    const own = name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
    const Type = FLOATS.includes(own) ? Float32Array : INTS.includes(own) ? Int32Array : Uint8Array;
    scene[own] = ArrayBuffer.isView(value) ? decode(value, Type) : value;
  }
  return Object.assign(scene, { n: scene.layers.length, nLayers: scene.layerSizes.length });
}

function layerName(scene, layer) {
  return layer === 0 ? "inputs" : layer === scene.nLayers - 1 ? "outputs" : `layer ${layer}`;
}

/** "input", "output" or "hidden". */
function kindOf(scene, i) {
  return i < scene.nInputs ? "input" : i < scene.nInputs + scene.nOutputs ? "output" : "hidden";
}

/** Number, kind and position of a neuron, line by line. */
function identity(scene, i) {
  const kind = kindOf(scene, i);
  const k = i - scene.nInputs;
  const name = kind === "output" ? `output ${scene.classNames[k] ?? k}` : kind;
  const [row, column] = [scene.positions[2 * i], scene.positions[2 * i + 1]];
  const position = kind === "output" ? "no position" : `row ${number(row)}, column ${number(column)}`;
  return [`neuron ${i}`, `${name}, layer ${scene.layers[i]}`, position];
}

/** What became of a neuron, as a list of no line or one. */
function stateLines(scene, i, theme) {
  const state = scene.neuronState?.[i];
  return state ? [theme.changes[state].name] : [];
}

/** Title of a difference: numbers of added and removed neurons and edges. */
function changeTitle({ neurons_added, neurons_removed, edges_added, edges_removed, edges_now_shared }) {
  const signed = (more, less) => `+${count(more)} −${count(less)}`;
  const sharing = edges_now_shared ? `, ${count(edges_now_shared)} now share weights` : "";
  const neurons = signed(neurons_added, neurons_removed);
  return `Difference: neurons ${neurons}, edges ${signed(edges_added, edges_removed)}${sharing}`;
}

/** Hidden neurons by state. */
function changedNeuronsLegend(counts, theme) {
  const entry = ({ name, color }) => legendItem(dot(color), name, counts[`neurons_${name}`]);
  const group = legendGroup("hidden neurons", theme.changes.slice(0, 3).map(entry));
  group.classList.add("wbc-changed-neurons");
  return group;
}

/** A field for a neuron's number, so that the keyboard alone can select. */
function neuronField(view) {
  const { node, field } = numberField("selected neuron", "neuron", (value) => view.put("neuron", value));
  const sync = () => {
    field.value = view.model.get("neuron") ?? "";
    field.max = view.scene ? view.scene.n - 1 : 0;
  };
  return { node, sync };
}

const zoomButtons = (view) => [
  button("−", "zoom out", () => view.zoom(1 / 1.5)),
  button("+", "zoom in", () => view.zoom(1.5)),
  button("reset", "reset the view", () => view.reset()),
];
