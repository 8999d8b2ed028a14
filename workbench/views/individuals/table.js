// Any number of individuals as a table of which only the rows in sight are in the page. Sorting and filtering happen
// here; rows come from the kernel once, later only new ones.
const ROW = 24, SPARE = 6;
const STORES = new WeakMap(); // what the page knows of the rows, one for all places where a table is shown

const count = new Intl.NumberFormat("en");
const FORMATS = {
  text: (value) => value,
  whole: (value) => (value < 0 || Number.isNaN(value) ? "–" : String(value)),
  count: (value) => (Number.isNaN(value) ? "–" : count.format(value)),
  percent: (value) => (Number.isNaN(value) ? "–" : `${(100 * value).toFixed(2)}%`),
  points: (value) => (Number.isNaN(value) ? "–" : `${value < 0 ? "−" : "+"}${Math.abs(100 * value).toFixed(2)}`),
  seconds: (value) => (Number.isNaN(value) ? "–" : value.toFixed(1)),
};
const SCALES = { percent: 100, points: 100 }; // filters are in the units that are shown
const UNITS = { k: 1e3, m: 1e6, g: 1e9 };

class Store {
  constructor(model) {
    this.model = model;
    this.columns = model.get("columns");
    this.values = Object.fromEntries(this.columns.map(({ name }) => [name, []]));
    this.length = 0;
    this.listeners = new Set();
    model.on("msg:custom", (message, buffers) => message.kind === "rows" && this.take(message, buffers));
    model.on("change:status", () => this.tell());
    this.ask();
  }

  ask() { this.model.send({ kind: "rows", from: this.length }); }

  take({ from, texts }, buffers) {
    if (from > this.length) return this.ask(); // some were missed
    const known = this.length - from;
    const numbers = this.columns.filter(({ format }) => format !== "text" && format !== "status");
    numbers.forEach(({ name }, place) => {
      const { buffer, byteOffset, byteLength } = buffers[place];
      const column = new Float64Array(buffer.slice(byteOffset, byteOffset + byteLength));
      for (let row = known; row < column.length; row++) this.values[name].push(column[row]);
    });
    for (const [name, column] of Object.entries(texts)) this.values[name].push(...column.slice(known));
    this.length = this.values.id.length;
    this.tell();
  }

  // The status of all rows comes with every change, as one byte each.
  tell() {
    const status = this.model.get("status"), words = this.model.get("statuses");
    const bytes = new Uint8Array(status.buffer, status.byteOffset, status.byteLength);
    this.values.status = Array.from({ length: this.length }, (_, row) => words[bytes[row] ?? 0]);
    for (const listener of this.listeners) listener();
  }
}

// A test of one column's values, from what a person wrote: "> 98", "2..4", "5k", or a part of the text.
function testOf(text, { format }) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return null;
  if (format === "text" || format === "status") return (value) => value.toLowerCase().includes(wanted);
  const number = (part) => {
    const found = /^(-?[\d.,]+)\s*([kmg]?)%?$/.exec(part.trim().replace("−", "-"));
    return found ? (Number(found[1].replaceAll(",", "")) * (UNITS[found[2]] ?? 1)) / (SCALES[format] ?? 1) : NaN;
  };
  const [, sign, rest] = /^(<=|>=|<|>|=)?(.*)$/.exec(wanted);
  const ends = rest.split("..");
  if (ends.length === 2) {
    const low = ends[0] ? number(ends[0]) : -Infinity, high = ends[1] ? number(ends[1]) : Infinity;
    return (value) => value >= low && value <= high;
  }
  const limit = number(rest);
  const signs = {
    "<": (value) => value < limit, "<=": (value) => value <= limit, ">": (value) => value > limit,
    ">=": (value) => value >= limit, "=": (value) => value === limit,
  };
  return signs[sign] ?? (format === "whole" ? signs["="] : (value) => FORMATS[format](value).includes(rest));
}

