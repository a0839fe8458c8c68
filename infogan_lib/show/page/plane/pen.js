// Drawing strokes on the plane with mouse, finger, pen or keys. The strokes are lists of points [x, y] of the plane.

import { REACH } from "./data.js";
import { h } from "./dom.js";

const CLOSE = 0.04; // a point nearer to the one before adds nothing
const STEP = 0.08; // an arrow key moves the pen so far
const MOST = 8; // strokes
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const HELP = "Drawing area. Arrow keys move the pen, space puts it down or lifts it, Backspace takes back a stroke.";

// `changed(lines, done)` hears of every change, and with `done` when a stroke is finished or taken back.
export function pen(canvas, at, { lines, changed }) {
  let enabled = false, pointer = null, cursor = null;
  const begin = (point) => changed([...lines().slice(-MOST + 1), [point]], false);
  const extend = (point) => {
    const stroke = lines()[lines().length - 1];
    const [x, y] = stroke[stroke.length - 1];
    if (Math.hypot(point[0] - x, point[1] - y) >= CLOSE) changed([...lines().slice(0, -1), [...stroke, point]], false);
  };
  const end = () => changed(lines(), true);
  const undo = () => lines().length && changed(lines().slice(0, -1), true);
  const buttons = h("div", { class: "plane-row plane-drawing", hidden: true },
    h("button", { type: "button", onclick: undo }, "take back a stroke"),
    h("button", { type: "button", onclick: () => changed([], true) }, "clear"));

  canvas.addEventListener("pointerdown", (event) => {
    if (!enabled || pointer !== null || event.button > 0) return;
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    cursor = null;
    begin(at(event));
  });
  canvas.addEventListener("pointermove", (event) => event.pointerId === pointer && extend(at(event)));
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, (event) => {
      if (event.pointerId !== pointer) return;
      pointer = null;
      end();
    });
  }
  canvas.addEventListener("keydown", (event) => {
    if (!enabled || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    cursor ??= { x: 0, y: 0, down: false };
    if (arrow) {
      const move = (v, d) => Math.min(Math.max(v + STEP * d, -0.94 * REACH), 0.94 * REACH);
      Object.assign(cursor, { x: move(cursor.x, arrow[0]), y: move(cursor.y, arrow[1]) });
      if (cursor.down) extend([cursor.x, cursor.y]);
    } else if (event.key === " ") {
      cursor.down = !cursor.down;
      if (cursor.down) begin([cursor.x, cursor.y]);
      else end();
    } else if (event.key === "Backspace") {
      cursor.down = false;
      undo();
    } else return;
    event.preventDefault();
    if (arrow) changed(lines(), false);
  });
  canvas.addEventListener("blur", () => {
    if (cursor?.down) end();
    cursor = null;
  });

  return {
    buttons,
    cursor: () => cursor,
    on(yes) {
      enabled = yes;
      buttons.hidden = !yes;
      canvas.classList.toggle("drawing", yes);
      if (yes) Object.assign(canvas, { tabIndex: 0 }).setAttribute("role", "application");
      else {
        canvas.removeAttribute("tabindex");
        canvas.setAttribute("role", "img");
      }
      if (yes) canvas.setAttribute("aria-description", HELP);
      else canvas.removeAttribute("aria-description");
    },
  };
}
