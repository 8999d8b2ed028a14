// What a difference of two networks looks like: inks, names, legends; the same in all canvas views.

const [KEPT, ADDED, REMOVED] = [0, 1, 2];

/** Inks of edges in a plain picture, by kind: sign, shared or not. */
const WEIGHT_INKS = [
  { key: "positive", name: "positive" },
  { key: "negative", name: "negative" },
  { key: "sharedPositive", name: "positive, shared" },
  { key: "sharedNegative", name: "negative, shared" },
  { key: "blank", name: "no weight yet" },
];
/** Inks of neurons and edges in a picture of a difference, by state. */
const CHANGE_INKS = [
  { key: "kept", name: "kept" },
  { key: "added", name: "added" },
  { key: "removed", name: "removed", dashed: true },
  { key: "nowShared", name: "weight now shared" },
];

/** Title of a difference: numbers of what came and went. */
function changeTitle({ neurons_added, neurons_removed, edges_added, edges_removed, edges_now_shared }) {
  const signed = (more, less) => `+${count(more)} −${count(less)}`;
  const sharing = edges_now_shared ? `, ${count(edges_now_shared)} now share weights` : "";
  const edges = `edges ${signed(edges_added, edges_removed)}${sharing}`;
  return `Difference: neurons ${signed(neurons_added, neurons_removed)}, ${edges}`;
}

/** A titled row of the legend. */
function legendGroup(title, ...entries) {
  return element("fieldset", { className: "wbc-group" }, element("legend", { textContent: title }), ...entries);
}

/** A swatch, a name and a number. */
function legendItem(swatch, name, n) {
  const number = element("span", { className: "wbc-muted", textContent: typeof n === "string" ? n : count(n) });
  return element("span", { className: "wbc-check" }, swatch, ` ${name} `, number);
}

function lineSwatch(color, dashed) {
  const node = element("span", { className: "wbc-line" });
  node.style.borderTop = `3px ${dashed ? "dashed" : "solid"} ${color}`;
  return node;
}

/** Hidden neurons by state. */
function changedNeuronsLegend(counts, theme) {
  const entry = ({ key, name }) => {
    const swatch = dot(theme.edges[key]);
    swatch.style.margin = 0;
    return legendItem(swatch, name, counts[`neurons_${key}`]);
  };
  return legendGroup("hidden neurons", ...CHANGE_INKS.slice(0, 3).map(entry));
}
