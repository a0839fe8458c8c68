// The distributions of the plane. A point (x, y) stands for an image; a mode is a region where the data is dense.
// Each has a word for its modes, how many there are, how to draw a point, and which mode a point is nearest to; `parts`
// are the ways to cut the plane that a code may come to mean, and `states` is a K to begin with.

const TURN = 2 * Math.PI;
export const REACH = 1.7; // the plane is shown from -REACH to REACH both ways

function nearest(points, x, y) {
  let best = 0, least = Infinity;
  for (let i = 0; i < points.length; i++) {
    const d = (x - points[i][0]) ** 2 + (y - points[i][1]) ** 2;
    if (d < least) [best, least] = [i, d];
  }
  return best;
}

const modes = (word, count, of) => [{ word, count, of }];
const sixteenths = { word: "direction", count: 16, of: (x, y) => Math.floor(8 * (1 + Math.atan2(y, x) / Math.PI)) % 16 };

function around(centres, sigma, states) {
  return {
    states,
    draw(random) {
      const [x, y] = centres[random.below(centres.length)];
      return [x + sigma * random.normal(), y + sigma * random.normal()];
    },
    parts: modes("mode", centres.length, (x, y) => nearest(centres, x, y)),
  };
}

// Strokes, each a list of points: one mode a stroke, all alike often, however long they are.
export function strokes(lines, sigma = 0.06) {
  const points = lines.flat();
  const owners = lines.flatMap((line, i) => line.map(() => i));
  const lengths = lines.map((line) => line.slice(1).map(([x, y], i) => Math.hypot(x - line[i][0], y - line[i][1])));
  const totals = lengths.map((pieces) => pieces.reduce((a, b) => a + b, 0));
  return {
    states: Math.min(Math.max(lines.length, 2), 8),
    draw(random) {
      const mode = random.below(lines.length);
      let along = random.uniform() * totals[mode];
      let i = 0;
      while (i < lengths[mode].length - 1 && along > lengths[mode][i]) along -= lengths[mode][i++];
      const from = lines[mode][i], to = lines[mode][i + 1] ?? from;
      const share = along / (lengths[mode][i] || 1);
      return [0, 1].map((axis) => from[axis] + (to[axis] - from[axis]) * share + sigma * random.normal());
    },
    parts: modes("stroke", lines.length, (x, y) => owners[nearest(points, x, y)]),
  };
}

const circle = Array.from({ length: 8 }, (_, i) => [1.25 * Math.cos((TURN * i) / 8), 1.25 * Math.sin((TURN * i) / 8)]);
const arc = (x, y, from) =>
  Array.from({ length: 25 }, (_, i) => from + (Math.PI * i) / 24).map((a) => [x + 0.8 * Math.cos(a), y + 0.8 * Math.sin(a)]);
const moons = strokes([arc(-0.4, -0.2, 0), arc(0.4, 0.2, Math.PI)], 0.07);

export const DISTRIBUTIONS = {
  ring: around(circle, 0.07, 8),
  rings: {
    states: 2,
    draw(random) {
      const radius = [0.5, 1.3][random.below(2)] + 0.06 * random.normal();
      const angle = TURN * random.uniform();
      return [radius * Math.cos(angle), radius * Math.sin(angle)];
    },
    parts: [...modes("ring", 2, (x, y) => (Math.hypot(x, y) > 0.9 ? 1 : 0)), sixteenths],
  },
  grid: around([-1.1, 0, 1.1].flatMap((y) => [-1.1, 0, 1.1].map((x) => [x, y])), 0.08, 3),
  moons: { ...moons, parts: modes("moon", 2, moons.parts[0].of) },
};

// How codes and modes go together, of n fakes with their states, counted on the fakes. `pure`, each from chance to 1:
// with at most as many states as modes, the share of fakes with the commonest colour of their mode, else the share in
// the commonest mode of their colour. `covered`: the modes with at least a quarter of a fair share.
export function purity({ count, of }, points, state, n, states) {
  const table = Array.from({ length: count }, () => new Array(states).fill(0));
  for (let i = 0; i < n; i++) table[of(points[2 * i], points[2 * i + 1])][state[i]] += 1;
  const inMode = table.map((row) => row.reduce((a, b) => a + b));
  const byMode = table.reduce((sum, row) => sum + Math.max(...row), 0) / n;
  let byColour = 0;
  for (let k = 0; k < states; k++) byColour += Math.max(...table.map((row) => row[k])) / n;
  const covered = inMode.filter((size) => size >= n / count / 4).length;
  return { pure: states <= count ? byMode : byColour, byMode, byColour, covered };
}
