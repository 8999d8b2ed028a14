// Parts of the spatial view's picture: frames and names of sheets, and the outputs, which have no place.

/** Corners of the image on a layer's sheet, on the screen, in turn. */
function sheetCorners({ scene, projector }, layer) {
  const [, h, w] = scene.shape;
  const corners = [
    [-0.5, -0.5],
    [-0.5, w - 0.5],
    [h - 0.5, w - 0.5],
    [h - 0.5, -0.5],
  ];
  return corners.map(([row, column]) => projector.place(row, column, layer));
}

function outlineSheet(view, layer, opacity) {
  const { pen } = view.stage;
  view.plain();
  pen.globalAlpha = opacity;
  pen.strokeStyle = view.theme.border;
  pen.lineWidth = 1;
  pen.beginPath();
  for (const corner of sheetCorners(view, layer)) pen.lineTo(...corner);
  pen.closePath();
  pen.stroke();
  pen.globalAlpha = 1;
}

function labelSheet(view, layer) {
  const { scene, stage, theme } = view;
  const [x, y] = sheetCorners(view, layer).reduce((a, b) => (b[0] < a[0] ? b : a));
  stage.pen.fillStyle = theme.text;
  stage.pen.font = `12px ${theme.font}`;
  stage.pen.textAlign = "right";
  const name = layer === 0 ? "image" : layer === scene.nLayers - 1 ? "outputs" : `layer ${layer}`;
  stage.pen.fillText(name, x - 8, y + 4);
}

/** Outputs by class: dots, or bars of their logits on the image. */
function paintOutputs({ scene, stage, theme, xs, ys, show, values }) {
  const { pen } = stage;
  const first = scene.nInputs;
  const logits = show === "activations" && values ? values.subarray(first, first + scene.nOutputs) : null;
  const [low, high] = logits ? [Math.min(...logits), Math.max(...logits)] : [0, 1];
  pen.font = `11px ${theme.font}`;
  pen.textAlign = "center";
  const taken = []; // labels so far: [right end, height]
  for (let k = 0; k < scene.nOutputs; k++) {
    const [x, y] = [xs[first + k], ys[first + k]];
    pen.fillStyle = logits && logits[k] === high ? theme.layers[1] : theme.text;
    if (logits) {
      const tall = 3 + (22 * (logits[k] - low)) / (high - low || 1);
      pen.fillRect(x - 4, y + 6 - tall, 8, tall);
    } else disc(pen, x, y, 4.5);
    const text = scene.names[k] ?? String(k);
    const half = pen.measureText(text).width / 2;
    const row = [y + 19, y + 32, logits ? y - 24 : y - 10].find(
      (at) => !taken.some(([end, height]) => x - half < end + 3 && Math.abs(at - height) < 10),
    );
    if (row === undefined) continue;
    pen.fillStyle = theme.text;
    pen.fillText(text, x, row);
    taken.push([x + half, row]);
  }
}
