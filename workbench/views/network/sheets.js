// Layers as sheets in space: image coordinates (row, column, layer) to the screen, and maps painted on a sheet.

/** Where the sheets are in a canvas before the camera moves them: their middle, and pixels of it per pixel of the image. */
function fitSheets(scene, { width, height }, { pitch }, stacked) {
  const [, rows, columns] = scene.shape;
  const last = scene.nLayers - 1;
  const size = Math.max(columns, rows);
  const rise = stacked ? Math.min(0.6, 2 / Math.max(last, 1)) * Math.cos(pitch) : 0;
  const tall = stacked ? 1.42 * Math.sin(pitch) + last * rise : rows / size + 0.07;
  const wide = stacked ? 1.42 : columns / size;
  const k = Math.min((width - (stacked ? 190 : 40)) / wide, (height - 36) / tall) / size;
  const outputs = stacked ? 0 : 9 + 0.035 * size * k; // half of what they take below the image
  return { origin: [width / 2, height / 2 - outputs], scale: [k, k], rise: rise * size };
}

/** A parallel projection. Flat is the same seen straight from above, where all sheets coincide. */
class Projector {
  constructor(scene, stage, camera, turn, stacked) {
    const [, height, width] = scene.shape;
    const last = scene.nLayers - 1;
    const [yaw, pitch] = stacked ? [turn.yaw, turn.pitch] : [0, Math.PI / 2];
    const { origin, scale, rise } = fitSheets(scene, stage, turn, stacked);
    const k = scale[0] * camera.zoom;
    const [cx, cy] = [origin[0] * camera.zoom + camera.x, origin[1] * camera.zoom + camera.y];
    const [cos, sin, flat] = [Math.cos(yaw) * k, Math.sin(yaw) * k, stacked ? Math.sin(pitch) : 1];
    this.k = k;
    this.lift = (layer) => cy - (layer - last / 2) * rise * k;
    this.place = (row, column, layer) => {
      const [u, v] = [column - (width - 1) / 2, row - (height - 1) / 2];
      return [cx + u * cos - v * sin, this.lift(layer) + (u * sin + v * cos) * flat];
    };
    this.at = (x, y) => [(y - this.lift(0)) / k + (height - 1) / 2, (x - cx) / k + (width - 1) / 2]; // flat: row, column
    this.axes = [cos, sin * flat, -sin, cos * flat]; // of a step of one column, of one row
  }
  /** Let `pen` draw in image coordinates of a sheet: pixel (i, j) fills i..i+1, j..j+1. */
  onto(pen, layer, ratio) {
    const [x, y] = this.place(-0.5, -0.5, layer);
    const [a, b, c, d] = this.axes;
    pen.setTransform(a * ratio, b * ratio, c * ratio, d * ratio, x * ratio, y * ratio);
  }
  /** Begin a closed path around a rectangle on a layer's sheet; returns its corners on the screen. */
  outline(pen, layer, { top, left, bottom, right }) {
    const corners = [this.place(top, left, layer), this.place(top, right, layer)];
    corners.push(this.place(bottom, right, layer), this.place(bottom, left, layer));
    pen.beginPath();
    for (const corner of corners) pen.lineTo(...corner);
    pen.closePath();
    return corners;
  }
}

/** Places (row, column) of outputs, which have no position: a row below the image, or across their own sheet. */
function outputPlace(scene, k, stacked) {
  const [, height, width] = scene.shape;
  const column = (width - 1) * (scene.nOutputs > 1 ? k / (scene.nOutputs - 1) : 0.5);
  return [stacked ? (height - 1) / 2 : height - 0.5 + 0.07 * Math.max(width, height), column];
}

/** Offsets in pixels that set neurons of the same layer and position side by side, float [2n]. */
function spreadCoincident({ n, nInputs, nOutputs, layers, positions }) {
  const groups = new Map();
  for (let i = nInputs + nOutputs; i < n; i++) {
    const key = [layers[i], positions[2 * i].toFixed(3), positions[2 * i + 1].toFixed(3)].join(" ");
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(i);
  }
  const offsets = new Float32Array(2 * n);
  for (const members of groups.values()) {
    const columns = Math.ceil(Math.sqrt(members.length));
    const rows = Math.ceil(members.length / columns);
    members.forEach((i, rank) => {
      offsets[2 * i] = ((Math.floor(rank / columns) - (rows - 1) / 2) * 0.7) / columns;
      offsets[2 * i + 1] = (((rank % columns) - (columns - 1) / 2) * 0.7) / columns;
    });
  }
  return offsets;
}

