// Edges bundled between blocks of neurons, as bands whose widths are numbers of edges; a click opens a block.

const PORTS = 0.92; // of a block's height that its bundles may take

/** Blocks with their neurons and bundles, and the bundles: edges of each kind from block to block. */
function bundleEdges(scene) {
  const { block, source, target, kind, skip, layers, y } = scene;
  const blocks = new Map();
  for (let i = 0; i < scene.n; i++) {
    if (!blocks.has(block[i])) blocks.set(block[i], { id: block[i], layer: layers[i], members: [], into: [], out: [] });
    blocks.get(block[i]).members.push(i);
  }
  const bundles = new Map();
  for (let e = 0; e < source.length; e++) {
    const [from, to] = [block[source[e]], block[target[e]]];
    const key = from * 65536 + to;
    if (!bundles.has(key)) {
      const bundle = { from: blocks.get(from), to: blocks.get(to), counts: [0, 0, 0, 0, 0], skip: skip[e] };
      bundles.set(key, bundle);
      bundle.from.out.push(bundle);
      bundle.to.into.push(bundle);
    }
    bundles.get(key).counts[kind[e]]++;
  }
  const height = ({ members }) => y[members[0]];
  for (const each of blocks.values()) {
    each.out.sort((a, b) => a.to.layer - b.to.layer || height(a.to) - height(b.to));
    each.into.sort((a, b) => b.from.layer - a.from.layer || height(a.from) - height(b.from));
  }
  return { blocks: [...blocks.values()], bundles: [...bundles.values()] };
}

/** The rectangle around a block, in device pixels: left, top, right, bottom; it fills its band of the layer. */
function blockBox(scene, { id, layer, members }, { x, y, shift, scale }, room) {
  const [xs, ys] = [members.map((i) => x[i]), members.map((i) => y[i])];
  if (layer < scene.nLayers - 1) {
    const [band, high] = [id - layer * BANDS, scale[1] / BANDS];
    ys.push(shift[1] + (band + 0.04) * high + room, shift[1] + (band + 0.96) * high - room);
  }
  return [Math.min(...xs) - room, Math.min(...ys) - room, Math.max(...xs) + room, Math.max(...ys) + room];
}

/** Edges of a bundle that `shows` admits, by kind. */
function shownCounts({ counts, skip }, shows) {
  return counts.map((n, kind) => (shows.kinds[kind] && (skip ? shows.skip : shows.next) ? n : 0));
}

const sum = (values) => values.reduce((total, v) => total + v, 0);

/** Place blocks and bundles on the screen; returns the device pixels of one edge. */
function placeBundles(scene, screen, shows, unit) {
  const { blocks, bundles } = scene.bundled;
  for (const bundle of bundles) bundle.size = sum((bundle.shown = shownCounts(bundle, shows)));
  let width = Infinity;
  for (const each of blocks) {
    each.box = blockBox(scene, each, screen, 3 * unit);
    const most = Math.max(sum(each.out.map(({ size }) => size)), sum(each.into.map(({ size }) => size)));
    if (most && each.layer < scene.nLayers - 1) width = Math.min(width, (PORTS * (each.box[3] - each.box[1])) / most);
  }
  width = Number.isFinite(width) ? Math.min(width, 6 * unit) : unit;
  for (const each of blocks) {
    for (const [side, end] of [["out", "start"], ["into", "end"]]) {
      const tall = width * sum(each[side].map(({ size }) => size));
      const squeeze = Math.min(1, (PORTS * (each.box[3] - each.box[1])) / (tall || 1)); // outputs are small
      let at = (each.box[1] + each.box[3]) / 2 - (squeeze * tall) / 2;
      for (const bundle of each[side]) {
        bundle[end] = at + (squeeze * width * bundle.size) / 2;
        at += squeeze * width * bundle.size;
      }
    }
  }
  return width;
}

/** Draw all bundles: a stripe for each kind, side by side. */
function paintBundles(pen, scene, screen, width, inks, unit) {
  for (const { from, to, start, end, shown, size, skip } of scene.bundled.bundles) {
    if (!size) continue;
    const [x0, x1] = [from.box[2], to.box[0]];
    const lift = skip ? bow(x0, x1, start, end, screen) : 0;
    let at = -(width * size) / 2;
    shown.forEach((n, kind) => {
      if (!n) return;
      const offset = at + (width * n) / 2;
      at += width * n;
      Object.assign(pen, { strokeStyle: inks[kind].color, lineWidth: Math.max(width * n, 0.4 * unit) });
      pen.beginPath();
      pen.moveTo(x0, start + offset);
      const [third, bend] = [(x1 - x0) / 3, (4 * lift) / 6];
      pen.bezierCurveTo(x0 + third, start + offset + bend, x1 - third, end + offset + bend, x1, end + offset);
      pen.stroke();
    });
  }
}

/** Frame the blocks; `opened` is the number of the one that was opened, `hovered` of the one under the pointer. */
function paintBlocks(pen, scene, theme, opened, hovered, unit) {
  for (const { id, box } of scene.bundled.blocks) {
    const [left, top, right, bottom] = box;
    const strong = id === opened || id === hovered;
    Object.assign(pen, { strokeStyle: strong ? theme.text : theme.border, lineWidth: (strong ? 2 : 1) * unit });
    pen.beginPath();
    pen.roundRect(left, top, right - left, bottom - top, 3 * unit);
    pen.stroke();
  }
}

/** The block at (x, y) in device pixels, or null. */
function blockAt(scene, x, y) {
  const isIn = ({ box }) => box && x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3];
  return scene.bundled.blocks.find(isIn) ?? null;
}

/** What a block is, line by line. */
function describeBlock(scene, { layer, members, into, out }) {
  const rows = members.map((i) => scene.positions[2 * i]).filter((v) => !Number.isNaN(v));
  const where = rows.length ? `rows ${number(Math.min(...rows))} to ${number(Math.max(...rows))}` : "";
  const name = rows.length ? "" : (scene.classNames[members[0] - scene.nInputs] ?? "");
  const edges = (bundles) => count(sum(bundles.map(({ counts }) => sum(counts))));
  return [
    [layerName(scene, layer), where, name].filter(Boolean).join(", "),
    `${count(members.length)} ${members.length === 1 ? "neuron" : "neurons"}`,
    `${edges(into)} edges in, ${edges(out)} out`,
  ];
}

/** Marks of a block's neurons (3) and edges, and of those they come from (1) and go to (2). */
function blockMarks(scene, opened) {
  const { source, target, block } = scene;
  const neurons = new Uint8Array(scene.n);
  const edges = new Uint8Array(source.length);
  for (let e = 0; e < source.length; e++) {
    const [comes, goes] = [block[source[e]] === opened, block[target[e]] === opened];
    if (goes) neurons[source[e]] = edges[e] = 1;
    if (comes) neurons[target[e]] = edges[e] = 2;
  }
  for (let i = 0; i < scene.n; i++) if (block[i] === opened) neurons[i] = 3;
  return { neurons, edges, block: scene.bundled.blocks.find(({ id }) => id === opened) };
}
