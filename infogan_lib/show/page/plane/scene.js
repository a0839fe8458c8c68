// The plane on a canvas: what D says of every place, the real points, and the fakes with a colour and a shape for each
// state of the code.

import { REACH } from "./data.js";
import { svg } from "./dom.js";

const CELLS = 40; // of D's field, each way
const SIZE = 960; // pixels of the canvas, each way

const turns = (n, from, radii = [1]) =>
  Array.from({ length: n }, (_, i) => from + (2 * Math.PI * i) / n).map((a, i) => [radii[i % radii.length] * Math.cos(a), radii[i % radii.length] * Math.sin(a)]);
const UP = -Math.PI / 2;
const SHAPES = [ // corners, or a circle; areas much alike
  null,
  turns(4, Math.PI / 4, [1.25]),
  turns(3, UP, [1.45]),
  turns(4, UP, [1.4]),
  turns(3, -UP, [1.45]),
  turns(8, UP, [1.6, 0.5]),
  [[-0.45, -1.3], [0.45, -1.3], [0.45, -0.45], [1.3, -0.45], [1.3, 0.45], [0.45, 0.45], [0.45, 1.3], [-0.45, 1.3], [-0.45, 0.45], [-1.3, 0.45], [-1.3, -0.45], [-0.45, -0.45]],
  turns(6, 0, [1.3]),
];
export const NAMES = ["circle", "square", "triangle", "diamond", "triangle down", "star", "cross", "hexagon"];

// The same for a legend, in a box of 16 x 16.
export function symbol(state) {
  const style = { fill: `var(--plane-state-${state})` };
  if (SHAPES[state] === null) return svg("circle", { cx: 8, cy: 8, r: 5, ...style });
  return svg("path", { d: `M${SHAPES[state].map(([x, y]) => `${8 + 5 * x} ${8 + 5 * y}`).join("L")}Z`, ...style });
}

function shape(context, state, x, y, r) {
  context.beginPath();
  if (SHAPES[state] === null) context.arc(x, y, r, 0, 2 * Math.PI);
  else for (const [dx, dy] of SHAPES[state]) context.lineTo(x + r * dx, y + r * dy);
  context.closePath();
}

const grid = new Float32Array(2 * CELLS * CELLS);
for (let i = 0; i < CELLS * CELLS; i++) {
  grid[2 * i] = REACH * ((2 * ((i % CELLS) + 0.5)) / CELLS - 1);
  grid[2 * i + 1] = -REACH * ((2 * (Math.floor(i / CELLS) + 0.5)) / CELLS - 1);
}

