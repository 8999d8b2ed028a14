// Edges to pixels. Few edges are stroked; many are summed per pixel and kind, then mapped to colours by a tone curve.

const STROKED = 3000; // up to this many visible edges are drawn as lines with widths
const PIECES = 24; // straight pieces of a skip edge's curve; every second one is drawn

/** How far a skip edge bows, in pixels: outwards from the middle, more the longer it is, but not out of the graph. */
function bow(x0, x1, y0, y1, { top, bottom }) {
  const middle = (y0 + y1) / 2;
  const up = middle <= (top + bottom) / 2;
  const most = 2 * Math.max(0, up ? middle - top : bottom - middle); // the curve goes half as far
  return (up ? -1 : 1) * Math.min(0.2 * Math.abs(x1 - x0), most);
}

/** Numbers of the first `shows.most` edges that `shows` admits and that are marked (if there are marks), as far as they
 * touch the picture. */
function visibleEdges(scene, screen, shows, marks) {
  const { source, target, kind, skip } = scene;
  const { x, y, width, height } = screen;
  const list = new Int32Array(source.length);
  let n = 0;
  let admitted = 0;
  for (let e = 0; e < source.length && admitted < shows.most; e++) {
    if ((marks && !marks[e]) || !shows.kinds[kind[e]] || !(skip[e] ? shows.skip : shows.next)) continue;
    admitted++;
    const a = source[e];
    const b = target[e];
    if ((x[a] < 0 && x[b] < 0) || (x[a] > width && x[b] > width)) continue;
    const slack = skip[e] ? 0.1 * Math.abs(x[b] - x[a]) : 0;
    if ((y[a] < -slack && y[b] < -slack) || (y[a] > height + slack && y[b] > height + slack)) continue;
    list[n++] = e;
  }
  return list.subarray(0, n);
}

/** Stroke edges on `pen`, light ones first, so that heavy ones lie on top; a generator, as what follows. */
function* strokeEdges(pen, scene, screen, list, inks, ratio) {
  const { source, target, kind, skip, strength } = scene;
  const { x, y } = screen;
  const order = Array.from(list).sort((a, b) => strength[a] - strength[b]);
  const few = order.length < 100;
  const thick = (few ? 4.5 : order.length < 500 ? 2.5 : 1.6) * ratio;
  for (let k = 0; k < order.length; k++) {
    const e = order[k];
    const [x0, y0, x1, y1] = [x[source[e]], y[source[e]], x[target[e]], y[target[e]]];
    const { color, dashed } = inks[kind[e]];
    const opacity = few ? 0.95 : 0.35 + 0.6 * strength[e]; // few edges: thickness alone tells the weight
    const width = Math.max((few ? 1.1 : 0.7) * ratio, thick * strength[e]);
    Object.assign(pen, { strokeStyle: color, globalAlpha: opacity, lineWidth: width });
    pen.setLineDash(dashed ? [3 * ratio, 3 * ratio] : skip[e] ? [7 * ratio, 4 * ratio] : []);
    pen.beginPath();
    pen.moveTo(x0, y0);
    if (skip[e]) pen.quadraticCurveTo((x0 + x1) / 2, (y0 + y1) / 2 + bow(x0, x1, y0, y1, screen), x1, y1);
    else pen.lineTo(x1, y1);
    pen.stroke();
    if ((k & 127) === 127) yield;
  }
}

/** A point of a quadratic curve, one coordinate. */
function bend(t, p, m, q) {
  return (1 - t) * (1 - t) * p + 2 * t * (1 - t) * m + t * t * q;
}

