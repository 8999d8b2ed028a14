// The network as a graph: degrees, ancestors and descendants, and what its edges look like.

/** Edge numbers grouped by `ends`: those of neuron i are order[starts[i]] .. order[starts[i + 1] - 1]. */
function groupEdges(ends, nNeurons) {
  const starts = new Int32Array(nNeurons + 1);
  for (let e = 0; e < ends.length; e++) starts[ends[e] + 1]++;
  for (let i = 0; i < nNeurons; i++) starts[i + 1] += starts[i];
  const next = starts.slice();
  const order = new Int32Array(ends.length);
  for (let e = 0; e < ends.length; e++) order[next[ends[e]]++] = e;
  return { starts, order };
}

/** Mark (with `mark`) all neurons and edges reached from `start` along `grouped`, whose other ends are `others`. */
function reach(start, grouped, others, mark, neurons, edges) {
  const stack = [start];
  let found = 0;
  while (stack.length) {
    const neuron = stack.pop();
    for (let k = grouped.starts[neuron]; k < grouped.starts[neuron + 1]; k++) {
      const edge = grouped.order[k];
      const other = others[edge];
      edges[edge] = mark;
      if (neurons[other]) continue;
      neurons[other] = mark;
      found++;
      stack.push(other);
    }
  }
  return found;
}

/** Ancestors (1) and descendants (2) of a neuron, as marks on neurons and edges. */
function relatives(scene, neuron) {
  const neurons = new Uint8Array(scene.n);
  const edges = new Uint8Array(scene.source.length);
  const ancestors = reach(neuron, scene.incoming, scene.source, 1, neurons, edges);
  const descendants = reach(neuron, scene.outgoing, scene.target, 2, neurons, edges);
  return { neuron, neurons, edges, ancestors, descendants };
}

/** The scene with what drawing needs: edges grouped by neuron, their strengths, numbers of each kind.
 *
 * `inks` names the list of the theme that `kind` is an index into; `passes` are drawn one over the other. */
function decodeGraph(raw) {
  const scene = decodeScene(raw);
  if (!scene) return null;
  const { kind, skip, source, target, n } = scene;
  const counts = [0, 0, 0, 0, 0];
  for (const each of kind) counts[each]++;
  const nSkip = skip.reduce((sum, each) => sum + each, 0);
  const looks = scene.changes ? changeLooks(scene) : edgeLooks(scene);
  const [incoming, outgoing] = [groupEdges(target, n), groupEdges(source, n)];
  const degrees = ({ starts }) => starts.slice(1).map((end, i) => end - starts[i]);
  const [inDegree, outDegree] = [degrees(incoming), degrees(outgoing)];
  return { ...scene, incoming, outgoing, inDegree, outDegree, counts, nSkip, ...looks };
}

/** Edges of a difference by state; kept ones are faint and lie below the rest; many changed ones are thin. */
function changeLooks({ kind }) {
  const nChanged = kind.reduce((n, state) => n + (state !== KEPT), 0);
  const strong = nChanged > 500 ? 0.35 : 0.9;
  const strength = Float32Array.from(kind, (state) => (state === KEPT ? 0.15 : strong));
  const passes = [
    { kinds: [KEPT], opacity: 0.5 },
    { kinds: [1, 2, 3], opacity: 1 },
  ];
  return { strength, inks: "changes", passes };
}

/** Edges by weight, with a strength of 0.12..1; `full` is the |weight| shown at full strength. */
function edgeLooks({ weight }) {
  const step = Math.max(1, Math.floor(weight.length / 20000));
  const known = (w, e) => e % step === 0 && !Number.isNaN(w);
  const sample = weight.filter(known).map(Math.abs).sort();
  const full = sample[Math.floor(sample.length * 0.99)] || 1;
  const strength = weight.map((w) => (Number.isNaN(w) ? 0.4 : Math.min(1, Math.max(0.12, Math.abs(w) / full))));
  return { strength, full, inks: "weights", passes: [{ kinds: [0, 1, 2, 3, 4], opacity: 1 }] };
}
