// What Python sent to the spatial view, decoded, and the pictures made of it.

/** The network; null if there is none. */
function decodeSpace(raw) {
  if (!raw || !raw.positions) return null;
  const scene = {
    shape: raw.shape,
    nInputs: raw.n_inputs,
    nOutputs: raw.n_outputs,
    sizes: raw.layer_sizes,
    names: raw.class_names,
    layers: decode(raw.layers, Int32Array),
    positions: decode(raw.positions, Float32Array),
    lengths: raw.lengths,
    version: raw.version,
    changes: decodeChanges(raw), // of a difference, or null
  };
  scene.n = scene.layers.length;
  scene.nLayers = scene.sizes.length;
  scene.offsets = spreadCoincident(scene);
  return scene;
}

/** The chosen image in its colours and in grey, and every neuron's value on it; nulls if it is not of this network. */
function readPicture(scene, picture) {
  const [, height, width] = scene.shape;
  const rgba = decode(picture?.rgba, Uint8ClampedArray);
  const values = scene.changes ? new Float32Array(scene.n) : decode(picture?.values, Float32Array);
  if (values.length !== scene.n || rgba.length !== 4 * width * height)
    return { picture, image: null, grey: null, values: null };
  const image = element("canvas", { width, height });
  image.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
  const brightness = (_, i) => 0.3 * rgba[4 * i] + 0.59 * rgba[4 * i + 1] + 0.11 * rgba[4 * i + 2];
  const greys = Float32Array.from({ length: width * height }, brightness);
  const grey = mapPicture(greys, width, height, (v) => [v, v, v, 255]); // goes under signed colours
  const hiddenMost = percentile(values.subarray(scene.nInputs + scene.nOutputs), 0.99) || 1;
  return { picture, image, grey, values: scene.changes ? null : values, hiddenMost };
}

/** The selected neuron and its receptive field, of one channel or (-1) summed over all. */
function readField(scene, raw, channel, theme) {
  const [channels, height, width] = scene.shape;
  const map = decode(raw?.map, Float32Array);
  if (map.length !== scene.nInputs || !(raw?.neuron < scene.n)) return { field: null, fieldPicture: null };
  const field = { ...raw, map, others: decode(raw.others, Int32Array), weights: decode(raw.weights, Float32Array) };
  const shown = new Float32Array(width * height);
  for (let c = 0; c < channels; c++) {
    if (channel >= 0 && channel !== c) continue;
    for (let i = 0; i < shown.length; i++) shown[i] += map[c * shown.length + i];
  }
  const fieldMost = largest(shown) || 1;
  return { field, fieldMost, fieldPicture: signedPicture(shown, width, height, fieldMost, theme) };
}

/** Density maps: one per sheet when stacked, else the one of the layer shown, or of all layers together (-1). */
function readDensity(scene, raw, stacked, layer) {
  const [, height, width] = scene.shape;
  const size = width * height;
  const maps = decode(raw?.maps, Float32Array);
  if (maps.length !== size * (scene.nLayers - 1)) return { densityPictures: null };
  const each = scene.sizes.slice(1).map((_, l) => maps.subarray(l * size, (l + 1) * size));
  const total = new Float32Array(size);
  for (const map of each) for (let i = 0; i < size; i++) total[i] += map[i];
  const used = stacked ? each : [each[layer] ?? total];
  const densityMost = Math.max(...used.map((map) => largest(map))) || 1;
  const picture = (map) => mapPicture(map, width, height, (v) => [...scaleColor(v / densityMost), 225]);
  return { densityMost, densityPictures: used.map((map) => (stacked && largest(map) === 0 ? null : picture(map))) };
}
