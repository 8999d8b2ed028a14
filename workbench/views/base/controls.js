// Page elements that the canvas views share: buttons, choices, fields, the tip, how numbers are written.

function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "for") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children);
  return node;
}

/** Show `text` lines beside (x, y) in the stage's tip, or hide it. */
function showTip(tip, stage, lines, x, y) {
  tip.hidden = !lines;
  if (!lines) return;
  tip.replaceChildren(
    element("b", { textContent: lines[0] }),
    ...lines.slice(1).map((textContent) => element("div", { textContent })),
  );
  const { offsetWidth: width, offsetHeight: height } = tip;
  tip.style.left = `${x + 14 + width > stage.width ? Math.max(0, x - width - 12) : x + 14}px`;
  tip.style.top = `${Math.min(Math.max(0, y + 12), Math.max(0, stage.height - height - 4))}px`;
}

const count = (n) => n.toLocaleString("en-US");
const number = (v) =>
  (Number.isFinite(v)
    ? Math.abs(v) >= 1e4 || (v !== 0 && Math.abs(v) < 1e-3)
      ? v.toExponential(1)
      : String(+v.toPrecision(3))
    : "–"
  ).replace("-", "−");

/** A button; `label` says in full what it does. */
function button(text, label, action, signal) {
  const node = element("button", {
    type: "button",
    textContent: text,
    title: label,
    "aria-label": label,
    className: "wbc-button",
  });
  node.addEventListener("click", action, { signal });
  return node;
}

/** A labelled list of choices; `put` gets what is chosen. */
function choice(label, values, put, signal) {
  const select = element("select", { className: "wbc-select", "aria-label": label });
  const fill = (entries) =>
    select.replaceChildren(...entries.map(([value, text]) => element("option", { value, textContent: text })));
  fill(values);
  select.addEventListener("change", () => put(select.value), { signal });
  return { node: element("label", { className: "wbc-label" }, `${label} `, select), select, fill };
}

/** A round swatch. */
function dot(color) {
  const node = element("span", { className: "wbc-dot" });
  node.style.background = color;
  return node;
}

/** Do `action` when an input is changed: on leaving it, and on Enter, which a notebook may keep for itself. */
function onEntry(field, signal, action) {
  field.addEventListener("change", action, { signal });
  field.addEventListener("keydown", (event) => event.key === "Enter" && action(), { signal });
}

/** Keep a notebook's shortcuts off the keys pressed in `root`, but for those with Control or Command. */
function ownKeys(root, signal) {
  const own = (yes) => root.toggleAttribute("data-lm-suppress-shortcuts", yes);
  const isModifier = ({ key }) => key === "Control" || key === "Meta";
  own(true);
  root.addEventListener("keydown", (event) => isModifier(event) && own(false), { signal });
  root.addEventListener("keyup", (event) => isModifier(event) && own(true), { signal });
  root.addEventListener("focusout", () => own(true), { signal });
}

/** A field for a neuron's number, so that the keyboard alone can select; empty = none. */
function neuronField(model, signal) {
  const field = element("input", { type: "number", min: 0, className: "wbc-number", placeholder: "none" });
  const set = () => (field.value = model.get("neuron") ?? "");
  onEntry(field, signal, () => {
    model.set("neuron", field.value === "" ? null : Math.max(0, Math.round(Number(field.value))));
    model.save_changes();
  });
  set();
  return { node: element("label", { className: "wbc-label" }, "selected neuron ", field), field, set };
}

/** Observe traits of the model until the view is gone. */
function observe(model, signal, handlers) {
  for (const [names, action] of handlers)
    for (const name of names) {
      model.on(`change:${name}`, action);
      signal.addEventListener("abort", () => model.off(`change:${name}`, action));
    }
}