/** Sums of edge strength per pixel, one plane per kind. */
class Accumulator {
  constructor(width, height) {
    Object.assign(this, { width, height, stride: width + 2, planes: [] });
  }
  /** The part of a line inside the picture, as [from, to] in 0..1 (Liang and Barsky); from > to: none. */
  clip(x0, y0, dx, dy) {
    let [from, to] = [0, 1];
    for (let side = 0; side < 4; side++) {
      const p = side === 0 ? -dx : side === 1 ? dx : side === 2 ? -dy : dy;
      const q = side === 0 ? x0 : side === 1 ? this.width - 1 - x0 : side === 2 ? y0 : this.height - 1 - y0;
      if (p === 0 && q < 0) return [1, 0];
      if (p < 0) from = Math.max(from, q / p);
      else if (p > 0) to = Math.min(to, q / p);
    }
    return [from, to];
  }
  /** Add an anti-aliased line: each step is split between the two pixels beside it. */
  addLine(plane, x0, y0, x1, y1, amount) {
    const dx = x1 - x0;
    const dy = y1 - y0;
    const [from, to] = this.clip(x0, y0, dx, dy);
    if (from > to) return;
    const long = Math.abs(dx) >= Math.abs(dy);
    const ax = x0 + from * dx;
    const ay = y0 + from * dy;
    const steps = Math.max(1, Math.round((to - from) * (long ? Math.abs(dx) : Math.abs(dy))));
    const along = long ? Math.sign(dx) : Math.sign(dy) * this.stride;
    const across = long ? this.stride : 1;
    const slope = ((to - from) * (long ? dy : dx)) / steps;
    let minor = long ? ay : ax;
    let base = long ? Math.round(ax) : Math.round(ay) * this.stride;
    for (let i = 0; i < steps; i++) {
      const whole = minor | 0;
      const part = minor - whole;
      const at = base + whole * across;
      plane[at] += amount * (1 - part);
      plane[at + across] += amount * part;
      base += along;
      minor += slope;
    }
  }
  /** Add a dashed curve; a phase of its own keeps the gaps of many edges from lining up. */
  addCurve(plane, x0, y0, x1, y1, lift, amount, phase) {
    const mx = (x0 + x1) / 2;
    const my = (y0 + y1) / 2 + lift;
    for (let i = -2 * phase; i < PIECES; i += 2) {
      const a = Math.max(0, i / PIECES);
      const b = Math.min(1, (i + 1.2) / PIECES);
      if (b <= a) continue;
      this.addLine(plane, bend(a, x0, mx, x1), bend(a, y0, my, y1), bend(b, x0, mx, x1), bend(b, y0, my, y1), amount);
    }
  }
}

/** Add all edges of `list`; a generator, so that the page stays responsive between parts. */
function* accumulate(sums, scene, screen, list, inks) {
  const { source, target, kind, skip, strength } = scene;
  const { x, y } = screen;
  for (let k = 0; k < list.length; k++) {
    const e = list[k];
    const a = source[e];
    const b = target[e];
    const plane = (sums.planes[kind[e]] ??= new Float32Array(sums.stride * (sums.height + 2)));
    if (skip[e] || inks[kind[e]].dashed) {
      const lift = skip[e] ? bow(x[a], x[b], y[a], y[b], screen) : 0;
      sums.addCurve(plane, x[a], y[a], x[b], y[b], lift, 0.7 * strength[e], (e * 0.618) % 1);
    } else sums.addLine(plane, x[a], y[a], x[b], y[b], strength[e]);
    if ((k & 1023) === 1023) yield;
  }
}

/** The sum shown at full strength: the 99th percentile of the pixels that edges touch. */
function exposure(planes, length) {
  const sample = new Float32Array(Math.ceil(length / 7));
  let n = 0;
  for (let i = 0; i < length; i += 7) {
    let sum = 0;
    for (const plane of planes) sum += plane[i];
    if (sum > 0.02) sample[n++] = sum;
  }
  return Math.max(1, sample.subarray(0, n).sort()[Math.floor(n * 0.99)] || 1);
}

/** Sums of some kinds to colours with opacity; the stronger kind in a pixel dominates its hue. */
function* develop(sums, kinds, image, inks) {
  const used = kinds.filter((kind) => sums.planes[kind]);
  const planes = used.map((kind) => sums.planes[kind]);
  const colors = used.map((kind) => inks[kind].rgb);
  const scale = 242 / Math.log1p(2 * exposure(planes, sums.stride * sums.height));
  const { data } = image;
  for (let row = 0; row < sums.height; row++) {
    for (let column = 0; column < sums.width; column++) {
      const at = row * sums.stride + column;
      let [sum, mass, r, g, b] = [0, 0, 0, 0, 0];
      for (let k = 0; k < planes.length; k++) {
        const value = planes[k][at];
        const share = value * value * value;
        sum += value;
        mass += share;
        r += share * colors[k][0];
        g += share * colors[k][1];
        b += share * colors[k][2];
      }
      if (mass === 0) continue;
      const out = 4 * (row * sums.width + column);
      data[out] = r / mass;
      data[out + 1] = g / mass;
      data[out + 2] = b / mass;
      data[out + 3] = Math.min(255, scale * Math.log1p(2 * sum));
    }
    if ((row & 63) === 63) yield;
  }
}

