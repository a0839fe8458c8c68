// Part 2: draw a digit, see what Q reads in it, and turn it: G draws its relatives along the sliders.

import { kind, knobs as knobsOf, noise, points } from "./codes.js";
import { bytes, h, paint } from "./dom.js";
import { pad } from "./pad.js";
import { reader } from "./reading.js";
import { slider } from "./slider.js";
import { picture } from "./strokes.js";
import { plan, sheet } from "./sweep.js";

const COPIES = 10;

export function drawPart(root, app, examples) {
  let model = null;
  let image = null; // what Q was shown
  let read = {}; // the likeliest value of each code
  let values = {};
  let seed = 1;
  let amounts = [];
  let controls = {};
  let parts = {};
  let reading = null;
  const asked = new Map(); // example digit -> how often
  const screen = h("canvas", { class: "seen", width: 28, height: 28, role: "img", "aria-label": "The drawing as Q sees it" });
  const again = h("canvas", { class: "seen", width: 28, height: 28, role: "img", "aria-label": "G's picture at the codes that Q read" });
  const square = pad((strokes, base, resting) => look(strokes, base, resting));
  const words = h("p", { class: "verdict", "aria-live": "off" }, "Draw a digit in the black square.");

  const fits = (m) => m?.reads && String(m.shape) === "1,28,28";

  function look(strokes, base) {
    image = picture(strokes, base);
    root.classList.toggle("empty", !image);
    if (!image) {
      words.textContent = "Draw a digit in the black square.";
      screen.getContext("2d").clearRect(0, 0, 28, 28);
      return;
    }
    paint(screen, image, model.shape);
    const [now, name] = [image, model.name];
    app.latest("draw", 0, { ask: "read", name, images: now }, ({ readings: [q] }) => {
      if (name !== model.name) return;
      reading.show(q);
      read = Object.fromEntries(model.spec.codes.map((code) => [code.name, kind(code).likeliest(q[code.name])]));
      parts.posterior = q;
      say(q);
      follow();
      app.painted("draw");
    });
  }
  function say(q) {
    const code = model.spec.codes.find((c) => q[c.name].probs);
    if (!code) return;
    const state = read[code.name];
    const sure = q[code.name].probs[state];
    const digit = model.names[code.name]?.[state];
    const how = sure > 0.95 ? "sure" : sure > 0.7 ? "fairly sure" : "in doubt";
    words.replaceChildren(h("b", {}, `Code ${state}`), digit ? `, which draws ${digit}.` : ".", ` Q is ${how}: ${(100 * sure).toFixed(0)} %.`);
  }
  function follow() { // the sliders go where Q's means are
    values = { ...read };
    for (const knob of amounts) {
      values[knob.name] = Math.min(Math.max(read[knob.name], knob.ends[0]), knob.ends[1]);
      controls[knob.name].set(values[knob.name]);
    }
    turn();
  }
  function turn() {
    if (!image || !Object.keys(values).length) return;
    const now = model;
    const latent = (v, s = seed) => app.encode(now.spec, noise(now.spec, s), v);
    app.latest("turn", 1, () => ({ ask: "generate", latents: { [now.name]: Float32Array.from(latent(values)) } }), ({ images }) => {
      if (now === model) paint(again, images[now.name], now.shape);
      app.painted("turn");
    });
    app.latest("relatives", 2, () => {
      const rows = amounts.map((knob) => plan("row", values, knob, null));
      const copies = { cells: Array.from({ length: COPIES }, () => ({ values })), columns: COPIES, rows: 1, across: Array.from({ length: COPIES }, (_, i) => i), down: [], chosen: [0, 0] };
      const all = [...rows.flatMap((row) => row.cells.map((cell) => latent(cell.values))), ...copies.cells.map((_, i) => latent(values, seed + i))];
      return { ask: "generate", latents: { [now.name]: Float32Array.from(all.flat()) }, rows: [...rows, copies] };
    }, ({ images }, { rows }) => {
      if (now !== model) return;
      let at = 0;
      rows.forEach((row, i) => {
        const count = row.cells.length * 784;
        parts.sheets[i].show(images[now.name].subarray(at, (at += count)), now.shape, row, amounts[i] ?? { name: "noise", discrete: true }, null);
      });
    });
  }
  function example(digit) {
    const group = examples.length / 10;
    const count = asked.get(digit) ?? 0;
    asked.set(digit, count + 1);
    square.set([], bytes(examples[digit * group + (count % group)]));
  }

  function open(next) {
    model = next;
    if (!fits(model)) {
      root.replaceChildren(h("div", { class: "card" }, h("h2", {}, "Draw a digit"),
        h("p", {}, "Drawing needs a model whose Q reads grey pictures of 28 × 28. Choose one above.")));
      return;
    }
    const all = knobsOf(model.spec);
    amounts = all.filter((k) => !k.discrete);
    controls = Object.fromEntries(amounts.map((knob) => [knob.name, slider(knob, (value) => { values[knob.name] = value; turn(); })]));
    for (const c of Object.values(controls)) c.ends.forEach((canvas) => canvas.remove());
    reading = reader(model.spec, model.names);
    parts = { sheets: [...amounts.map((k) => sheet(`${k.name} from end to end`, (cell) => { values[k.name] = cell.values[k.name]; controls[k.name].set(values[k.name]); turn(); })), sheet("the same codes, other noise", () => {})] };
    root.replaceChildren(
      h("div", { class: "card paper" },
        h("h2", {}, "Draw a digit"),
        square.element,
        h("div", { class: "row buttons" },
          h("button", { type: "button", onclick: square.back }, "Undo"),
          h("button", { type: "button", onclick: square.clear }, "Clear")),
        examples.length ? h("div", { class: "examples", role: "group", "aria-label": "Load a handwritten digit" }, h("span", {}, "or load a handwritten one:"),
          Array.from({ length: 10 }, (_, n) => h("button", { type: "button", "aria-label": `Load a handwritten ${n}; again for another one`, onclick: () => example(n) }, String(n)))) : null,
        h("p", { class: "hint" }, "Try this: draw a 4 that Q calls a 9. Then change one stroke.")),
      h("div", { class: "card eye" },
        h("h3", {}, "What Q reads", h("span", { class: "flow" }, "drawing → Q → codes")),
        h("div", { class: "row top" }, h("figure", {}, screen, h("figcaption", {}, "centred as MNIST is")), words),
        reading.element,
        h("p", { class: "hint" }, "Q answers with a distribution: one code it is sure of, or several it cannot tell apart. It never saw a label.")),
      h("div", { class: "card turn" },
        h("h3", {}, "Turn it", h("span", { class: "flow" }, "codes that Q read + noise → G")),
        h("p", { class: "hint" }, "G draws your digit again from what Q read. Turn the sliders: these are its relatives."),
        h("div", { class: "row top" }, h("figure", {}, again, h("figcaption", {}, "G draws it again")),
          h("div", { class: "sliders" }, amounts.map((k) => controls[k.name].element),
            h("div", { class: "row buttons" },
              h("button", { type: "button", onclick: () => { seed = 1 + Math.floor(Math.random() * 99999); turn(); } }, "New noise"),
              h("button", { type: "button", onclick: follow }, "Back to Q")))),
        h("div", { class: "relatives" }, parts.sheets.map((s) => s.element)),
        h("p", { class: "more" }, "Learn more: ", app.notebook("06_q_head", "why Q says a distribution"), ", ", app.notebook("08_latent_sliders", "a 4 that Q calls a 9"), ".")));
    root.classList.add("empty");
    square.clear();
  }
  return {
    open,
    draw: (strokes, base = null) => square.set(strokes, base),
    get image() { return image; },
    get posterior() { return parts.posterior; },
  };
}
