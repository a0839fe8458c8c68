// A knob: a slider with the trained zone shaded and its two ends pictured, or a button for each state with its picture.

import { h } from "./dom.js";

export const shown = (knob, value) => (knob.circular ? `${((value * 180) / Math.PI).toFixed(0)}°` : value.toFixed(2));

// `turned(value, resting)` is called for each change, and with `resting` once the hand lets go.
export function slider(knob, turned, playing = null) {
  const [low, high] = knob.ends;
  const id = `knob-${knob.name}-${Math.random().toString(36).slice(2, 7)}`;
  const input = h("input", { type: "range", id, min: low, max: high, step: (high - low) / 400, value: knob.rest });
  const output = h("output", { for: id });
  const ends = [h("canvas", { class: "end", "aria-hidden": "true" }), h("canvas", { class: "end", "aria-hidden": "true" })];
  const share = (v) => (100 * (v - low)) / (high - low);
  const zone = knob.zone
    ? h("span", { class: "zone", "aria-hidden": "true", style: `left:${share(knob.zone[0])}%;width:${share(knob.zone[1]) - share(knob.zone[0])}%` }, h("span", {}, "trained"))
    : null;
  const words = (v) => {
    const outside = knob.zone && (v < knob.zone[0] - 1e-6 || v > knob.zone[1] + 1e-6);
    output.textContent = shown(knob, v);
    output.classList.toggle("outside", Boolean(outside));
    input.setAttribute("aria-valuetext", `${shown(knob, v)}${outside ? ", beyond what training saw" : ""}`);
  };
  input.addEventListener("input", () => { words(Number(input.value)); turned(Number(input.value), false); });
  input.addEventListener("change", () => turned(Number(input.value), true));
  const play = playing && h("button", { type: "button", class: "play", "aria-pressed": "false", "aria-label": `Play ${knob.name}`, title: "to and fro", onclick: () => playing() }, "▶");
  const element = h("div", { class: "slider" }, h("label", { for: id }, knob.name), ends[0],
    h("div", { class: "track" }, zone, input), ends[1], output, play);
  words(knob.rest);
  return { element, ends, play, input, set(value) { input.value = value; words(value); } };
}

export function choice(knob, names, turned, playing) {
  const canvases = knob.states.map(() => h("canvas", { "aria-hidden": "true" }));
  const buttons = knob.states.map((state) => {
    const name = names[state];
    return h("button", {
      type: "button", role: "radio", "aria-checked": "false", tabindex: -1,
      "aria-label": `${knob.name} ${state}${name === undefined ? "" : `, draws ${name}`}`, onclick: () => turned(state, true),
    }, canvases[state], h("span", {}, String(state)));
  });
  const group = h("div", { role: "radiogroup", "aria-label": `Code ${knob.name}`, class: `states${knob.states.length > 12 ? " many" : ""}` }, buttons);
  let chosen = 0;
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const digit = /^\d$/.test(event.key) && Number(event.key) < buttons.length ? Number(event.key) : null;
    if (step === undefined && digit === null) return;
    event.preventDefault();
    const next = digit ?? (chosen + step + buttons.length) % buttons.length;
    buttons[next].focus();
    turned(next, true);
  });
  const play = playing && h("button", { type: "button", class: "play", "aria-pressed": "false", "aria-label": `Play ${knob.name}`, title: "one after the other", onclick: () => playing() }, "▶");
  const element = h("div", { class: "choice" }, h("div", { class: "row" }, h("h3", {}, "Code ", h("b", {}, knob.name)), play), group);
  return {
    element, canvases, play,
    set(state) {
      chosen = state;
      buttons.forEach((button, i) => {
        button.setAttribute("aria-checked", String(i === state));
        button.tabIndex = i === state ? 0 : -1;
      });
    },
  };
}
