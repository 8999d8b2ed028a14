// A network as arrays: degrees, who leads to whom, and what is reached from a neuron.

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

/** Decode the DAG scene that Python sent and derive what drawing needs; null if it is empty. */
function decodeScene(raw) {
  if (!raw || !raw.x) return null;
  const scene = {
    x: decode(raw.x, Float32Array),
    y: decode(raw.y, Float32Array),
    layers: decode(raw.layers, Int32Array),
    positions: decode(raw.positions, Float32Array),
    biases: decode(raw.biases, Float32Array),
    source: decode(raw.source, Int32Array),
    target: decode(raw.target, Int32Array),
    weight: decode(raw.weight, Float32Array),
    skip: decode(raw.skip, Uint8Array),
    shared: decode(raw.shared, Uint8Array),
    sizes: raw.layer_sizes,
    nInputs: raw.n_inputs,
    nOutputs: raw.n_outputs,
    names: raw.class_names,
    version: raw.version,
    changes: raw.changes ?? null, // counts of a difference, or null
    neuronState: raw.changes ? decode(raw.neuron_state, Uint8Array) : null,
  };
  scene.n = scene.x.length;
  scene.nLayers = scene.sizes.length;
  scene.incoming = groupEdges(scene.target, scene.n);
  scene.outgoing = groupEdges(scene.source, scene.n);
  return Object.assign(scene, raw.changes ? changeLooks(scene, decode(raw.edge_state, Uint8Array)) : edgeLooks(scene));
}

/** Kind of every edge of a difference is its state; what is kept is faint and lies below the rest. */
function changeLooks({ skip }, kind) {
  const strength = Float32Array.from(kind, (state) => (state === KEPT ? 0.15 : 0.9));
  const counts = { kinds: CHANGE_INKS.map(() => 0), skip: 0 };
  for (let e = 0; e < kind.length; e++) {
    counts.kinds[kind[e]]++;
    counts.skip += skip[e];
  }
  const passes = [
    { kinds: [KEPT], opacity: 0.5 },
    { kinds: [1, 2, 3], opacity: 1 },
  ];
  return { kind, strength, counts, inks: CHANGE_INKS, passes };
}

/** Kind (index into WEIGHT_INKS) and strength 0.12..1 of every edge, counts, and the |weight| shown at full strength. */
function edgeLooks({ weight, shared, skip }) {
  const n = weight.length;
  const step = Math.max(1, Math.floor(n / 20000));
  const sample = [];
  for (let e = 0; e < n; e += step) if (!Number.isNaN(weight[e])) sample.push(Math.abs(weight[e]));
  sample.sort((a, b) => a - b);
  const full = sample[Math.floor(sample.length * 0.95)] || 1;
  const kind = new Uint8Array(n);
  const strength = new Float32Array(n);
  const counts = { kinds: [0, 0, 0, 0, 0], skip: 0 };
  for (let e = 0; e < n; e++) {
    const w = weight[e];
    kind[e] = Number.isNaN(w) ? 4 : (w < 0 ? 1 : 0) + 2 * shared[e];
    strength[e] = Number.isNaN(w) ? 0.4 : Math.min(1, Math.max(0.12, Math.abs(w) / full));
    counts.kinds[kind[e]]++;
    counts.skip += skip[e];
  }
  return { kind, strength, counts, full, inks: WEIGHT_INKS, passes: [{ kinds: [0, 1, 2, 3, 4], opacity: 1 }] };
}
