// The card of what is measured: L_I, the purities, the losses.

import { chart, History } from "./chart.js";
import { h } from "./dom.js";
import { NOTHING } from "./game.js";
import { LINES, purityWords } from "./words.js";

// `states()` is K now.
export function readings(states, notebook) {
  const history = new History();
  const ceiling = () => [Math.log(states()), `H(c) = ln ${states()} = ${Math.log(states()).toFixed(2)}`];
  const nats = chart("What Q reads of the code, in nats",
    [{ name: "L_I, state", colour: "--plane-q" }, { name: "L_I, c1", colour: "--plane-code", dash: "6 3" }],
    () => [ceiling(), [NOTHING, LINES.nothing]], () => [-0.6, 2.5]);
  const losses = chart("What D and G pay, in nats",
    [{ name: "L_D", colour: "--plane-d" }, { name: "L_G", colour: "--plane-g", dash: "6 3" }],
    () => [[2 * Math.log(2), LINES.undecided]], () => [0, 2.5]);
  const purities = h("div", { class: "plane-numbers" });
  const purityHint = h("p", { class: "plane-hint" });
  const element = h("section", { class: "plane-card plane-readings" },
    nats.element, h("p", { class: "plane-hint" }, LINES.nats),
    purities, purityHint,
    losses.element, h("p", { class: "plane-hint" }, LINES.losses),
    h("p", { class: "plane-hint" }, "Learn more: ", notebook("01_vanilla_gan", "the game"), ", ",
      notebook("05_variational_bound", "the bound L_I"), ", ", notebook("07_infogan", "InfoGAN"), "."));

  const number = (trained) => ({ word, pure, covered, count }) => h("div", { class: "plane-number" },
    h("output", {}, trained ? pure.toFixed(2) : "–"),
    h("span", {}, h("b", {}, `purity by ${word}`), h("br"), `${trained ? covered : "–"} of ${count} ${word}s covered`));
  return {
    element,
    history,
    // `numbers`: a purity for each part of the distribution, or null where there is none yet.
    draw(numbers, trained) {
      nats.draw(history.rounds, history.rows);
      losses.draw(history.rounds, history.rows.map((row) => row.slice(2)));
      purities.replaceChildren(...(numbers ?? []).map(number(trained)));
      purityHint.textContent = numbers ? purityWords(states(), numbers[0]) : "";
    },
  };
}
