// Curves as SVG: a few hundred points at most, with dotted lines at the values that say something.

import { h, svg } from "./dom.js";

const W = 300, H = 128, LEFT = 30, RIGHT = 8, TOP = 8, BOTTOM = 18;
const MOST = 240; // points: at more, every second one goes

// What was measured, round by round: means over `span` rounds, which doubles as the curves grow long.
export class History {
  constructor() {
    this.clear();
  }
  clear() {
    Object.assign(this, { rounds: [], rows: [], span: 4, sums: null, seen: 0 });
  }
  add(round, row) {
    this.sums = this.sums ? this.sums.map((sum, i) => sum + row[i]) : [...row];
    if (++this.seen < this.span) return;
    this.rounds.push(round);
    this.rows.push(this.sums.map((sum) => sum / this.seen));
    Object.assign(this, { sums: null, seen: 0 });
    if (this.rounds.length < MOST) return;
    this.span *= 2;
    this.rounds = this.rounds.filter((_, i) => i % 2);
    this.rows = this.rows.filter((_, i) => i % 2);
  }
}

// curves: [{name, colour (a custom property), dash}]; lines: () -> [[value, label]], labelled above, or below if under 0.
export function chart(title, curves, lines, range) {
  const picture = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img" });
  const latest = curves.map(() => h("b"));
  const legend = h("div", { class: "plane-legend", "aria-hidden": "true" }, curves.map(({ name, colour, dash }, i) =>
    h("span", {}, svg("svg", { width: 22, height: 8 }, svg("path", { d: "M0 4H22", stroke: `var(${colour})`, "stroke-dasharray": dash, "stroke-width": 2.2 })), `${name} `, latest[i])));
  const element = h("figure", { class: "plane-chart" }, h("figcaption", {}, title), legend, picture);

  function draw(rounds, rows) {
    const [low, high] = range();
    const end = Math.max(rounds[rounds.length - 1] ?? 0, 100);
    const x = (v) => LEFT + (v / end) * (W - LEFT - RIGHT);
    const y = (v) => TOP + ((high - Math.min(Math.max(v, low), high)) / (high - low)) * (H - TOP - BOTTOM);
    const parts = [];
    for (let v = Math.ceil(low); v <= high; v++) parts.push(svg("text", { x: LEFT - 6, y: y(v) + 3.5, "text-anchor": "end" }, v));
    for (const [v, label] of lines()) {
      parts.push(svg("path", { class: "mark", d: `M${LEFT} ${y(v)}H${W - RIGHT}` }));
      parts.push(svg("text", { class: "label", x: W - RIGHT, y: y(v) + (v < 0 ? 11 : -3), "text-anchor": "end" }, label));
    }
    parts.push(svg("path", { class: "axis", d: `M${LEFT} ${TOP}V${H - BOTTOM}H${W - RIGHT}` }));
    parts.push(svg("text", { x: LEFT, y: H - 5 }, "0"), svg("text", { x: W - RIGHT, y: H - 5, "text-anchor": "end" }, `${end} rounds`));
    curves.forEach(({ colour, dash }, i) => {
      const d = rounds.map((round, j) => `${j ? "L" : "M"}${x(round).toFixed(1)} ${y(rows[j][i]).toFixed(1)}`).join("");
      parts.push(svg("path", { d, stroke: `var(${colour})`, "stroke-dasharray": dash, "stroke-width": 2, "stroke-linejoin": "round" }));
    });
    picture.replaceChildren(...parts);
    const last = rows[rows.length - 1];
    latest.forEach((element, i) => (element.textContent = last ? last[i].toFixed(2) : "–"));
    const words = curves.map(({ name }, i) => `${name} ${last ? last[i].toFixed(2) : "not yet known"}`).join(", ");
    picture.setAttribute("aria-label", `${title} over ${rounds[rounds.length - 1] ?? 0} rounds: ${words}. Lines at ${lines().map(([, label]) => label).join(", ")}.`);
  }
  return { element, draw };
}
