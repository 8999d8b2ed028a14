// Play, step, scrub. What is shown is the frame that is drawn; the next one is asked for when it has stood long enough.

const SPEEDS = [
  [2400, "½×"],
  [1200, "1×"],
  [600, "2×"],
  [0, "fastest"],
]; // milliseconds that a frame stands at least

function render({ model, el }) {
  const state = () => Object.fromEntries(["last", "asked", "drawn", "playing"].map((name) => [name, model.get(name)]));
  const put = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    model.save_changes();
  };
  let [pause, timer, isHeld] = [SPEEDS[1][0], 0, false];

  const go = (frame) => put({ asked: Math.min(Math.max(frame, 0), state().last), playing: false });
  const step = (by) => go(state().drawn + by);
  const toggle = () => {
    const { drawn, last, playing } = state();
    put(!playing && drawn >= last ? { asked: 0, playing: true } : { playing: !playing });
  };
  const icon = (name) => element("i", { className: `fa fa-${name}`, "aria-hidden": "true" });
  const named = (name, label, onclick) =>
    element("button", { type: "button", title: label, "aria-label": label, className: `wb-${name}`, onclick }, icon(name));
  const play = named("play", "play the lineage (space)", toggle);
  const buttons = [
    named("fast-backward", "first ancestor (Home)", () => go(0)),
    named("step-backward", "one step back (left arrow)", () => step(-1)),
    play,
    named("step-forward", "one step on (right arrow)", () => step(1)),
    named("fast-forward", "the network itself (End)", () => go(state().last)),
  ];
  const scrubber = element("input", { type: "range", min: 0, className: "wb-scrubber", "aria-label": "step" });
  const place = element("output", { className: "wb-place" });
  const speed = element("select", { title: "speed", "aria-label": "speed" });
  for (const [value, textContent] of SPEEDS) speed.append(element("option", { value, textContent }));
  speed.value = String(pause);
  speed.onchange = () => ((pause = Number(speed.value)), next());
  scrubber.oninput = () => (go(Number(scrubber.value)), sync());
  scrubber.onpointerdown = () => (isHeld = true);
  scrubber.onpointerup = scrubber.onpointercancel = () => ((isHeld = false), sync());

  function sync() {
    const { last, drawn, playing } = state();
    scrubber.max = Math.max(last, 0);
    if (!isHeld) scrubber.value = Math.max(drawn, 0); // a hand that drags is ahead of what is drawn
    place.textContent = drawn < 0 ? "" : `${drawn + 1} of ${last + 1}`;
    play.replaceChildren(icon(playing ? "pause" : "play"));
    play.setAttribute("aria-pressed", String(playing));
    for (const control of [...buttons, scrubber, speed]) control.disabled = last < 1;
  }

  /** While it plays: ask for the frame after the one that is drawn, later. */
  function next() {
    clearTimeout(timer);
    const { last, asked, drawn, playing } = state();
    if (!playing || drawn !== asked) return;
    const ended = drawn >= last; // told later, too: a model does not announce what is set while it announces a change
    timer = setTimeout(() => put(ended ? { playing: false } : { asked: drawn + 1 }), ended ? 0 : pause);
  }

  const root = element("div", { className: "wb-player", role: "group", "aria-label": "lineage" }, ...buttons, scrubber);
  root.append(place, speed);
  const keys = { " ": toggle, ArrowLeft: () => step(-1), ArrowRight: () => step(1) };
  Object.assign(keys, { Home: () => go(0), End: () => go(state().last) });
  root.onkeydown = (event) => {
    if (!keys[event.key] || event.target === speed || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation(); // or the notebook takes it as a command
    keys[event.key]();
  };
  root.onkeyup = (event) => event.key === " " && event.preventDefault(); // or the button in focus is pressed, too
  ownKeys(root);
  el.append(root);
  const change = () => (sync(), next());
  model.on("change", change);
  change();
  return () => (clearTimeout(timer), model.off("change", change));
}

export default { render };
