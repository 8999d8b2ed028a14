// Layers as sheets in space: image coordinates (row, column, layer) to the screen, and maps painted on a sheet.

/** A parallel projection. Flat is the same seen straight from above, where all sheets coincide. */
class Projector {
  constructor(scene, stage, camera, turn, stacked) {
    const [, height, width] = scene.shape;
    const last = scene.nLayers - 1;
    const [yaw, pitch] = stacked ? [turn.yaw, turn.pitch] : [0, Math.PI / 2];
    const gap = Math.min(0.6, 2 / Math.max(last, 1));
    const size = Math.max(width, height);
    const rise = stacked ? gap * Math.cos(pitch) : 0;
    const tall = stacked ? 1.42 * Math.sin(pitch) + last * rise : (height / size) * 1.14;
    const wide = stacked ? 1.42 : width / size;
    const k = (Math.min((stage.width - (stacked ? 190 : 40)) / wide, (stage.height - 36) / tall) * camera.zoom) / size;
    const [cx, cy] = [
      (stage.width / 2) * camera.zoom + camera.x,
      (stage.height / 2 - (stacked ? 0 : 0.06 * (stage.height - 36))) * camera.zoom + camera.y,
    ];
    const [cos, sin, flat] = [Math.cos(yaw) * k, Math.sin(yaw) * k, stacked ? Math.sin(pitch) : 1];
    Object.assign(this, { k, stacked, width, height });
    this.lift = (layer) => cy - (layer - last / 2) * rise * size * k;
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
}

/** Places (row, column) of outputs, which have no position: a row below the image, or across their own sheet. */
function outputPlace(scene, k, stacked) {
  const [, height, width] = scene.shape;
  const column = (width - 1) * (scene.nOutputs > 1 ? k / (scene.nOutputs - 1) : 0.5);
  return [stacked ? (height - 1) / 2 : height - 0.5 + 0.07 * Math.max(width, height), column];
}

/** Offsets in pixels that set neurons of the same layer and place side by side, float [2n]. */
function spreadCoincident(scene) {
  const groups = new Map();
  for (let i = scene.nInputs + scene.nOutputs; i < scene.n; i++) {
    const key = `${scene.layers[i]} ${scene.positions[2 * i].toFixed(3)} ${scene.positions[2 * i + 1].toFixed(3)}`;
    if (groups.has(key)) groups.get(key).push(i);
    else groups.set(key, [i]);
  }
  const offsets = new Float32Array(2 * scene.n);
  for (const members of groups.values()) {
    const columns = Math.ceil(Math.sqrt(members.length));
    const step = 0.7 / columns;
    members.forEach((i, rank) => {
      if (members.length < 2) return;
      offsets[2 * i] = (Math.floor(rank / columns) - (Math.ceil(members.length / columns) - 1) / 2) * step;
      offsets[2 * i + 1] = ((rank % columns) - (columns - 1) / 2) * step;
    });
  }
  return offsets;
}

/** A colour [r, g, b] of the scale at 0..1. */
function scaleColor(t) {
  const at = Math.min(Math.max(t, 0), 1) * (CIVIDIS.length - 1);
  const low = Math.min(Math.floor(at), CIVIDIS.length - 2);
  const [a, b] = [rgbOf(CIVIDIS[low]), rgbOf(CIVIDIS[low + 1])];
  return a.map((v, k) => Math.round(v + (b[k] - v) * (at - low)));
}
const known = new Map();
function rgbOf(color) {
  if (!known.has(color)) known.set(color, rgb(color));
  return known.get(color);
}

/** Values [h·w] as an offscreen picture; `color(value)` gives [r, g, b, a]. */
function mapPicture(values, width, height, color) {
  const canvas = element("canvas", { width, height });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(width, height);
  for (let i = 0; i < width * height; i++) image.data.set(color(values[i]), 4 * i);
  pen.putImageData(image, 0, 0);
  return canvas;
}

/** Signed values: blue and vermillion, the stronger the more opaque. */
function signedPicture(values, width, height, most, theme) {
  const [plus, minus] = [rgbOf(theme.edges.positive), rgbOf(theme.edges.negative)];
  return mapPicture(values, width, height, (v) => [
    ...(v < 0 ? minus : plus),
    255 * Math.min(1, Math.abs(v) / (most || 1)) ** 0.7,
  ]);
}

function largest(values, from = 0, to = values.length) {
  let most = 0;
  for (let i = from; i < to; i++) if (Math.abs(values[i]) > most) most = Math.abs(values[i]);
  return most;
}

function percentile(values, part) {
  const sorted = Float32Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}
