// A network as text: what Python wrote, with a selected line or name, tips and keys.

const NAMES = "[data-name]";

class Listing {
  constructor(model, { holder, tip, signal }, report) {
    Object.assign(this, { model, tip, signal, report, here: null });
    const label = "Lines of the network. Up and down go from line to line, left and right through its names, Escape clears.";
    this.root = element("div", { className: "wbc-canvas wbl-text-stage", tabIndex: 0, role: "application", "aria-label": label });
    this.root.style.cursor = "default";
    this.empty = block("wbl-empty", element("b", { textContent: "No network selected" }));
    holder.append(this.root, this.empty);
    this.root.onclick = (event) => this.click(event.target);
    this.root.onpointermove = (event) => this.hover(event);
    this.root.onpointerleave = this.root.onscroll = () => (this.tip.hidden = true);
    this.root.onkeydown = (event) => this.press(event);
    const seen = new ResizeObserver(() => this.settle()); // a tab that was at the back
    seen.observe(this.root);
    signal.addEventListener("abort", () => seen.disconnect());
  }
  /** The size of what the tip must stay within. */
  get width() {
    return this.root.clientWidth;
  }
  get height() {
    return this.root.clientHeight;
  }
  choose(part) {
    this.model.set("part", part);
    this.model.save_changes();
  }
  load() {
    const scene = this.model.get("scene");
    this.scene = scene?.html === undefined ? null : scene;
    this.root.innerHTML = this.scene?.html ?? "";
    this.lines = [...this.root.querySelectorAll(".wbl-line")];
    this.names = [...this.root.querySelectorAll(NAMES)];
    this.here = null;
    this.empty.hidden = Boolean(this.scene);
    this.tip.hidden = true;
    this.changed = this.root.querySelector(".wbl-line:is(.s1, .s2, .s3)"); // until it was scrolled to
    this.mark();
    const told = { lines: this.lines.length, version: this.scene?.version ?? 0 };
    requestAnimationFrame(() => {
      if (this.signal.aborted) return;
      this.model.set("drawn", told);
      this.model.save_changes();
    });
  }
  /** The key of a line or the name that is selected; a graph may have a name several times, as in "v3.next". */
  chosen() {
    const part = this.model.get("part");
    const isKnown = part === null || this.scene?.names[part] || this.lines.some((line) => line.dataset.key === part);
    return isKnown ? part : part.split(".")[0];
  }
  /** Show the selected line, or where the selected name is written and read. */
  mark() {
    const part = this.chosen();
    const chosen = this.lines.find((line) => line.dataset.key === part);
    const lit = this.names.filter((name) => name.dataset.name === part);
    if (chosen) this.here = chosen;
    this.root.classList.toggle("wbl-lighting", lit.length > 0);
    for (const name of this.names) name.classList.toggle("wbl-lit", name.dataset.name === part);
    for (const line of this.lines) {
      line.classList.toggle("wbl-chosen", line === chosen);
      line.classList.toggle("wbl-here", line === this.here && line !== chosen && lit.length > 0);
      line.classList.toggle("wbl-has", lit.some((name) => line.contains(name)));
    }
    if (chosen) this.reveal(chosen);
    this.settle();
    this.report(part, chosen, lit.length > 0 || Boolean(this.scene?.names[part]));
  }
  /** Scroll to what changed, once and as soon as the text is seen, unless a line is selected. */
  settle() {
    if (!this.changed || !this.height) return;
    if (this.here === null) this.reveal(this.changed, true);
    this.changed = null;
  }
  /** Scroll the text alone, not the page. */
  reveal(line, toMiddle = false) {
    const [box, around] = [line.getBoundingClientRect(), this.root.getBoundingClientRect()];
    const [top, bottom] = [box.top - around.top - 26, box.bottom - around.top - this.height + 4]; // below the headings
    if (top < 0 || bottom > 0) this.root.scrollTop += toMiddle ? top - this.height / 2 + 26 : top < 0 ? top : bottom;
  }
  click(target) {
    const name = target.closest(NAMES)?.dataset.name;
    const line = target.closest(".wbl-line");
    if (name !== undefined && line) this.here = line;
    const part = name ?? line?.dataset.key ?? null;
    this.choose(part === this.chosen() ? null : part);
  }
  hover(event) {
    const name = event.target.closest(NAMES)?.dataset.name;
    const line = event.target.closest(".wbl-line");
    const told = line ? line.dataset.tip.split("\n") : null;
    const names = name === undefined ? [] : this.scene.names[name].slice(1);
    const around = this.root.getBoundingClientRect();
    showTip(this.tip, this, told && [...names, ...told], event.clientX - around.left, event.clientY - around.top);
  }
  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.lines.length) return;
    const place = this.lines.indexOf(this.here);
    const go = (to) => this.choose(this.lines[Math.min(Math.max(to, 0), this.lines.length - 1)].dataset.key);
    const actions = {
      ArrowDown: () => go(place + 1),
      ArrowUp: () => go(place < 0 ? 0 : place - 1),
      Home: () => go(0),
      End: () => go(this.lines.length - 1),
      ArrowRight: () => this.step(1),
      ArrowLeft: () => this.step(-1),
      Escape: () => this.clear(),
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    event.stopPropagation(); // or the notebook takes it as a command
    actions[event.key]();
  }
  /** Light the next or previous name of the line. */
  step(by) {
    const names = [...new Set([...(this.here?.querySelectorAll(NAMES) ?? [])].map(({ dataset }) => dataset.name))];
    if (!names.length) return;
    const now = names.indexOf(this.chosen());
    this.choose(names[now < 0 ? (by > 0 ? 0 : names.length - 1) : (now + by + names.length) % names.length]);
  }
  clear() {
    this.here = null;
    this.choose(null);
    this.mark(); // nothing may have been selected but a place
  }
}

