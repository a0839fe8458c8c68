// A drawing as MNIST would hold it: fitted to a box of 20 x 20 pixels, centred by its mass in 28 x 28, soft-edged.
// The same as the library's `show.widgets.strokes`, which says where the recipe is from; a test holds the two equal.

export const SIZE = 28;
const BOX = 20;
const CENTRE = 14.5;
const MARGIN = (SIZE - BOX) / 2;
export const BRUSH = 2.4;
const EDGE = 1.2;
const LEAST = 3;
const INK = 0.002;

const clamp = (v, low, high) => Math.min(Math.max(v, low), high);
const evenRound = (v) => (v % 1 === 0.5 || v % 1 === -0.5 ? 2 * Math.round(v / 2) : Math.round(v)); // as Python and torch do

// Strokes, lists of points [x, y] on a canvas of 28 x 28 units, over `base`, 784 grey levels or null -> what Q is shown,
// 784 numbers in [-1, 1]; null if both are empty. A base alone is left as it is.
export function picture(strokes, base = null) {
  const drawn = strokes.filter((stroke) => stroke.length);
  if (!base) return drawn.length ? fromStrokes(drawn) : null;
  const under = Float32Array.from(base, (v) => v / 255);
  if (!drawn.length) return under.map((v) => 2 * v - 1);
  const over = rasterise(drawn);
  return fromPixels(under.map((v, i) => Math.max(v, over[i])), SIZE, SIZE);
}

// Brightness (28 x 28) in [0, 1]: bright near a stroke, with a soft edge.
export function rasterise(strokes) {
  const nearest = new Float32Array(SIZE * SIZE).fill(Infinity); // squared distances
  for (const stroke of strokes) {
    for (let i = 0; i < Math.max(stroke.length - 1, 1); i++) {
      const [[x0, y0], [x1, y1]] = [stroke[i], stroke[Math.min(i + 1, stroke.length - 1)]];
      const [dx, dy] = [x1 - x0, y1 - y0];
      const square = Math.max(dx * dx + dy * dy, 1e-9);
      for (let p = 0; p < nearest.length; p++) {
        const [x, y] = [(p % SIZE) + 0.5 - x0, Math.floor(p / SIZE) + 0.5 - y0];
        const share = clamp((x * dx + y * dy) / square, 0, 1);
        const far = (x - share * dx) ** 2 + (y - share * dy) ** 2;
        if (far < nearest[p]) nearest[p] = far;
      }
    }
  }
  return nearest.map((far) => clamp(((BRUSH + EDGE) / 2 - Math.sqrt(far)) / EDGE, 0, 1));
}

function fromStrokes(strokes) {
  const [xs, ys] = [0, 1].map((axis) => strokes.flatMap((stroke) => stroke.map((point) => point[axis])));
  const ends = [xs, ys].map((list) => [Math.min(...list), Math.max(...list)]);
  const scale = (BOX - BRUSH) / Math.max(...ends.map(([low, high]) => high - low), LEAST);
  const place = (stroke) => stroke.map((point) => point.map((v, axis) => (v - (ends[axis][0] + ends[axis][1]) / 2) * scale + SIZE / 2));
  const placed = strokes.map(place);
  const shift = middle(rasterise(placed), SIZE, SIZE).map((v) => clamp(CENTRE - v, -MARGIN, MARGIN));
  return rasterise(placed.map((stroke) => stroke.map((point) => point.map((v, axis) => v + shift[axis])))).map((v) => 2 * v - 1);
}

function fromPixels(ink, width, height) {
  const [columns, rows] = [[], []];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    if (ink[y * width + x] > INK) {
      columns.push(x);
      rows.push(y);
    }
  }
  const [left, right] = [Math.min(...columns), Math.max(...columns)];
  const [top, bottom] = [Math.min(...rows), Math.max(...rows)];
  const [w, h] = [right - left + 1, bottom - top + 1];
  const [newWidth, newHeight] = [w, h].map((n) => Math.max(1, evenRound((n * BOX) / Math.max(w, h))));
  const cut = Float32Array.from({ length: w * h }, (_, i) => ink[(top + Math.floor(i / w)) * width + left + (i % w)]);
  const small = resized(cut, w, h, newWidth, newHeight).map((v) => clamp(v, 0, 1));
  const [mx, my] = middle(small, newWidth, newHeight);
  const x = clamp(evenRound(CENTRE - mx), 0, SIZE - newWidth);
  const y = clamp(evenRound(CENTRE - my), 0, SIZE - newHeight);
  const result = new Float32Array(SIZE * SIZE).fill(-1);
  small.forEach((v, i) => (result[(y + Math.floor(i / newWidth)) * SIZE + x + (i % newWidth)] = 2 * v - 1));
  return result;
}

// Bilinear, over as many pixels as the picture shrinks by.
function resized(from, width, height, newWidth, newHeight) {
  const across = weights(width, newWidth);
  const down = weights(height, newHeight);
  const half = new Float32Array(newWidth * height);
  for (let y = 0; y < height; y++) across.forEach((list, x) => {
    for (const [i, weight] of list) half[y * newWidth + x] += weight * from[y * width + i];
  });
  const result = new Float32Array(newWidth * newHeight);
  down.forEach((list, y) => {
    for (let x = 0; x < newWidth; x++) for (const [i, weight] of list) result[y * newWidth + x] += weight * half[i * newWidth + x];
  });
  return result;
}

function weights(length, newLength) { // for each new pixel: [which old one, its weight]
  const step = length / newLength;
  const reach = Math.max(step, 1);
  return Array.from({ length: newLength }, (_, n) => {
    const centre = (n + 0.5) * step;
    const list = [];
    for (let i = Math.max(0, Math.trunc(centre - reach + 0.5)); i < Math.min(length, Math.trunc(centre + reach + 0.5)); i++) {
      list.push([i, Math.max(0, 1 - Math.abs(i - centre + 0.5) / reach)]);
    }
    const total = list.reduce((sum, [, weight]) => sum + weight, 0);
    return list.map(([i, weight]) => [i, weight / total]);
  });
}

function middle(ink, width, height) { // (x, y) of the centre of mass, in pixels from the upper left corner
  let [total, x, y] = [0, 0, 0];
  for (let i = 0; i < width * height; i++) {
    total += ink[i];
    x += ink[i] * ((i % width) + 0.5);
    y += ink[i] * (Math.floor(i / width) + 0.5);
  }
  return [x / total, y / total];
}
