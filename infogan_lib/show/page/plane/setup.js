// The card of what a game is made of: the real points, K, what Q sees, the seed. `afresh(changed)` starts a new game.

import { DISTRIBUTIONS } from "./data.js";
import { choice, h, svg } from "./dom.js";
import { Random } from "./nets.js";
import { LINES, VIEW_WORDS } from "./words.js";

const DATA = [["ring", "ring of 8"], ["rings", "two rings"], ["grid", "grid"], ["moons", "moons"], ["drawn", "your own"]];
const VIEWS = [["point", "the point"], ["angle", "direction"], ["radius", "distance"]];
const SEEDS = 9999;
const BOX = { viewBox: "-1.7 -1.7 3.4 3.4", "aria-hidden": "true" };

function icon(name) {
  if (name === "drawn") return svg("svg", BOX, svg("path", { d: "M-1.2 .8C-.6-1.4.2-1 .2 0S.9 1.2 1.3-.9" }));
  const random = new Random(1);
  const dots = Array.from({ length: 70 }, () => DISTRIBUTIONS[name].draw(random));
  return svg("svg", BOX, dots.map(([x, y]) => svg("circle", { cx: x, cy: -y, r: 0.1 })));
}

// `states(data)` is the K to begin with on those points.
export function setup(set, states, afresh) {
  const data = choice("Real points", DATA.map(([key, label]) => [key, label, icon(key)]), set.data, (data) => afresh({ data, states: states(data) }));
  const k = choice("States of the code: K", [2, 3, 4, 5, 6, 7, 8].map((n) => [n, String(n)]), set.states, (n) => afresh({ states: n }));
  const view = choice("Q sees of a fake", VIEWS, set.view, (view) => afresh({ view }));
  const viewWords = h("p", { class: "plane-hint" });
  const seed = h("input", { type: "number", min: 0, max: SEEDS, step: 1, onchange: () =>
    afresh({ seed: Math.min(Math.max(Math.round(Number(seed.value)) || 0, 0), SEEDS) }) });
  const next = () => afresh({ seed: (set.seed + 1) % (SEEDS + 1) });
  const element = h("section", { class: "plane-card plane-setup" },
    h("h2", {}, "Watch it learn"),
    h("p", { class: "plane-hint" }, LINES.what),
    data.element, k.element,
    h("p", { class: "plane-hint" }, LINES.states),
    view.element, viewWords,
    h("div", { class: "plane-row" }, h("label", {}, "Seed ", seed),
      h("button", { type: "button", title: "the same game from another start", onclick: next }, "next seed")));
  return {
    element,
    sync() {
      data.set(set.data);
      k.set(set.states);
      view.set(set.view);
      seed.value = set.seed;
      viewWords.textContent = VIEW_WORDS[set.view];
    },
  };
}
