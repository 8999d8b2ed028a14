// What colours of neurons tell: scales, bars with their ends, values by name; and the fields that choose an image.

const CIVIDIS = "#00224E #123570 #3B496C #575D6D #707173 #8A8678 #A59C74 #C3B369 #E1CC55 #FEE838".split(" ");

/** A colour [r, g, b] of a scale at 0..1. */
function scaleColor(t, colors = CIVIDIS) {
  const at = Math.min(Math.max(t, 0), 1) * (colors.length - 1);
  const low = Math.min(Math.floor(at), colors.length - 2);
  const [a, b] = [rgb(colors[low]), rgb(colors[low + 1])];
  return a.map((v, k) => Math.round(v + (b[k] - v) * (at - low)));
}

/** A colour bar with its ends and what it measures. */
function colorBar(colors, low, high, text) {
  const bar = block("wbc-bar");
  bar.style.background = `linear-gradient(to right, ${colors.join(", ")})`;
  const ends = [low, text, high].map((textContent) => element("span", { textContent }));
  return block("wbc-scale", bar, block("wbc-ends", ...ends));
}

function signedBar({ weights: [plus, minus], background }, most, text = "accumulated weight") {
  return colorBar([minus.color, background, plus.color], number(-most), number(most), text);
}

/** Dots and sizes of the hidden layers. */
function layerItems(scene, theme) {
  const color = (i) => theme.layers[i % theme.layers.length];
  return scene.layerSizes.slice(1, -1).map((n, i) => legendItem(dot(color(i)), `layer ${i + 1}`, n));
}

/** The value that few of the known ones exceed, to end a scale with; 1 if all are 0. */
function scaleEnd(values) {
  const known = Float32Array.from(values.filter((v) => !Number.isNaN(v))).map(Math.abs);
  return known.sort()[Math.floor((known.length - 1) * 0.99)] || 1;
}

/** A value of every neuron by its name, as {values, most, text, signed}; null if there is none. */
function measureOf(scene, name) {
  if (name === "bias") return { values: scene.biases, most: scaleEnd(scene.biases), text: "bias", signed: true };
  const values = { "in-degree": scene.inDegree, "out-degree": scene.outDegree }[name];
  if (!values) return null;
  return { values, most: scaleEnd(values), text: `${name} (edges ${name[0] === "i" ? "into" : "out of"} a neuron)` };
}

/** A function from neuron to CSS colour for a measure. */
function measureColor({ values, most, signed }, theme, colors = CIVIDIS) {
  const [plus, minus] = theme.weights.map(({ color }) => rgb(color));
  const ground = rgb(theme.background);
  const blend = (v) => {
    const t = 0.15 + 0.85 * Math.min(1, Math.abs(v) / most);
    return (v < 0 ? minus : plus).map((c, k) => Math.round(ground[k] + (c - ground[k]) * t));
  };
  const css = (color) => `rgb(${color.join(" ")})`;
  return (i) => (Number.isNaN(values[i]) ? theme.muted : css(signed ? blend(values[i]) : scaleColor(values[i] / most, colors)));
}

function measureBar({ most, text, signed }, theme, colors = CIVIDIS) {
  return signed ? signedBar(theme, most, text) : colorBar(colors, "0", `≥ ${number(most)}`, text);
}

/** The fields that choose an image of a split; `sync` sets them to what the view shows. */
function imageFields(view) {
  const get = (name) => view.model.get(name);
  const split = choice("split that the image is from", (value) => view.put("split", value), "");
  const index = numberField("image number", "", (value) => view.put("index", value ?? 0));
  const sync = (isShown) => {
    node.hidden = !isShown;
    split.fill(SPLITS.map((name) => [name, name]), get("split"));
    Object.assign(index.field, { value: get("index"), max: (get("picture")?.size ?? 1) - 1 });
  };
  const node = tools(split.node, index.node);
  return { node, sync };
}
