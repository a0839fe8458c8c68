// Sheets of pictures: a code from end to end in one row, in a row for each of five noises, or two codes across and down.

import { GAP, h, paintSheet } from "./dom.js";
import { points } from "./codes.js";
import { shown } from "./slider.js";

export const LAYOUTS = ["row", "rows", "grid"];
const ROWS = 5;

// The points of a side; the one nearest to the value that is set is that value.
function through(knob, value) {
  const list = [...points(knob)];
  const far = knob.circular ? (v) => 1 - Math.cos(v - value) : (v) => Math.abs(v - value);
  const chosen = list.reduce((best, v, i) => (far(v) < far(list[best]) ? i : best), 0);
  list[chosen] = value;
  return { list, chosen };
}

// Which latents a layout shows: {cells: [{values, row}], columns, across, down, chosen}.
export function plan(layout, values, across, down) {
  const x = through(across, values[across.name]);
  const y = layout === "grid" ? through(down, values[down.name]) : { list: Array(layout === "rows" ? ROWS : 1).fill(null), chosen: 0 };
  const cells = y.list.flatMap((v, row) =>
    x.list.map((u) => ({ row: layout === "rows" ? row : 0, values: { ...values, [across.name]: u, ...(layout === "grid" ? { [down.name]: v } : {}) } })));
  return { cells, columns: x.list.length, rows: y.list.length, across: x.list, down: layout === "grid" ? y.list : [], chosen: [x.chosen, y.chosen] };
}

export function sheet(caption, picked) {
  const canvas = h("canvas", { role: "img", "aria-label": caption });
  const mark = h("span", { class: "mark", "aria-hidden": "true" });
  const zones = [h("span", { class: "zone across", "aria-hidden": "true" }), h("span", { class: "zone down", "aria-hidden": "true" })];
  const ticks = h("div", { class: "ticks", "aria-hidden": "true" });
  const box = h("div", { class: "sheet" }, canvas, mark, zones);
  let current = null;
  canvas.addEventListener("click", (event) => {
    if (!current) return;
    const place = canvas.getBoundingClientRect();
    const column = Math.min(Math.floor(((event.clientX - place.left) / place.width) * current.columns), current.columns - 1);
    const row = Math.min(Math.floor(((event.clientY - place.top) / place.height) * current.rows), current.rows - 1);
    picked(current.cells[row * current.columns + column]);
  });
  return {
    element: h("figure", {}, h("figcaption", {}, caption), box, ticks),
    canvas,
    show(images, shape, shownPlan, across, down) {
      current = shownPlan;
      const { columns, rows, chosen } = shownPlan;
      paintSheet(canvas, images, shape, columns);
      canvas.setAttribute("aria-label", `${caption}: ${columns * rows} pictures, ${across.name} from ${label(across, shownPlan.across[0])} to ${label(across, shownPlan.across.at(-1))}${shownPlan.down.length ? `, ${down.name} from top to bottom` : ""}`);
      const cell = (n, side) => [(100 * n * (side + GAP)), side + GAP];
      const [w, hgt] = [columns * (shape[2] + GAP) - GAP, rows * (shape[1] + GAP) - GAP];
      Object.assign(mark.style, {
        left: `${cell(chosen[0], shape[2])[0] / w}%`, width: `${(100 * shape[2]) / w}%`,
        top: `${cell(chosen[1], shape[1])[0] / hgt}%`, height: `${(100 * shape[1]) / hgt}%`,
      });
      inside(zones[0], across, shownPlan.across, "left", "width");
      inside(zones[1], down, shownPlan.down, "top", "height");
      ticks.replaceChildren(...shownPlan.across.map((v, i) => h("span", { class: i === chosen[0] ? "set" : "" }, label(across, v))));
    },
  };
}

const label = (knob, v) => (knob.discrete ? String(v) : knob.circular ? shown(knob, v) : v.toFixed(1));

function inside(element, knob, list, start, length) { // the bar beside the points that training saw
  const within = knob?.zone ? list.map((v, i) => (v >= knob.zone[0] - 1e-6 && v <= knob.zone[1] + 1e-6 ? i : -1)).filter((i) => i >= 0) : [];
  element.hidden = within.length === 0;
  if (!within.length) return;
  element.style[start] = `${(100 * within[0]) / list.length}%`;
  element.style[length] = `${(100 * within.length) / list.length}%`;
}