/** Values [h·w] as an offscreen picture; `color(value)` gives [r, g, b, a]. */
function mapPicture(values, [, height, width], color) {
  const canvas = element("canvas", { width, height });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(width, height);
  for (let i = 0; i < width * height; i++) image.data.set(color(values[i]), 4 * i);
  pen.putImageData(image, 0, 0);
  return canvas;
}

const largest = (values) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);

/** Maps of one size, added up. */
function sumMaps(maps, size) {
  const total = new Float32Array(size);
  for (const map of maps) for (let i = 0; i < size; i++) total[i] += map[i];
  return total;
}

/** The chosen image in its colours and in grey, and every neuron's value on it; nulls if it is not of this network. */
function readPicture(scene, picture) {
  const [, height, width] = scene.shape;
  const rgba = decode(picture?.rgba, Uint8ClampedArray);
  const values = scene.changes ? null : decode(picture?.values, Float32Array);
  const known = values?.length === scene.n; // else the weights were not kept
  const fits = rgba.length === 4 * width * height && (scene.changes || known || !scene.hasWeights);
  if (!fits) return { picture, image: null, grey: null, values: null };
  const image = element("canvas", { width, height });
  image.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
  const brightness = (_, i) => 0.3 * rgba[4 * i] + 0.59 * rgba[4 * i + 1] + 0.11 * rgba[4 * i + 2];
  const greys = Float32Array.from({ length: width * height }, brightness);
  const grey = mapPicture(greys, scene.shape, (v) => [v, v, v, 255]); // goes under signed colours
  if (!known) return { picture, image, grey, values: null };
  const hidden = values.slice(scene.nInputs + scene.nOutputs).sort();
  const hiddenMost = hidden[Math.min(hidden.length - 1, Math.floor(hidden.length * 0.99))] || 1;
  return { picture, image, grey, values, hiddenMost };
}

/** The selected neuron and its receptive field, of one channel or (-1) summed over all, in signed colours. */
function readField(scene, raw, channel, theme) {
  const map = decode(raw?.map, Float32Array);
  if (!(raw?.neuron < scene.n)) return { field: null, fieldPicture: null };
  const field = { ...raw, map, others: decode(raw.others, Int32Array), weights: decode(raw.weights, Float32Array) };
  if (map.length !== scene.nInputs) return { field, fieldPicture: null }; // the weights were not kept
  const size = scene.shape[1] * scene.shape[2];
  const each = Array.from({ length: scene.shape[0] }, (_, c) => map.subarray(c * size, (c + 1) * size));
  const shown = sumMaps(channel < 0 ? each : [each[channel]], size);
  const fieldMost = largest(shown) || 1;
  const [plus, minus] = theme.weights.map(({ color }) => rgb(color));
  const color = (v) => [...(v < 0 ? minus : plus), 255 * Math.min(1, Math.abs(v) / fieldMost) ** 0.7];
  return { field, fieldMost, fieldPicture: mapPicture(shown, scene.shape, color) };
}

/** Density maps: one per sheet when stacked, else the one of the layer shown, or of all layers together (-1). */
function readDensity(scene, raw, stacked, layer) {
  const size = scene.shape[1] * scene.shape[2];
  const maps = decode(raw?.maps, Float32Array);
  if (maps.length !== size * (scene.nLayers - 1)) return { densityPictures: null };
  const each = scene.layerSizes.slice(1).map((_, l) => maps.subarray(l * size, (l + 1) * size));
  const used = stacked ? each : [each[layer] ?? sumMaps(each, size)];
  const densityMost = Math.max(...used.map(largest)) || 1;
  const picture = (map) => mapPicture(map, scene.shape, (v) => [...scaleColor(v / densityMost), 225]);
  return { densityMost, densityPictures: used.map((map) => (stacked && largest(map) === 0 ? null : picture(map))) };
}