/** A canvas that is not on the page; a worker has no other. */
function makeSheet(width, height) {
  if (typeof OffscreenCanvas !== "undefined") return new OffscreenCanvas(width, height);
  return Object.assign(document.createElement("canvas"), { width, height });
}

/** Draw edges into a new sheet of the screen's size (device pixels); returns {sheet, nEdges} at the end. */
function* renderEdges(scene, screen, shows, marks, inks, ratio) {
  const { width, height } = screen;
  const sheet = makeSheet(width, height);
  const pen = sheet.getContext("2d");
  const list = visibleEdges(scene, screen, shows, marks);
  yield;
  if (list.length <= STROKED) {
    yield* strokeEdges(pen, scene, screen, list, inks, ratio);
    return { sheet, nEdges: list.length };
  }
  const sums = new Accumulator(width, height);
  yield* accumulate(sums, scene, screen, list, inks);
  for (const { kinds, opacity } of scene.passes) {
    const image = pen.createImageData(width, height);
    yield* develop(sums, kinds, image, inks);
    const layer = makeSheet(width, height); // putImageData would not blend
    layer.getContext("2d").putImageData(image, 0, 0);
    pen.globalAlpha = opacity;
    pen.drawImage(layer, 0, 0);
    yield;
  }
  return { sheet, nEdges: list.length };
}

/** What draws edges, on the page or in a worker: a function that takes a scene, or a job that replaces the last one.
 *
 * A job's `parts` are marks of edges, or null for all edges. `reply` gets the picture of each part once it is drawn.
 * Work is done in slices of `busy` ms with pauses of `rest` ms. */
function makePainter(reply, busy, rest) {
  let scene = null;
  let timer = 0;
  const run = (steps) => {
    const until = performance.now() + busy;
    while (!steps.next().done) if (performance.now() > until) return void (timer = setTimeout(run, rest, steps));
  };
  function* draw({ id, screen, shows, parts, inks, ratio }) {
    for (const part of Object.keys(parts)) {
      const { sheet, nEdges } = yield* renderEdges(scene, screen, shows, parts[part], inks, ratio);
      reply({ id, part, nEdges, bitmap: sheet.transferToImageBitmap?.() ?? sheet });
      yield;
    }
  }
  return (message) => {
    clearTimeout(timer);
    if (message.scene) scene = message.scene;
    if (message.screen) run(draw(message));
  };
}

const PAINTING = [bow, visibleEdges, strokeEdges, bend, Accumulator, accumulate, exposure, develop, makeSheet];
PAINTING.push(renderEdges, makePainter);

/** A painter in a worker, or on this page where there is none: {post, close}. */
function startPainter(reply) {
  const here = { post: makePainter(reply, 6, 10), close() {} }; // leaves most of each frame to the page
  if (typeof OffscreenCanvas === "undefined") return here;
  const constants = `const STROKED = ${STROKED}, PIECES = ${PIECES};`;
  const start = `const receive = makePainter((picture) => postMessage(picture, [picture.bitmap]), 50, 0);
    onmessage = ({ data }) => receive(data);`;
  const url = URL.createObjectURL(new Blob([constants, PAINTING.join("\n"), start], { type: "text/javascript" }));
  let worker;
  try {
    worker = new Worker(url);
  } catch {
    return here; // the page's policy forbids it
  }
  URL.revokeObjectURL(url);
  let sent = {};
  const painter = {
    post(message) {
      sent = { ...(message.scene ? {} : sent), ...message };
      worker.postMessage(message);
    },
    close: () => worker.terminate(),
  };
  worker.onmessage = ({ data }) => reply(data);
  worker.onerror = () => {
    Object.assign(painter, here);
    here.post(sent);
  };
  return painter;
}