export function scene(canvas) {
  Object.assign(canvas, { width: SIZE, height: SIZE });
  const context = canvas.getContext("2d");
  const field = Object.assign(document.createElement("canvas"), { width: CELLS, height: CELLS });
  const cells = new ImageData(CELLS, CELLS);
  const to = (v) => (SIZE / 2) * (1 + v / REACH);
  const X = to, Y = (v) => to(-v);
  let colours = null;

  // Every colour is a custom property of the page, so a theme changes it: `restyle` reads them again.
  function restyle() {
    const style = getComputedStyle(canvas);
    const get = (name) => style.getPropertyValue(`--plane-${name}`).trim();
    const rgb = (name) => {
      context.fillStyle = get(name);
      return [1, 3, 5].map((i) => parseInt(context.fillStyle.slice(i, i + 2), 16));
    };
    colours = { ground: rgb("ground"), real: rgb("says-real"), fake: rgb("says-fake"), point: get("real"), edge: get("edge"),
      text: get("text"), d: get("d"), q: get("q"), states: SHAPES.map((_, i) => get(`state-${i}`)) };
  }

  // D's probability of real on the grid, as a tint: towards one colour above a half, towards the other below.
  function judge(game) {
    const out = game.D.forward(grid, CELLS * CELLS);
    const width = game.states + 3;
    for (let i = 0; i < CELLS * CELLS; i++) {
      const p = 1 / (1 + Math.exp(-out[i * width]));
      const tint = p > 0.5 ? colours.real : colours.fake;
      const share = Math.min(1, 3 * Math.abs(p - 0.5));
      for (let c = 0; c < 3; c++) cells.data[4 * i + c] = colours.ground[c] + share * (tint[c] - colours.ground[c]);
      cells.data[4 * i + 3] = 255;
    }
    field.getContext("2d").putImageData(cells, 0, 0);
  }

  function blank() {
    field.getContext("2d").fillStyle = `rgb(${colours.ground})`;
    field.getContext("2d").fillRect(0, 0, CELLS, CELLS);
  }

  function arrow(x, y, dx, dy, colour, dash) {
    const length = Math.hypot(dx, dy);
    if (length < 4) return;
    const [ux, uy] = [dx / length, dy / length];
    Object.assign(context, { strokeStyle: colour, lineWidth: 3 });
    context.beginPath();
    context.setLineDash(dash);
    context.moveTo(x, y);
    context.lineTo(x + dx, y + dy);
    context.stroke();
    context.setLineDash([]);
    context.beginPath();
    context.moveTo(x + dx - 9 * ux - 5 * uy, y + dy - 9 * uy + 5 * ux);
    context.lineTo(x + dx, y + dy);
    context.lineTo(x + dx - 9 * ux + 5 * uy, y + dy - 9 * uy - 5 * ux);
    context.stroke();
  }

  // fakes: {points, state, n} or false; trails: [{state, points}], each a path along c1; pulls: slopes {D, Q} in the fakes.
  function draw({ real, fakes, trails, pulls, lines, pen }) {
    Object.assign(context, { imageSmoothingEnabled: true, imageSmoothingQuality: "high", lineJoin: "round", lineCap: "round" });
    context.drawImage(field, 0, 0, SIZE, SIZE);
    Object.assign(context, { strokeStyle: colours.point, lineWidth: 2.5 });
    for (let i = 0; i < real.length; i += 2) {
      context.beginPath();
      context.arc(X(real[i]), Y(real[i + 1]), 4.5, 0, 2 * Math.PI);
      context.stroke();
    }
    for (const line of lines) {
      Object.assign(context, { strokeStyle: colours.point, lineWidth: 8 });
      context.beginPath();
      for (const [x, y] of line) context.lineTo(X(x), Y(y));
      context.stroke();
    }
    for (const { state, points } of trails) {
      for (const [style, width] of [[colours.edge, 11], [colours.states[state], 6]]) {
        Object.assign(context, { strokeStyle: style, lineWidth: width });
        context.beginPath();
        for (let i = 0; i < points.length; i += 2) context.lineTo(X(points[i]), Y(points[i + 1]));
        context.stroke();
      }
    }
    if (fakes) {
      Object.assign(context, { strokeStyle: colours.edge, lineWidth: 1.6 });
      for (let i = 0; i < fakes.n; i++) {
        context.fillStyle = colours.states[fakes.state[i]];
        shape(context, fakes.state[i], X(fakes.points[2 * i]), Y(fakes.points[2 * i + 1]), 8);
        context.fill();
        context.stroke();
      }
    }
    for (const name of pulls ? ["D", "Q"] : []) {
      const slopes = pulls[name];
      if (!slopes) continue;
      let most = 1e-9; // arrows are drawn to one scale, the strongest of D's as long as 70 pixels
      for (let i = 0; i < pulls.D.length; i += 2) most = Math.max(most, Math.hypot(pulls.D[i], pulls.D[i + 1]));
      for (let i = 0; i < Math.min(fakes.n, 120); i++) {
        const [dx, dy] = [slopes[2 * i], slopes[2 * i + 1]].map((v) => Math.max(-90, Math.min(90, (-70 * v) / most)));
        arrow(X(fakes.points[2 * i]), Y(fakes.points[2 * i + 1]), dx, -dy, ...(name === "D" ? [colours.d, []] : [colours.q, [5, 6]]));
      }
    }
    if (pen) {
      Object.assign(context, { strokeStyle: colours.text, lineWidth: 3 });
      context.beginPath();
      context.arc(X(pen.x), Y(pen.y), pen.down ? 9 : 16, 0, 2 * Math.PI);
      context.stroke();
    }
  }
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const inside = (v) => Math.min(Math.max(v, -0.94), 0.94) * REACH;
    return [inside((2 * (event.clientX - box.left)) / box.width - 1), inside(1 - (2 * (event.clientY - box.top)) / box.height)];
  };
  return { restyle, judge, blank, draw, at };
}
