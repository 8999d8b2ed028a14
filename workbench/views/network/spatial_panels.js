// Beside the map: the selected neuron's receptive field, the histogram of edge lengths, colour bars.

/** A canvas in a card, redrawn by `paint(stage, theme)` whenever its box changes. */
function panel(holder, label, height, signal, paint) {
  const box = element("div", { className: "wbc-stage" });
  box.style.height = `${height}px`;
  holder.append(box);
  let stage = null;
  const draw = () => stage && stage.width && paint(stage, readTheme(box));
  stage = makeStage(box, label, signal, () => draw());
  Object.assign(stage.canvas, { tabIndex: -1 });
  stage.canvas.setAttribute("role", "img");
  stage.canvas.style.cursor = "default";
  return { box, draw, stage };
}

/** Bars of counted edges and the law's line over lengths in pixels. */
function paintHistogram(stage, theme, lengths) {
  clearStage(stage, theme);
  if (!lengths || lengths.mean === undefined) return caption(stage, theme, "no edges between neurons with a place");
  const { pen, width, height } = stage;
  const { bins, counts, expected } = lengths;
  const [left, bottom, top] = [38, height - 32, 8];
  const most = Math.max(...counts, ...expected, 1);
  const last =
    bins.length - 1 - [...counts].reverse().findIndex((c, i) => c > 0 || expected[counts.length - 1 - i] > most / 200);
  const end = bins[Math.max(1, last)];
  const x = (v) => left + ((width - left - 8) * v) / end;
  const y = (v) => bottom - ((bottom - top) * v) / most;
  pen.fillStyle = theme.edges.positive;
  pen.globalAlpha = 0.75;
  counts.forEach(
    (c, i) =>
      bins[i] < end &&
      pen.fillRect(x(bins[i]) + 0.5, y(c), Math.max(1, x(bins[i + 1]) - x(bins[i]) - 1), bottom - y(c)),
  );
  pen.globalAlpha = 1;
  pen.strokeStyle = theme.edges.negative;
  pen.lineWidth = 2;
  pen.beginPath();
  expected.forEach((v, i) => bins[i] < end && pen.lineTo(x((bins[i] + bins[i + 1]) / 2), y(v)));
  pen.stroke();
  pen.strokeStyle = theme.border;
  pen.lineWidth = 1;
  line(pen, left, bottom + 0.5, width - 8, bottom + 0.5);
  pen.fillStyle = theme.muted;
  pen.font = `11px ${theme.font}`;
  pen.textAlign = "right";
  pen.fillText(compact(most), left - 4, top + 9);
  pen.fillText("0", left - 4, bottom);
  pen.textAlign = "center";
  for (const v of ticks(end)) pen.fillText(String(v), x(v), bottom + 13);
  pen.fillText("edge length (pixels)", (left + width) / 2, height - 4);
}

const compact = (n) => Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 }).format(n);

function ticks(end) {
  const step = [0.5, 1, 2, 5, 10, 20, 50].find((one) => end / one <= 6) ?? 100;
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, i) => i * step);
}

function caption(stage, theme, text) {
  const { pen, width, height } = stage;
  pen.fillStyle = theme.muted;
  pen.font = `12px ${theme.font}`;
  pen.textAlign = "center";
  pen.fillText(text, width / 2, height / 2);
}

/** The receptive field alone over the image, as a thumbnail. */
function paintField(stage, theme, view) {
  clearStage(stage, theme);
  const { scene, fieldPicture, grey: image } = view;
  if (!scene || !fieldPicture) return caption(stage, theme, "click a neuron");
  const { pen, width, height, ratio } = stage;
  const [, rows, columns] = scene.shape;
  const k = Math.min(width / columns, height / rows);
  pen.setTransform(k * ratio, 0, 0, k * ratio, ((width - k * columns) / 2) * ratio, ((height - k * rows) / 2) * ratio);
  pen.imageSmoothingEnabled = false;
  pen.strokeStyle = theme.border;
  pen.lineWidth = 1 / k;
  pen.strokeRect(0.5 / k, 0.5 / k, columns - 1 / k, rows - 1 / k);
  if (image) {
    pen.globalAlpha = 0.3;
    pen.drawImage(image, 0, 0);
    pen.globalAlpha = 1;
  }
  pen.drawImage(fieldPicture, 0, 0);
}

