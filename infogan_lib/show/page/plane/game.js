// An InfoGAN on the plane, one step at a time: infogan_lib/core/steps.py with D, Q and G small enough for a page.
//
//     D step (trunk, D head, Q head):  L_D - L_I(Q(fake)), the fakes detached
//     G step (G alone):                L_G - lambda * L_I(Q(fake)), of the codes that made the fakes
//
// L_I = H(c) + E log Q(c|x), in nats (InfoGAN eq. 5 and 6). L_D and L_G are those of the non-saturating game, on logits.
// At lambda = 0 this is the course's control: Q learns as hard, and G is not paid. D and Q see every point moved a
// little at random (instance noise), so that no code hides in distances which nobody could see.
// The code has K states and one amount c1, uniform on [-1, 1], whose L_I weighs a tenth of the state's. Q answers with
// K logits, a mean and a number for sigma. Both heads are the last layer of D's network: 1 + K + 2 outputs.

import { Adam, Net, Random } from "./nets.js";

const FLOOR = 0.1; // the least sigma that Q may state
const NEAR = 1e-2; // added to a squared radius: it keeps the slope of a direction finite at the origin
export const NOTHING = Math.log(2) - 0.5 * Math.log((2 * Math.PI * Math.E) / 3); // L_I of c1 where Q knows nothing
const softplus = (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));
const sigmoid = (v) => 1 / (1 + Math.exp(-v));
const radius = (x, y) => Math.sqrt(x * x + y * y + NEAR);

// What Q sees of a point: T(x), a point again, and how a slope in T(x) leads back to x. null: the point itself.
export const VIEWS = {
  point: null,
  angle: {
    look: (x, y) => [x / radius(x, y), y / radius(x, y)],
    back(x, y, dx, dy) {
      const r = radius(x, y);
      const along = (x * dx + y * dy) / r ** 3;
      return [dx / r - x * along, dy / r - y * along];
    },
  },
  radius: { look: (x, y) => [radius(x, y), 0], back: (x, y, dx) => [(x * dx) / radius(x, y), (y * dx) / radius(x, y)] },
};

export class Game {
  // `seed` decides all that is random. `distribution` is one of data.js.
  constructor({ seed = 0, distribution, states = 8, view = "point", noise = 8, width = 32, batch = 128, rateD = 3e-3, rateG = 1e-3, blur = 0.2, amount = 0.1 }) {
    Object.assign(this, { distribution, states, view, noise, batch, blur, amount, stepsD: 0, stepsG: 0 });
    const gains = [1, 1.4, 1]; // of the first weights
    this.random = new Random(seed);
    this.inputs = noise + states + 1;
    this.outputs = 1 + states + 2;
    this.G = new Net([this.inputs, width, width, 2], this.random, gains);
    this.D = new Net([2, width, width, this.outputs], this.random, gains);
    this.adamG = new Adam(this.G, rateG);
    this.adamD = new Adam(this.D, rateD);
  }

  // n latents: G's input, (n, inputs), of noise, a state one-hot and c1; beside it the codes themselves.
  latent(n, random = this.random) {
    const latent = { n, input: new Float32Array(n * this.inputs), state: new Uint8Array(n), amount: new Float32Array(n) };
    for (let i = 0; i < n; i++) {
      const row = i * this.inputs;
      for (let k = 0; k < this.noise; k++) latent.input[row + k] = random.normal();
      this.set(latent, i, random.below(this.states), 2 * random.uniform() - 1);
    }
    return latent;
  }
  set(latent, i, state, amount) {
    const codes = latent.input.subarray(i * this.inputs + this.noise, (i + 1) * this.inputs).fill(0);
    codes[(latent.state[i] = state)] = 1;
    codes[this.states] = latent.amount[i] = amount;
  }

  // (n, 2): n real points, row by row; and the fakes of a latent, which the next call overwrites.
  real(n, random = this.random) {
    const points = new Float32Array(2 * n);
    for (let i = 0; i < n; i++) points.set(this.distribution.draw(random), 2 * i);
    return points;
  }
  fakes(latent) {
    return this.G.forward(latent.input, latent.n).subarray(0, 2 * latent.n);
  }

