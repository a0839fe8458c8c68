// What stands beside the parts, in one place: short sentences that read aloud well.

export const LINES = {
  what: "G places points where the real ones lie. Each fake has a code, shown as a colour and a shape. Nobody tells G what a colour should mean.",
  states: "The code: K states, all alike often, and an amount c1, drawn evenly from −1 to 1.",
  nats: "L_I is what Q reads of the code, off the fakes. No Q can read more of the state than H(c).",
  losses: "The losses need not fall: D and G play against each other.",
  nothing: "Q knows nothing of c1",
  undecided: "D cannot tell, 2 ln 2",
  draw: "Draw on the plane, or move with the arrow keys and press the space bar. Each stroke is a mode.",
  begin: "Press Train: D and G take their steps in turn.",
  stepD: "D's step: D and Q learn, so the tint changes. The fakes stand still.",
};

export const stepG = (lambda) =>
  `G's step. Solid arrows: to where D says real. ${lambda ? "Dashed: to where Q tells the colour." : "Q pays nothing, as λ is 0."}`;

// What there is to see while it trains.
export function storyWords(lambda, rounds, states, { pure, count, word }) {
  if (lambda === 0) return rounds < 400 ? "D's tint shows G where the real points are." : "The colours stay mixed. Raise λ, and watch them part.";
  if (pure < 0.9) return "The colours part: Q must tell them from each other.";
  return states <= count ? `Each ${word} has one colour now, and nobody said which.` : `Each colour keeps to one ${word} now, and nobody said which.`;
}

export const purityWords = (states, { count, word }) =>
  states <= count
    ? `Purity: of the fakes in each ${word}, the share with its commonest colour. Chance is about ${(1 / states).toFixed(2)}.`
    : `Purity: of the fakes of each colour, the share in its commonest ${word}.`;

export const VIEW_WORDS = {
  point: "Q sees the fake itself. A state may come to mean any region.",
  angle: "Q sees only the way from the middle to the fake. A state can mean a direction, and no distance.",
  radius: "Q sees only how far the fake is from the middle. A state can mean a distance, and no direction.",
};

export const lambdaWords = (lambda) =>
  lambda === 0
    ? "λ = 0: a plain GAN. G is not paid for its code, and the colours stay mixed."
    : "InfoGAN: each nat that Q reads earns G λ, so a colour goes where Q can tell it.";

export function roundWords(game, numbers, rate) {
  const { stepsD, stepsG } = game;
  const parts = [stepsD === stepsG ? `${stepsG} rounds` : `${stepsD} steps of D, ${stepsG} of G`];
  if (stepsG) parts.push(...numbers.map(({ word, pure }) => `purity by ${word} ${pure.toFixed(2)}`));
  if (rate) parts.push(`${Math.round(rate)} rounds a second`);
  return `${parts.join(" · ")}`;
}