/** A colour bar with its ends and what it measures. */
function colorBar(colors, low, high, text) {
  const bar = element("div", { className: "wbc-bar" });
  bar.style.background = `linear-gradient(to right, ${colors.join(", ")})`;
  const ends = element(
    "div",
    { className: "wbc-ends" },
    element("span", { textContent: low }),
    element("span", { textContent: text }),
    element("span", { textContent: high }),
  );
  return element("div", { className: "wbc-scale" }, bar, ends);
}

function signedBar(theme, most, text) {
  return colorBar([theme.edges.negative, theme.background, theme.edges.positive], number(-most), number(most), text);
}

/** What the selected neuron is and does, line by line. */
function neuronFacts(view) {
  const { scene, field, values, picture } = view;
  const i = field.neuron;
  const isOutput = i >= scene.nInputs && i < scene.nInputs + scene.nOutputs;
  const kind =
    i < scene.nInputs ? "input" : isOutput ? `output ${scene.names[i - scene.nInputs] ?? i - scene.nInputs}` : "hidden";
  const place = isOutput
    ? "no position"
    : `row ${number(scene.positions[2 * i])}, column ${number(scene.positions[2 * i + 1])}`;
  const seen = field.map.reduce((n, v) => n + (v !== 0), 0);
  const facts = [
    `neuron ${i} · ${kind}, layer ${scene.layers[i]}`,
    place,
    `in-degree ${count(field.in_degree)}, out-degree ${count(field.out_degree)}` +
      (field.bias === null ? "" : `, bias ${number(field.bias)}`),
    `sees ${count(seen)} of ${count(field.map.length)} inputs`,
  ];
  const what = isOutput ? "logit" : kind === "input" ? "value" : "activation";
  if (values) facts.push(`${what} ${number(values[i])} on ${view.split} image ${view.index}`);
  return facts;
}

/** Legend of the map: layers by colour, or a colour bar with units, and a note of what is shown. */
function spatialLegend(view) {
  const { scene, theme, show } = view;
  const note = (text) => element("span", { className: "wbc-muted", textContent: text });
  if (scene.changes) return spatialChangeLegend(view);
  if (show === "neurons")
    return [
      ...layerLegend(view),
      note("place = mean position of what feeds a neuron; neurons of one place stand side by side"),
    ];
  if (show === "receptive field") {
    const note2 = note("sum over all paths of the products of weights; ReLU and normalisation ignored");
    return view.fieldPicture
      ? [signedBar(theme, view.fieldMost, "accumulated weight"), note2]
      : [note("click a neuron (or an output) to see which pixels it sees"), note2];
  }
  if (show === "activations")
    return view.values
      ? [
          colorBar(CIVIDIS, "0", `≥ ${number(view.hiddenMost)}`, "activation after ReLU"),
          note("small and faint: silent (0); outputs: bars from the lowest to the highest logit"),
        ]
      : [note("activations need images: SpatialView(genome, data)")];
  const unit = show === "neuron density" ? "hidden neurons per pixel" : "pixels of edge length per pixel";
  const which = view.layer < 0 ? "all layers" : view.layer === 0 ? "inputs have none" : `layer ${view.layer}`;
  return [
    colorBar(CIVIDIS, "0", number(view.densityMost), unit),
    note(which + (show === "edge density" ? ", straight from source to target; edges into outputs left out" : "")),
  ];
}

function layerLegend({ scene, theme }) {
  return scene.sizes.slice(1, -1).map((size, i) => {
    const swatch = element("span", { className: "wbc-dot" });
    swatch.style.cssText = `background:${theme.layers[i % theme.layers.length]};margin:0`;
    return element(
      "span",
      { className: "wbc-check" },
      swatch,
      `layer ${i + 1} `,
      element("span", { className: "wbc-muted", textContent: count(size) }),
    );
  });
}
