// What Q says of one image: a bar for each state of a code, an axis with mean and deviation for an amount, a compass
// for an angle. What was set, where anything was, has a triangle.

import { h, svg } from "./dom.js";
import { discrete, kind } from "./codes.js";

export function reader(spec, names = {}) {
  const blocks = spec.codes.map((code) => (discrete(code) ? bars : code.kind === "Circular" ? compass : axis)(code, names));
  const element = h("div", { class: "reading", role: "group", "aria-label": "What Q reads" }, blocks.map((b) => b.element));
  const words = h("p", { class: "said", "aria-live": "polite" });
  element.append(words);
  let later;
  return {
    element,
    show(readings, values = null) {
      const sentences = spec.codes.map((code, i) => blocks[i].show(readings[code.name], values?.[code.name] ?? null));
      clearTimeout(later);
      later = setTimeout(() => (words.textContent = `Q reads ${sentences.join("; ")}.`), 700); // once the hand rests
    },
  };
}

const percent = (p) => (p > 0.995 && p < 0.9995 ? (100 * p).toFixed(1) : (100 * p).toFixed(0));

function bars(code, names) {
  const states = kind(code).states(code);
  const labels = states.map((s) => (code.kind === "Bernoulli" ? ["no", "yes"][s] : String(s)));
  const means = (s) => names[code.name]?.[s] ?? "";
  const full = (s) => (means(s) ? `${labels[s]} (${means(s)})` : labels[s]);
  const head = h("b");
  const rows = states.map((s) => {
    const bar = h("i");
    const share = h("output");
    const row = h("li", {}, h("span", {}, labels[s], means(s) ? h("small", {}, means(s)) : null), h("span", { class: "bar" }, bar), share);
    return { row, bar, share };
  });
  const list = h("ol", { class: "bars", "aria-hidden": "true" }, rows.map(({ row }) => row));
  return {
    element: h("div", { class: "block" }, h("h4", {}, code.name, head), list),
    show({ probs }, set) {
      const top = probs.indexOf(Math.max(...probs));
      rows.forEach(({ row, bar, share }, i) => {
        bar.style.width = `${100 * probs[i]}%`;
        share.textContent = probs[i] >= 0.005 ? `${percent(probs[i])} %` : "";
        row.classList.toggle("top", i === top);
        row.classList.toggle("set", i === set);
      });
      head.textContent = `${full(top)}, ${percent(probs[top])} % sure`;
      return `${code.name}: ${full(top)}, ${percent(probs[top])} per cent sure${set === null ? "" : `, set to ${full(set)}`}`;
    },
  };
}

const [WIDE, PAD] = [240, 8];

function axis(code) {
  const [low, high] = kind(code).ends(code);
  const [from, to] = kind(code).zone(code);
  const x = (v) => PAD + ((Math.min(Math.max(v, low), high) - low) / (high - low)) * (WIDE - 2 * PAD);
  const head = h("b");
  const spread = svg("rect", { class: "spread", y: 15, height: 8, rx: 4 });
  const mean = svg("circle", { class: "mean", cy: 19, r: 5 });
  const mark = svg("path", { class: "mark" });
  const picture = svg(
    "svg", { viewBox: `0 0 ${WIDE} 40`, "aria-hidden": "true" },
    svg("rect", { class: "zone", x: x(from), y: 6, width: x(to) - x(from), height: 20, rx: 3 }),
    svg("path", { class: "line", d: `M${PAD} 19H${WIDE - PAD}` }),
    spread, mean, mark,
    ...[low, from, (low + high) / 2, to, high].map((v) => {
      const text = svg("text", { x: x(v), y: 38, "text-anchor": "middle" });
      text.textContent = String(Number(v.toFixed(2)));
      return text;
    }),
  );
  return {
    element: h("div", { class: "block" }, h("h4", {}, code.name, head), picture),
    show({ mean: m, stddev }, set) {
      const [left, right] = [x(m - stddev), x(m + stddev)];
      spread.setAttribute("x", left);
      spread.setAttribute("width", Math.max(right - left, 1));
      mean.setAttribute("cx", x(m));
      mark.setAttribute("d", set === null ? "" : `M${x(set)} 13l-5 -10h10z`);
      head.textContent = `${m.toFixed(2)} ± ${stddev.toFixed(2)}`;
      return `${code.name}: ${m.toFixed(2)}, give or take ${stddev.toFixed(2)}${set === null ? "" : `, set to ${set.toFixed(2)}`}`;
    },
  };
}

function compass(code) {
  const [cx, cy, r] = [WIDE / 2, 52, 40];
  const at = (angle, radius) => `${cx + radius * Math.cos(angle)} ${cy - radius * Math.sin(angle)}`;
  const head = h("b");
  const spread = svg("path", { class: "spread arc" });
  const needle = svg("path", { class: "needle" });
  const mark = svg("path", { class: "mark" });
  const picture = svg("svg", { viewBox: `0 0 ${WIDE} 104`, "aria-hidden": "true" }, svg("circle", { class: "line", cx, cy, r }), spread, needle, mark);
  return {
    element: h("div", { class: "block" }, h("h4", {}, code.name, head), picture),
    show({ angle, length, concentration }, set) {
      const wide = Math.min(Math.sqrt(-2 * Math.log(Math.max(length, 1e-6))), Math.PI - 1e-3);
      spread.setAttribute("d", `M${at(angle - wide, r)}A${r} ${r} 0 ${wide > Math.PI / 2 ? 1 : 0} 0 ${at(angle + wide, r)}`);
      needle.setAttribute("d", `M${cx} ${cy}L${at(angle, r * length)}`);
      mark.setAttribute("d", set === null ? "" : `M${at(set, r + 1)}L${at(set - 0.12, r + 11)}L${at(set + 0.12, r + 11)}z`);
      const degrees = (a) => `${((a * 180) / Math.PI).toFixed(0)}°`;
      head.textContent = `${degrees(angle)}, κ ${concentration.toFixed(1)}`;
      return `${code.name}: ${degrees(angle)}${set === null ? "" : `, set to ${degrees(set)}`}`;
    },
  };
}
