// The tree of a derivation: a row a branch, indented; what is closed is one box in the graph.

const STEP = 11; // pixels of indentation a level, at first
const DEEP = 9; // levels from which it is less

const indent = (depth) => STEP * Math.min(depth, DEEP) + 4 * Math.max(0, depth - DEEP);

class TreePane {
  /** `actions`: select(key), toggle(key), deselect(). */
  constructor(actions) {
    this.actions = actions;
    this.rows = [];
    this.changed = null; // the first row that is not kept, until it was scrolled to
    this.node = element("div", { className: "wbm-tree", tabIndex: 0, role: "tree", "aria-label": "Derivation tree" });
    this.node.onkeydown = (event) => this.press(event);
  }
  show(rows) {
    this.rows = rows;
    this.items = rows.map((row) => this.item(row));
    this.node.replaceChildren(...this.items);
    const changed = rows.findIndex(({ state }) => state);
    this.changed = changed < 0 ? null : this.items[changed];
  }
  item(row) {
    const { key, label, kind, color, depth, copies, state, opens, isOpen } = row;
    const toggle = (event) => (event.stopPropagation(), this.actions.toggle(key));
    const arrow = element("span", { className: "wbm-arrow", textContent: opens ? (isOpen ? "▾" : "▸") : "" });
    if (opens) Object.assign(arrow, { onclick: toggle, title: isOpen ? "close: draw as one box" : "open: draw its modules" });
    const dot = element("span", { className: `wbm-dot k${color}` });
    const name = element("span", { className: "wbm-name", textContent: label });
    const times = copies > 1 ? [element("span", { className: "wbm-copies", textContent: `· ${copies} copies` })] : [];
    const item = element(
      "div",
      { className: `wbm-row s${state}`, role: "treeitem", title: `${kind}: ${label}`, "aria-level": depth + 1 },
      arrow,
      dot,
      name,
      ...times,
    );
    if (opens) item.setAttribute("aria-expanded", String(isOpen));
    item.style.paddingLeft = `${4 + indent(depth)}px`;
    item.onclick = () => this.actions.select(key);
    item.ondblclick = () => opens && this.actions.toggle(key);
    return item;
  }
  /** Mark the selected row, and those of boxes before and after it. */
  mark(selected, before, after) {
    const lit = (row, boxes) => row.boxes.length > 0 && row.boxes.every((box) => boxes.has(box));
    this.chosen = -1;
    this.rows.forEach((row, place) => {
      const [item, isChosen] = [this.items[place], row.key === selected];
      item.classList.toggle("wbm-chosen", isChosen);
      item.classList.toggle("wbm-before", !isChosen && lit(row, before));
      item.classList.toggle("wbm-after", !isChosen && lit(row, after));
      item.setAttribute("aria-selected", String(isChosen));
      if (isChosen) this.chosen = place;
    });
    if (this.chosen >= 0) this.reveal(this.items[this.chosen]);
    this.settle();
  }
  /** Scroll to what changed, once and as soon as the pane is seen, unless something is selected. */
  settle() {
    if (!this.changed || !this.node.clientHeight) return;
    if (this.chosen < 0) this.reveal(this.changed);
    this.changed = null;
  }
  /** Scroll the pane alone, not the page. */
  reveal({ offsetTop, offsetHeight }) {
    const { scrollTop, clientHeight } = this.node;
    if (offsetTop < scrollTop) this.node.scrollTop = offsetTop - 4;
    else if (offsetTop + offsetHeight > scrollTop + clientHeight) this.node.scrollTop = offsetTop + offsetHeight - clientHeight + 4;
  }
  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.rows.length) return;
    const row = this.rows[this.chosen];
    const go = (place) => this.actions.select(this.rows[Math.min(Math.max(place, 0), this.rows.length - 1)].key);
    const actions = {
      ArrowDown: () => go(this.chosen + 1),
      ArrowUp: () => go(this.chosen < 0 ? 0 : this.chosen - 1),
      Home: () => go(0),
      End: () => go(this.rows.length - 1),
      ArrowRight: () => row?.opens && (row.isOpen ? go(this.chosen + 1) : this.actions.toggle(row.key)),
      ArrowLeft: () => (row?.opens && row.isOpen ? this.actions.toggle(row.key) : this.up()),
      Enter: () => row?.opens && this.actions.toggle(row.key),
      Escape: () => this.actions.deselect(),
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    event.stopPropagation(); // or the notebook takes it as a command
    actions[event.key]();
  }
  /** Select the row of the branch above. */
  up() {
    const depth = this.rows[this.chosen]?.depth;
    for (let place = this.chosen - 1; place >= 0; place--)
      if (this.rows[place].depth < depth) return this.actions.select(this.rows[place].key);
  }
}