  // What D and Q are shown of n points: each moved by instance noise; and below them, where Q has a view, that view of
  // the points from row `from` on, the fakes. `first` is the row where Q's reading of the fakes begins.
  shown(points, n, from, blur = this.blur) {
    const view = VIEWS[this.view];
    const rows = n + (view ? n - from : 0);
    const x = new Float32Array(2 * rows);
    for (let i = 0; i < 2 * n; i++) x[i] = points[i] + (blur && blur * this.random.normal());
    if (view) for (let i = from, j = n; i < n; i++, j++) x.set(view.look(x[2 * i], x[2 * i + 1]), 2 * j);
    return { x, rows, first: view ? n : from };
  }

  // L_I of the state and of c1 off Q's outputs from row `first` on. Into `slope` goes the slope of -weight * L_I.
  information(out, first, latent, slope, weight) {
    const { states, outputs } = this;
    const share = weight / latent.n;
    let state = 0, amount = 0;
    for (let i = 0; i < latent.n; i++) {
      const row = (first + i) * outputs + 1, chosen = row + latent.state[i];
      let top = -Infinity, sum = 0;
      for (let k = row; k < row + states; k++) top = Math.max(top, out[k]);
      for (let k = row; k < row + states; k++) sum += Math.exp(out[k] - top);
      for (let k = row; k < row + states; k++) slope[k] = (share * Math.exp(out[k] - top)) / sum;
      slope[chosen] -= share;
      state += out[chosen] - top - Math.log(sum);

      const raw = out[row + states + 1];
      const sigma = FLOOR + softplus(raw);
      const z = (out[row + states] - latent.amount[i]) / sigma;
      amount -= 0.5 * Math.log(2 * Math.PI) + Math.log(sigma) + (z * z) / 2;
      slope[row + states] = (share * this.amount * z) / sigma;
      slope[row + states + 1] = (share * this.amount * (1 - z * z) * sigmoid(raw)) / sigma;
    }
    return { state: Math.log(states) + state / latent.n, amount: Math.log(2) + amount / latent.n };
  }

  // One step of D and Q. Returns L_D and L_I of both codes, before the step.
  dStep(real = this.real(this.batch), latent = this.latent(this.batch)) {
    const { n } = latent;
    const points = new Float32Array(4 * n);
    points.set(real);
    points.set(this.fakes(latent), 2 * n);
    const { x, rows, first } = this.shown(points, 2 * n, n);
    const out = this.D.forward(x, rows);
    const slope = new Float32Array(rows * this.outputs);
    const nats = this.information(out, first, latent, slope, 1);
    let loss = 0;
    for (let i = 0; i < n; i++) {
      const real = i * this.outputs, fake = (n + i) * this.outputs;
      loss += (softplus(-out[real]) + softplus(out[fake])) / n;
      slope[real] = -sigmoid(-out[real]) / n;
      slope[fake] = sigmoid(out[fake]) / n;
    }
    this.D.backward(slope, rows, { onlyWeights: true });
    this.adamD.step();
    this.stepsD += 1;
    return { loss, nats };
  }

  // The slope in the fakes (n, 2) of d * L_G - lambda * L_I: where D and where Q would push each of them.
  push(fakes, latent, lambda, d = 1, blur = this.blur) {
    const { n } = latent;
    const { x, rows, first } = this.shown(fakes, n, 0, blur);
    const out = this.D.forward(x, rows);
    const slope = new Float32Array(rows * this.outputs);
    const nats = this.information(out, first, latent, slope, lambda);
    let loss = 0;
    for (let i = 0; i < n; i++) {
      const fake = i * this.outputs;
      loss += softplus(-out[fake]) / n;
      slope[fake] = (-d * sigmoid(-out[fake])) / n;
    }
    const dx = this.D.backward(slope, rows, { onlyInputs: true });
    const view = VIEWS[this.view];
    if (view) {
      for (let i = 0; i < n; i++) {
        const j = 2 * (first + i);
        const [ax, ay] = view.back(x[2 * i], x[2 * i + 1], dx[j], dx[j + 1]);
        dx[2 * i] += ax;
        dx[2 * i + 1] += ay;
      }
    }
    return { loss, nats, dx: dx.subarray(0, 2 * n) };
  }

  // One step of G. Returns L_G and L_I of both codes, before the step.
  gStep(lambda, latent = this.latent(this.batch)) {
    const { loss, nats, dx } = this.push(this.fakes(latent), latent, lambda);
    this.G.backward(dx, latent.n, { onlyWeights: true });
    this.adamG.step();
    this.stepsG += 1;
    return { loss, nats };
  }
}