/** Names by what they mean, to be lit. */
function meanings(scene, chosen, choose) {
  const groups = new Map();
  for (const [name, [meaning]] of Object.entries(scene?.names ?? {}))
    if (meaning) groups.set(meaning, [...(groups.get(meaning) ?? []), name]);
  const chip = (name) => {
    const made = element("button", { type: "button", className: "wbl-chip", textContent: name, onclick: () => choose(name === chosen ? null : name) });
    made.setAttribute("aria-pressed", String(name === chosen));
    made.title = `light where ${name} is written and read`;
    return made;
  };
  return [...groups].map(([meaning, names]) => element("span", {}, meaning, ...names.map(chip)));
}

function listingLegend(scene, theme) {
  if (!scene) return [];
  const swatch = (what) => element("span", { className: `wbl-swatch wbl-${what}` });
  const groups = [];
  if (scene.changes.lines_kept !== undefined) {
    const states = theme.changes.map(({ name, color, dashed }) => legendItem(lineSwatch(color, dashed), name, scene.changes[`lines_${name}`]));
    groups.push(legendGroup("lines", states));
  }
  if (Object.keys(scene.names).length) {
    const marks = ["writes", "reads"].map((what) => element("span", { className: "wbc-check" }, swatch(what), { writes: "written", reads: "read" }[what]));
    groups.push(legendGroup("a chosen name is", marks));
  }
  return scene.live < scene.lines ? [...groups, note("grey: the answer does not depend on it")] : groups;
}

function listingStatus(scene, part, line, isName) {
  if (!scene) return [""];
  if (line) return [element("b", { textContent: line.dataset.tip.split("\n").join(" · ") })];
  if (isName) return [element("b", { textContent: scene.names[part].slice(1).join(" · ") })];
  const click = Object.keys(scene.names).length ? "Click a name to see where it is written and read, or a line." : "Click a line to select it.";
  return [`${click} Keys: arrows, Esc.`];
}

function render({ model, el }) {
  const frame = makeFrame({ model, el }, "wbl");
  const root = frame.holder.parentElement;
  const names = block("wbl-meanings");
  frame.title.after(names);
  const report = (part, line, isName) => {
    const { scene } = listing;
    names.replaceChildren(...meanings(scene, part, (name) => listing.choose(name)));
    frame.status.replaceChildren(...listingStatus(scene, part, line, isName));
  };
  const listing = new Listing(model, frame, report);
  const legend = () => frame.legend.replaceChildren(...listingLegend(listing.scene, readTheme(root)));
  const show = () => {
    listing.load();
    const { scene } = listing;
    frame.head.hidden = !scene;
    if (scene) frame.title.textContent = `${count(scene.lines)} lines${scene.live < scene.lines ? `, ${count(scene.live)} live` : ""}`;
    legend();
  };
  const repaint = () => {
    const theme = readTheme(root);
    theme.changes.forEach(({ color }, place) => root.style.setProperty(`--s${place}`, color));
    root.style.setProperty("--ancestor", theme.ancestor);
    root.style.setProperty("--descendant", theme.descendant);
    legend();
  };
  repaint();
  show();
  onThemeChange(repaint, frame.signal);
  const placed = new ResizeObserver(repaint); // only on the page are colours known
  placed.observe(root);
  frame.signal.addEventListener("abort", () => placed.disconnect());
  observe(model, frame.signal, { scene: show, part: () => listing.mark() });
  return frame.leave;
}

export default { render };
