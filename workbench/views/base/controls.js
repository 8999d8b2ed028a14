// Page elements that the canvas views share: buttons, choices, fields, legends, the tip, how numbers are written.

function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children);
  return node;
}

const block = (className, ...children) => element("div", { className }, ...children);
const tools = (...children) => element("span", { className: "wbc-tools" }, ...children);
const note = (textContent) => element("span", { className: "wbc-muted", textContent });

const count = (n) => n.toLocaleString("en-US");
function number(v) {
  if (!Number.isFinite(v)) return "–";
  const isLong = Math.abs(v) >= 1e4 || (v !== 0 && Math.abs(v) < 1e-3);
  return (isLong ? v.toExponential(1) : String(+v.toPrecision(3))).replace("-", "−");
}

/** Show lines of text beside (x, y) in the stage's tip, or hide it. */
function showTip(tip, stage, lines, x, y) {
  tip.hidden = !lines;
  if (!lines) return;
  const rest = lines.slice(1).map((textContent) => element("div", { textContent }));
  tip.replaceChildren(element("b", { textContent: lines[0] }), ...rest);
  const { offsetWidth: width, offsetHeight: height } = tip;
  tip.style.left = `${x + 14 + width > stage.width ? Math.max(0, x - width - 12) : x + 14}px`;
  tip.style.top = `${Math.min(Math.max(0, y + 12), Math.max(0, stage.height - height - 4))}px`;
}

/** A button; `label` describes it in full. */
function button(textContent, label, onclick) {
  const names = { title: label, "aria-label": label, className: "wbc-button" };
  return element("button", { type: "button", textContent, onclick, ...names });
}

/** A labelled list of choices; `put` gets the chosen value, `fill(entries, chosen)` sets (value, text) of all.
 *
 * `seen` is what of the label is seen; the rest of it is told when hovering, and to screen readers. */
function choice(label, put, seen = label) {
  const names = { title: label, "aria-label": label };
  const select = element("select", { className: "wbc-select", ...names, onchange: () => put(select.value) });
  const fill = (entries, chosen) => {
    select.replaceChildren(...entries.map(([value, text]) => element("option", { value, textContent: text })));
    select.value = String(chosen);
  };
  return { node: element("label", { className: "wbc-label" }, `${seen} `, select), fill };
}

/** A field for a number; `put` gets it, or null if the field is empty, on leaving the field and on Enter. */
function numberField(label, placeholder, put) {
  const names = { title: label, "aria-label": label, placeholder };
  const field = element("input", { type: "number", min: 0, className: "wbc-number", ...names });
  const enter = () => put(field.value === "" ? null : Math.max(0, Math.round(Number(field.value)) || 0));
  field.onchange = enter;
  field.addEventListener("keydown", ({ key }) => key === "Enter" && enter()); // a notebook may keep Enter for itself
  return { node: field, field };
}

/** Keep a notebook's shortcuts off the keys pressed in `root`, except those with Control or Command. */
function ownKeys(root) {
  const own = (yes) => root.toggleAttribute("data-lm-suppress-shortcuts", yes);
  const isModifier = ({ key }) => key === "Control" || key === "Meta";
  own(true);
  root.addEventListener("keydown", (event) => isModifier(event) && own(false));
  root.addEventListener("keyup", (event) => isModifier(event) && own(true));
  root.addEventListener("focusout", () => own(true));
}

const dot = (color) => element("span", { className: "wbc-dot", style: `background: ${color}` });
const lineSwatch = (color, dashed) =>
  element("span", { className: "wbc-line", style: `border-top: 3px ${dashed ? "dashed" : "solid"} ${color}` });

/** A titled row of the legend. */
function legendGroup(title, entries) {
  return element("fieldset", { className: "wbc-group" }, element("legend", { textContent: title }), ...entries);
}

/** A swatch, a name and a number, after a checkbox if there is one. */
function legendItem(swatch, name, n, ...box) {
  const tag = box.length ? "label" : "span";
  return element(tag, { className: "wbc-check" }, ...box, swatch, ` ${name} `, note(count(n)));
}
