// A square to draw in. It draws at once; Python is sent the strokes, and normalises and reads them.
// ipywidgets sends a trait's newest value once the kernel has dealt with the one before: no backlog builds up.

const UNITS = 28, PIXELS = 560; // MNIST's pixels along a side, and the canvas's own (twice its size on the page)
const SCALE = PIXELS / UNITS;
const NEAR = 0.3; // units: a point closer to the one before adds nothing
const KEY_STEP = 0.7; // units an arrow key moves the pen
const REST = 700; // ms without a change after which the reading is announced
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function render({ model, el }) {
  el.classList.add("infogan-draw");
  el.innerHTML = `<canvas width="${PIXELS}" height="${PIXELS}" tabindex="0" role="application"
      data-lm-suppress-shortcuts="true" aria-label="Drawing area. Arrow keys move the pen, space puts it down or lifts
      it, Backspace takes back the last stroke, Delete clears."></canvas>
    <div class="tools"><button type="button">undo</button><button type="button">clear</button>
      <span class="keys" aria-hidden="true">or keys: arrows, space</span></div>
    <div class="summary"></div><div class="said" aria-live="polite"></div>`;
  const canvas = el.querySelector("canvas");
  const [undo, clear] = el.querySelectorAll("button");
  const said = el.querySelector(".said");
  const context = canvas.getContext("2d");
  let pen = { x: UNITS / 2, y: UNITS / 2, down: false, shown: false }; // the keyboard's
  let pointer = null; // the id of the finger, pen or mouse that draws

  const strokes = () => model.get("strokes");
  const send = (changed) => {
    for (const [name, value] of Object.entries(changed)) model.set(name, value);
    model.save_changes();
  };

  function paint() {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, PIXELS, PIXELS);
    const base = model.get("base");
    for (let i = 0; i < base.length; i++) {
      if (!base[i]) continue;
      context.fillStyle = `rgb(${base[i]}, ${base[i]}, ${base[i]})`;
      context.fillRect((i % UNITS) * SCALE, Math.floor(i / UNITS) * SCALE, SCALE, SCALE);
    }
    context.setTransform(SCALE, 0, 0, SCALE, 0, 0);
    Object.assign(context, { lineCap: "round", lineJoin: "round", lineWidth: model.get("brush"), strokeStyle: "#fff" });
    for (const stroke of strokes()) {
      context.beginPath();
      context.moveTo(...stroke[0]);
      for (const point of stroke) context.lineTo(...point);
      context.stroke();
    }
    if (pen.shown) {
      Object.assign(context, { lineWidth: 0.35, strokeStyle: pen.down ? "#ff9d3b" : "#6cb6ff" });
      context.beginPath();
      context.arc(pen.x, pen.y, pen.down ? 0.9 : 1.6, 0, 2 * Math.PI);
      context.stroke();
    }
    undo.disabled = clear.disabled = !strokes().length && !base.length;
  }

  const begin = (point) => send({ strokes: [...strokes(), [point]] });
  function extend(points) {
    const before = strokes();
    if (!before.length) return begin(points[0]); // cleared from Python in the middle of a stroke
    const last = [...before[before.length - 1]];
    for (const [x, y] of points) {
      const [px, py] = last[last.length - 1];
      if (Math.hypot(x - px, y - py) >= NEAR) last.push([x, y]);
    }
    send({ strokes: [...before.slice(0, -1), last] });
  }
  function takeBack() {
    if (strokes().length) send({ strokes: strokes().slice(0, -1) });
    else if (model.get("base").length) send({ base: [] });
  }
  const wipe = () => send({ strokes: [], base: [] });

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const inside = (v, start, size) => Math.min(Math.max(((v - start) / size) * UNITS, 0), UNITS);
    return [inside(event.clientX, box.left, box.width), inside(event.clientY, box.top, box.height)].map(
      (v) => Math.round(v * 100) / 100,
    );
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button > 0) return;
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    pen.down = pen.shown = false;
    begin(at(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const between = event.getCoalescedEvents?.() ?? [];
    extend((between.length ? between : [event]).map(at));
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(name, (event) => event.pointerId === pointer && (pointer = null));
  }

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow) {
      const move = (v, d) => Math.min(Math.max(v + d * KEY_STEP, 0), UNITS);
      Object.assign(pen, { x: move(pen.x, arrow[0]), y: move(pen.y, arrow[1]), shown: true });
      if (pen.down) extend([[pen.x, pen.y]]);
    } else if (event.key === " ") {
      Object.assign(pen, { down: !pen.down, shown: true });
      if (pen.down) begin([pen.x, pen.y]);
      said.textContent = pen.down ? "pen down" : "pen lifted";
    } else if (event.key === "Backspace") {
      pen.down = false;
      takeBack();
    } else if (event.key === "Delete") {
      pen.down = false;
      wipe();
    } else return;
    event.preventDefault();
    event.stopPropagation(); // the notebook has keys of its own
    paint();
  });
  canvas.addEventListener("blur", () => {
    pen.down = pen.shown = false;
    paint();
  });
  undo.addEventListener("click", takeBack);
  clear.addEventListener("click", wipe);

  let later;
  const words = () => {
    el.querySelector(".summary").textContent = model.get("summary");
    clearTimeout(later);
    later = setTimeout(() => (said.textContent = model.get("summary")), REST);
  };
  const when = { strokes: paint, base: paint, summary: words };
  for (const [name, act] of Object.entries(when)) {
    model.on(`change:${name}`, act);
    act();
  }
  return () => {
    clearTimeout(later);
    for (const [name, act] of Object.entries(when)) model.off(`change:${name}`, act);
  };
}

export default { render };
