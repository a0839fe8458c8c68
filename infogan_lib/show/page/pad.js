// The square to draw in: mouse, finger, pen, or arrow keys. It keeps strokes, lists of points [x, y] in 28 x 28 units.

import { h } from "./dom.js";
import { BRUSH, SIZE } from "./strokes.js";

const STEP = 0.7; // units for each press of an arrow key
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function pad(changed) {
  const side = SIZE * 20;
  const canvas = h("canvas", { width: side, height: side, tabindex: 0, class: "pad", role: "application",
    "aria-label": "A square to draw a digit in. Arrow keys move the pen, space lowers or lifts it, Backspace takes back a stroke, Delete clears." });
  const said = h("p", { class: "said", role: "status" });
  const context = canvas.getContext("2d");
  const small = h("canvas", { width: SIZE, height: SIZE });
  let strokes = [];
  let base = null;
  let pointer = null;
  const pen = { x: SIZE / 2, y: SIZE / 2, down: false, shown: false };

  function redraw() {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, side, side);
    if (base) {
      const image = new ImageData(SIZE, SIZE);
      base.forEach((v, i) => image.data.set([v, v, v, 255], 4 * i));
      small.getContext("2d").putImageData(image, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(small, 0, 0, side, side);
    }
    context.setTransform(side / SIZE, 0, 0, side / SIZE, 0, 0);
    Object.assign(context, { lineWidth: BRUSH, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
    for (const stroke of strokes) {
      context.beginPath();
      stroke.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
      if (stroke.length === 1) context.lineTo(...stroke[0]);
      context.stroke();
    }
    if (!pen.shown) return;
    Object.assign(context, { lineWidth: 0.35, strokeStyle: pen.down ? "#ff9d3b" : "#6cb6ff" });
    context.beginPath();
    context.arc(pen.x, pen.y, BRUSH / 2, 0, 7);
    context.stroke();
  }
  function update(resting) {
    redraw();
    changed(strokes, base, resting);
  }
  const begin = (point) => { strokes = [...strokes, [point]]; update(false); };
  const extend = (more) => { strokes = [...strokes.slice(0, -1), [...strokes.at(-1), ...more]]; update(false); };
  const back = () => {
    if (strokes.length) strokes = strokes.slice(0, -1);
    else base = null;
    update(true);
  };
  const clear = () => { [strokes, base] = [[], null]; update(true); };

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const inside = (v, start, length) => Math.min(Math.max(((v - start) / length) * SIZE, 0), SIZE);
    return [inside(event.clientX, box.left, box.width), inside(event.clientY, box.top, box.height)];
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
    canvas.addEventListener(name, (event) => {
      if (event.pointerId !== pointer) return;
      pointer = null;
      update(true);
    });
  }
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow) {
      const move = (v, d) => Math.min(Math.max(v + d * STEP, 0), SIZE);
      Object.assign(pen, { x: move(pen.x, arrow[0]), y: move(pen.y, arrow[1]), shown: true });
      if (pen.down) extend([[pen.x, pen.y]]);
    } else if (event.key === " ") {
      Object.assign(pen, { down: !pen.down, shown: true });
      if (pen.down) begin([pen.x, pen.y]);
      else update(true);
      said.textContent = pen.down ? "pen down" : "pen lifted";
    } else if (event.key === "Backspace") back();
    else if (event.key === "Delete") clear();
    else return;
    event.preventDefault();
    redraw();
  });
  canvas.addEventListener("blur", () => { pen.down = pen.shown = false; redraw(); });
  redraw();
  return {
    element: h("div", { class: "padbox" }, canvas, said),
    back, clear,
    set(newStrokes, newBase) { [strokes, base] = [newStrokes, newBase]; update(true); },
  };
}
