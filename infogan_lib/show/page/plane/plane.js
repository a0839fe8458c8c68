// "Watch it learn": an InfoGAN on points of the plane, trained here and now. `mount` fills an element with it.
// The game learns in slices of a frame, so sliders and buttons answer meanwhile; nothing runs while it cannot be seen.

import { chart, History } from "./chart.js";
import { DISTRIBUTIONS, purity, strokes } from "./data.js";
import { choice, h, svg } from "./dom.js";
import { Game, NOTHING } from "./game.js";
import { Random } from "./nets.js";
import { pen } from "./pen.js";
import { NAMES, scene, symbol } from "./scene.js";
import { lambdaWords, LINES, purityWords, roundWords, stepG as stepWords, VIEW_WORDS } from "./words.js";

const SLICE = 10; // ms of a frame in which the game learns
const SHOWN = 400, COUNTED = 1000; // fakes on the canvas, and fakes that the numbers are counted on
const SLOW = 900; // ms between two steps in slow motion
const PROBE = 0xfa4e; // seed of the latents that are shown: always the same ones, whatever the game's seed

const link = (name, text) => h("a", { href: `notebooks/${name}.ipynb` }, text);

export function mount(element, { seed = 0, notebook = link } = {}) {
  const set = { data: "ring", states: 8, view: "point", seed, lambda: 0, trails: false };
  const history = new History();
  const canvas = h("canvas", { class: "plane-canvas", role: "img" });
  const plane = scene(canvas);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let game, probe, trails, real, last, numbers, pulls, running = false, slow = false, told = "", clock = {};
  let lines = []; // the reader's strokes

  // -- the game ----------------------------------------------------------------------------------

  const ready = () => set.data !== "drawn" || lines.length > 0;
  function restart() {
    const distribution = set.data === "drawn" ? strokes(lines) : DISTRIBUTIONS[set.data];
    game = new Game({ seed: set.seed, distribution, states: set.states, view: set.view });
    const random = new Random(PROBE);
    probe = game.latent(COUNTED, random);
    real = ready() ? game.real(500, random) : [];
    trails = trailLatents(random);
    last = { d: 0, g: 0, nats: null };
    pulls = null;
    history.clear();
    told = ready() ? "" : LINES.draw;
    show();
  }
  function trailLatents(random) { // the same noise along c1 from -1 to 1, twice for each state
    return Array.from({ length: 2 * set.states }, (_, i) => {
      const path = game.latent(13, random);
      for (let j = 0; j < 13; j++) {
        path.input.copyWithin(j * game.inputs, 0, game.noise);
        game.set(path, j, i % set.states, j / 6 - 1);
      }
      return path;
    });
  }
  function stepD() {
    last.d = game.dStep().loss;
  }
  function stepG() {
    const { loss, nats } = game.gStep(set.lambda);
    Object.assign(last, { g: loss, nats });
    history.add(game.stepsG, [nats.state, nats.amount, last.d, loss]);
  }
  function count() {
    const points = game.fakes(probe).slice();
    numbers = game.distribution.parts.map((part) => ({ ...part, ...purity(part, points, probe.state, COUNTED, set.states) }));
  }
  function arrows() { // what D and Q would have of each fake
    const some = { ...probe, n: SHOWN };
    const fakes = game.fakes(some).slice();
    pulls = { D: game.push(fakes, some, 0, 1, 0).dx.slice(), Q: set.lambda ? game.push(fakes, some, set.lambda, 0, 0).dx.slice() : null };
  }
  function single(which) { // one step, by hand or in slow motion
    if (which === "D") stepD();
    else {
      stepG();
      arrows();
    }
    if (which === "D") pulls = null;
    told = which === "D" ? LINES.stepD : stepWords(set.lambda);
    show();
  }

  // -- what is seen ------------------------------------------------------------------------------

  function paint() {
    const some = { ...probe, n: SHOWN };
    plane.draw({
      real,
      fakes: ready() && { points: game.fakes(some), state: probe.state, n: SHOWN },
      trails: set.trails && ready() ? trails.map((path) => ({ state: path.state[0], points: game.fakes(path).slice() })) : [],
      pulls,
      lines: set.data === "drawn" && !running ? lines : [],
      pen: drawing.cursor(),
    });
  }
  function judge() {
    if (ready()) plane.judge(game);
    else plane.blank();
  }
  function readings() {
    if (ready()) count();
    nats.draw(history.rounds, history.rows);
    losses.draw(history.rounds, history.rows.map((row) => row.slice(2)));
    const trained = game.stepsG > 0;
    purityRows.replaceChildren(...(numbers ?? []).map(({ word, pure, covered, count }) => h("div", { class: "plane-number" },
      h("output", { "data-part": word }, trained ? pure.toFixed(2) : "–"),
      h("span", {}, h("b", {}, `purity by ${word}`), h("br"), `${trained ? covered : "–"} of ${count} ${word}s covered`))));
    purityHint.textContent = purityWords(set.states, game.distribution.parts[0]);
    rounds.textContent = ready() ? roundWords(game, numbers, clock.rate) : "";
    words.textContent = told;
    canvas.setAttribute("aria-label", `The plane. ${rounds.textContent}`);
  }
  function show() {
    judge();
    paint();
    readings();
    if (!running) said.textContent = `${told} ${rounds.textContent}`;
  }

  // -- the clock ---------------------------------------------------------------------------------

  function frame(now) {
    if (!running || !element.isConnected) return;
    requestAnimationFrame(frame);
    if (!canvas.getClientRects().length) return void (clock.since = null);
    if (slow) {
      if (now - (clock.step ?? -SLOW) < SLOW) return;
      clock.step = now;
      single(game.stepsD > game.stepsG ? "G" : "D");
      return;
    }
    const start = performance.now();
    do {
      if (game.stepsD <= game.stepsG) stepD();
      stepG();
    } while (performance.now() - start < SLICE);
    clock.since ??= { now: start, rounds: game.stepsG };
    if (calm.matches && now - (clock.painted ?? 0) < 1000) return;
    clock.painted = now;
    paint();
    if (now - (clock.read ?? 0) < 200) return;
    clock.read = now;
    clock.rate = (game.stepsG - clock.since.rounds) / Math.max((performance.now() - clock.since.now) / 1000, 0.1);
    judge();
    readings();
  }
  function run(on) {
    running = on && ready();
    pulls = null;
    told = running && !slow ? LINES.training : ready() ? "" : told;
    clock = {};
    train.textContent = running ? "Pause" : "Train";
    train.setAttribute("aria-pressed", String(running));
    if (running) requestAnimationFrame(frame);
    show();
  }
  const afresh = (changed) => {
    Object.assign(set, changed);
    restart();
    controls.states.set(set.states);
    legend();
    drawing.on(set.data === "drawn");
    if (!ready()) run(false);
  };

  // -- controls ----------------------------------------------------------------------------------

  const icon = (name) => {
    const random = new Random(1);
    const dots = Array.from({ length: 70 }, () => DISTRIBUTIONS[name].draw(random));
    return svg("svg", { viewBox: "-1.7 -1.7 3.4 3.4", "aria-hidden": "true" }, dots.map(([x, y]) => svg("circle", { cx: x, cy: -y, r: 0.1 })));
  };
  const pencil = svg("svg", { viewBox: "-1.7 -1.7 3.4 3.4", "aria-hidden": "true" }, svg("path", { d: "M-1.2 .8C-.6-1.4.2-1 .2 0S.9 1.2 1.3-.9" }));
  const controls = {
    data: choice("Real points", [["ring", "ring of 8"], ["rings", "two rings"], ["grid", "grid"], ["moons", "moons"], ["drawn", "your own"]]
      .map(([key, label]) => [key, label, key === "drawn" ? pencil : icon(key)]), set.data,
      (data) => afresh({ data, states: data === "drawn" ? strokes(lines).states : DISTRIBUTIONS[data].states })),
    states: choice("States of the code: K", [2, 3, 4, 5, 6, 7, 8].map((k) => [k, String(k)]), set.states, (states) => afresh({ states: Number(states) })),
    view: choice("Q sees of a fake", [["point", "the point"], ["angle", "direction"], ["radius", "distance"]], set.view, (view) => {
      viewWords.textContent = VIEW_WORDS[view];
      afresh({ view });
    }),
  };
  const viewWords = h("p", { class: "plane-hint" }, VIEW_WORDS.point);
  const seedInput = h("input", { type: "number", min: 0, max: 9999, step: 1, value: seed, onchange: () => {
    const value = Math.min(Math.max(Math.round(Number(seedInput.value)) || 0, 0), 9999);
    seedInput.value = value;
    afresh({ seed: value });
  } });
  const button = (label, title, act, more = {}) => h("button", { type: "button", title, onclick: act, ...more }, label);
  const byHand = (which) => () => {
    if (!ready()) return;
    run(false);
    single(which);
  };
  const train = button("Train", "D and G take their steps in turn", () => run(!running), { class: "plane-main", "aria-pressed": "false" });
  const slowly = h("input", { type: "checkbox", onchange: () => {
    slow = slowly.checked;
    run(running);
  } });
  const withTrails = h("input", { type: "checkbox", onchange: () => {
    set.trails = withTrails.checked;
    paint();
  } });
  const lambda = h("input", { type: "range", min: 0, max: 1, step: 0.05, value: 0, "aria-valuetext": "0: a plain GAN", oninput: () => {
    set.lambda = Number(lambda.value);
    lambdaOut.textContent = set.lambda.toFixed(2);
    lambdaHint.textContent = lambdaWords(set.lambda);
    lambda.setAttribute("aria-valuetext", set.lambda ? set.lambda.toFixed(2) : "0: a plain GAN");
  } });
  const lambdaOut = h("output", {}, "0.00");
  const lambdaHint = h("p", { class: "plane-hint" }, lambdaWords(0));
  const drawing = pen(canvas, plane.at, {
    lines: () => lines,
    changed(next, done) {
      lines = next;
      if (done) afresh({ states: strokes(lines).states });
      else paint();
    },
  });

  const nats = chart("What Q reads of the code, in nats", [{ name: "L_I, state", colour: "--plane-q" }, { name: "L_I, c1", colour: "--plane-code", dash: "6 3" }],
    () => [[Math.log(set.states), `H(c) = ln ${set.states} = ${Math.log(set.states).toFixed(2)}`], [NOTHING, LINES.nothing]], () => [-0.6, 2.5]);
  const losses = chart("What D and G pay, in nats", [{ name: "L_D", colour: "--plane-d" }, { name: "L_G", colour: "--plane-g", dash: "6 3" }],
    () => [[2 * Math.log(2), LINES.undecided]], () => [0, 2.5]);
  const purityRows = h("div", { class: "plane-numbers" });
  const purityHint = h("p", { class: "plane-hint" });
  const rounds = h("p", { class: "plane-rounds" });
  const words = h("p", { class: "plane-now" });
  const said = h("p", { class: "plane-said", "aria-live": "polite" });
  const key = h("div", { class: "plane-key" });
  function legend() {
    key.replaceChildren(
      h("span", {}, svg("svg", { viewBox: "0 0 16 16" }, svg("circle", { cx: 8, cy: 8, r: 3.4, class: "real" })), "real"),
      h("span", { class: "states" }, Array.from({ length: set.states }, (_, k) => svg("svg", { viewBox: "0 0 16 16", role: "img", "aria-label": `state ${k}: ${NAMES[k]}` }, symbol(k))), "fakes, by their state"),
      h("span", { class: "tint" }, "D says fake", h("i"), "real"));
  }

  const more = h("p", { class: "plane-hint" }, "Learn more: ", notebook("01_vanilla_gan", "the game"), ", ", notebook("05_variational_bound", "the bound L_I"),
    ", ", notebook("07_infogan", "InfoGAN"), ".");
  element.classList.add("plane");
  element.replaceChildren(
    h("section", { class: "plane-card plane-setup" },
      h("h2", {}, "Watch it learn"),
      h("p", { class: "plane-hint" }, LINES.what),
      controls.data.element, controls.states.element,
      h("p", { class: "plane-hint" }, LINES.states),
      controls.view.element, viewWords,
      h("div", { class: "plane-row" }, h("label", {}, "Seed ", seedInput), button("next seed", "the same game from another start", () => {
        seedInput.value = (set.seed + 1) % 10000;
        afresh({ seed: Number(seedInput.value) });
      }))),
    h("section", { class: "plane-card plane-stage" },
      h("div", { class: "plane-lambda" }, h("label", {}, h("b", {}, "λ"), lambda, lambdaOut), lambdaHint),
      h("div", { class: "plane-row plane-buttons" }, train, button("Step D", "D and Q learn from one batch; G stands still", byHand("D")),
        button("Step G", "G learns from one batch; D and Q stand still", byHand("G")), button("Reset", "the same game from its start", () => {
          run(false);
          restart();
        }), h("label", {}, slowly, "slow motion"), h("label", { title: "each line: one noise, c1 from -1 to 1" }, withTrails, "trails of c1")),
      canvas, drawing.buttons, key, words, rounds, said),
    h("section", { class: "plane-card plane-readings" },
      nats.element, h("p", { class: "plane-hint" }, LINES.nats),
      purityRows, purityHint,
      losses.element, h("p", { class: "plane-hint" }, LINES.losses), more));

  const restyle = () => {
    plane.restyle();
    if (game) show();
  };
  new MutationObserver(restyle).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyle);
  plane.restyle();
  afresh({});
  // For tests and for the curious: the game itself, its numbers, and so many rounds at once.
  element.plane = {
    get game() { return game; },
    get numbers() { return numbers; },
    get nats() { return last.nats; },
    get running() { return running; },
    set: afresh,
    play(n) {
      for (let i = 0; i < n; i++) {
        stepD();
        stepG();
      }
      show();
    },
  };
  return element.plane;
}
