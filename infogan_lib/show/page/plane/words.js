// What stands beside the parts, in one place: short sentences that read aloud well.

export const LINES = {
  what: "G places points where the real ones lie. Each fake has a code, shown as its colour and shape. Nobody tells G what a colour should mean.",
  states: "The code has K states, all alike often, and one amount, c1, drawn evenly from −1 to 1.",
  nats: "Q reads the code off a fake. L_I is how many nats it reads for sure; no Q can read more of the state than H(c).",
  purity: "Purity is the share of fakes that have the commonest colour of the mode they lie in. With more colours than modes, it is the share that lie in their colour's commonest mode.",
  losses: "The losses need not fall: D and G play against each other. At 2 ln 2 = 1.39, D cannot tell real from fake.",
  nothing: "Q knows nothing of c1",
  undecided: "D undecided, 2 ln 2",
};

export const VIEW_WORDS = {
  point: "Q sees all of a fake. The code may mean any region of the plane.",
  angle: "Q sees only which way a fake lies from the middle. The code can mean a direction, never a distance.",
  radius: "Q sees only how far a fake lies from the middle. The code can mean a distance, never a direction.",
};

export const lambdaWords = (lambda) =>
  lambda === 0
    ? "λ = 0: G is not paid for its code, so the colours stay mixed. Train, then raise λ."
    : `G is paid ${lambda.toFixed(2)} for each nat that Q reads, so each colour goes where Q tells it from the others.`;

export function roundWords(game, numbers, rate) {
  const { stepsD, stepsG } = game;
  const parts = [stepsD === stepsG ? `${stepsG} rounds` : `${stepsD} steps of D, ${stepsG} of G`];
  if (stepsG) parts.push(...numbers.map(({ word, pure }) => `purity by ${word} ${pure.toFixed(2)}`));
  if (rate) parts.push(`${Math.round(rate)} rounds a second`);
  return `${parts.join(" · ")}`;
}