function render({ model, el }) {
  if (!STORES.has(model)) STORES.set(model, new Store(model));
  const store = STORES.get(model), columns = store.columns;
  el.classList.add("wb-individuals");
  const shares = columns.map(({ width, format }) => `minmax(${width}px, ${format === "text" ? 5 : 1}fr)`);
  el.style.setProperty("--wb-columns", shares.join(" "));
  el.style.setProperty("--wb-least", `${columns.reduce((sum, { width }) => sum + width, 0)}px`);
  const make = (name, parent, values = {}) => parent.appendChild(Object.assign(document.createElement(name), values));
  const grid = make("div", el, { className: "wb-rows", tabIndex: 0 });
  grid.setAttribute("role", "grid");
  grid.setAttribute("aria-label", "individuals");
  const head = make("div", grid, { className: "wb-rows-head" });
  const body = make("div", grid, { className: "wb-rows-body" });
  const foot = make("div", el, { className: "wb-quiet", role: "status" });
  let sort = { name: "id", falls: true }, tests = [], order = [], asked = false;

  const heads = columns.map((column) => {
    const cell = make("div", head, { className: column.format === "text" ? "" : "wb-number" });
    const button = make("button", cell, { title: `Sort by ${column.label}` });
    button.onclick = () => {
      sort = { name: column.name, falls: sort.name === column.name ? !sort.falls : column.format !== "text" };
      arrange(true);
    };
    const filter = make("input", cell, { placeholder: column.hint, title: column.filter });
    filter.setAttribute("aria-label", `Filter by ${column.label}`);
    filter.oninput = () => arrange(true);
    filter.onkeydown = (event) => event.stopPropagation();
    return { column, cell, button, filter };
  });

  // Rows that pass the filters, sorted; unless a person asked for it, the row on top stays on top.
  function arrange(anew = false) {
    const top = Math.floor(grid.scrollTop / ROW), above = anew || !grid.scrollTop ? null : order[top];
    tests = heads.map(({ column, filter }) => [store.values[column.name], testOf(filter.value, column)]).filter(([, test]) => test);
    order = Array.from({ length: store.length }, (_, row) => row).filter((row) => tests.every(([values, test]) => test(values[row])));
    const values = store.values[sort.name], sign = sort.falls ? -1 : 1;
    const missing = (value) => value === "" || Number.isNaN(value) ? 1 : 0;
    order.sort((a, b) => missing(values[a]) - missing(values[b]) // unknown ones last
      || sign * (values[a] < values[b] ? -1 : values[a] > values[b] ? 1 : 0) || b - a);
    for (const { column, cell, button } of heads) {
      const sorted = column.name === sort.name;
      button.textContent = column.label + (sorted ? (sort.falls ? " ▾" : " ▴") : "");
      cell.setAttribute("aria-sort", sorted ? (sort.falls ? "descending" : "ascending") : "none");
    }
    body.style.height = `${order.length * ROW}px`;
    grid.setAttribute("aria-rowcount", order.length);
    foot.textContent = `${count.format(order.length)} of ${count.format(store.length)} individuals`;
    if (anew) grid.scrollTop = 0;
    else if (above !== null) grid.scrollTop += (order.indexOf(above) - top) * ROW;
    draw();
  }

  function draw() {
    asked = false;
    const first = Math.max(0, Math.floor(grid.scrollTop / ROW) - SPARE);
    const last = Math.min(order.length, Math.ceil((grid.scrollTop + grid.clientHeight) / ROW) + SPARE);
    const selected = model.get("selected");
    body.replaceChildren();
    for (let place = first; place < last; place++) {
      const row = order[place], id = store.values.id[row];
      const line = make("div", body, { className: "wb-row" });
      line.style.top = `${place * ROW}px`;
      line.dataset.individual = id;
      line.setAttribute("role", "row");
      line.setAttribute("aria-rowindex", place + 1);
      line.setAttribute("aria-selected", id === selected);
      line.onclick = () => choose(place);
      for (const { name, format } of columns) {
        const value = store.values[name][row], text = (FORMATS[format] ?? FORMATS.text)(value);
        const cell = make("span", line, { textContent: text, className: format === "text" ? "" : "wb-number" });
        if (format === "text") cell.title = text;
        if (format === "status") cell.dataset.status = value;
      }
    }
  }
  const drawSoon = () => { asked ||= Boolean(requestAnimationFrame(draw)); };

  function choose(place) {
    model.set("selected", store.values.id[order[place]]);
    model.save_changes();
  }

  function reveal() {
    const place = order.findIndex((row) => store.values.id[row] === model.get("selected"));
    if (place >= 0 && (place * ROW < grid.scrollTop || (place + 3) * ROW > grid.scrollTop + grid.clientHeight - ROW))
      grid.scrollTop = Math.max(0, place * ROW - grid.clientHeight / 2);
    draw();
  }

  grid.onkeydown = (event) => {
    const page = Math.max(1, Math.floor(grid.clientHeight / ROW) - 3);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (!(event.key in steps) || event.target !== grid || !order.length) return;
    const here = order.findIndex((row) => store.values.id[row] === model.get("selected"));
    choose(Math.min(order.length - 1, Math.max(0, (here < 0 ? -1 : here) + steps[event.key])));
    event.preventDefault();
    event.stopPropagation();
  };
  const fresh = () => arrange();
  const observer = new ResizeObserver(drawSoon);
  observer.observe(grid);
  grid.onscroll = drawSoon;
  store.listeners.add(fresh);
  model.on("change:selected", reveal);
  arrange();
  return () => {
    observer.disconnect();
    store.listeners.delete(fresh);
    model.off("change:selected", reveal);
  };
}

export default { render };
