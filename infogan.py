"""InfoGAN in one file: a generator that gives away the codes it was fed (Chen et al. 2016, arXiv:1606.03657).

G makes an image x = G(z, c) of noise z and codes c. D tells it from a real one. Q reads the codes off it and answers
with a distribution; the log-probability of the true codes bounds what x tells of them, and G and Q raise that bound:

    L_I(G, Q) = E[log Q(c|x)] + H(c) <= I(c; G(z, c))              InfoGAN eq. 5
    min over G and Q, max over D:  V(D, G) - lambda L_I(G, Q)      InfoGAN eq. 6, V being the game of any GAN

On MNIST, without one label, a code of ten states becomes the digit, and two amounts, c1 and c2, its slant and the
weight of its stroke. `python infogan.py` trains it and writes weights.pt and figure.png, with a sweep of each.
"""

import argparse
import copy
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Normal
from torchvision.datasets import MNIST
from torchvision.utils import make_grid, save_image

NOISE, STATES, STEPS, BATCH = 62, 10, 3200, 64  # numbers in z, states of the digit code, steps, images a step
LR_G, LR_D, LR_Q, BETAS = 1e-3, 2e-4, 1e-3, (0.5, 0.999)  # of Adam
LAMBDA_G = [1.0, 0.3, 0.3]  # what a nat is worth to G: of the digit code, of c1 and of c2, as in all lists of three
LAMBDA_Q = [0.2, 0.05, 0.05]  # less to Q, or L_I would weigh more than the game on the trunk that Q shares with D
FLOOR = 0.6  # Q may state no smaller sigma: else ever finer marks would earn G ever more nats
ENTROPY = [math.log(STATES), math.log(2), math.log(2)]  # H(c): ten equal states; uniform from -1 to 1
AVERAGE = 0.995  # decay of the average of the weights: we look at that, steadier than the weights of any one step


class Norm(nn.Module):
    """Batch norm whose running statistics are kept for each code's view: a blurred image has others than a sharp one,
    and mixed ones would fit neither when Q reads images after training. Weight and bias are the same for all."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(features)), nn.Parameter(torch.zeros(features))
        self.register_buffer("statistics", torch.stack([torch.zeros(3, features), torch.ones(3, features)]))

    def forward(self, x: Tensor, code: int) -> Tensor:
        mean, variance = self.get_buffer("statistics")[:, code]
        return F.batch_norm(x, mean, variance, self.weight, self.bias, self.training)


class InfoGAN(nn.Module):
    """G, and D and Q on one trunk: D's head, and a layer of Q's own with a head for each code (paper, appendix C.1)."""

    def __init__(self) -> None:
        super().__init__()
        self.g = nn.Sequential(  # latents (N, 74) -> images (N, 1, 28, 28) in [-1, 1]
            *(nn.Linear(NOISE + STATES + 2, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU()),
            *(nn.Linear(256, 3136, bias=False), nn.BatchNorm1d(3136), nn.ReLU(), nn.Unflatten(1, (64, 7, 7))),
            *(nn.ConvTranspose2d(64, 32, 4, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU()),
            *(nn.ConvTranspose2d(32, 1, 4, 2, 1), nn.Tanh()),
        )
        self.conv1, self.conv2, self.norm2 = nn.Conv2d(1, 32, 4, 2, 1), nn.Conv2d(32, 64, 4, 2, 1, bias=False), Norm(64)
        self.full, self.norm3, self.d_head = nn.Linear(3136, 256, bias=False), Norm(256), nn.Linear(256, 1)
        self.q_full, self.q_norm = nn.Linear(256, 128, bias=False), Norm(128)
        self.q_heads = nn.ModuleList([nn.Linear(128, STATES), nn.Linear(128, 2), nn.Linear(128, 2)])
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, 0, 0.02)  # DCGAN, section 4
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def generate(self, z: Tensor, digit: Tensor, c1: Tensor, c2: Tensor) -> Tensor:
        return self.g(torch.cat([z, F.one_hot(digit, STATES), c1[:, None], c2[:, None]], 1))

    def trunk(self, x: Tensor, code: int) -> Tensor:
        x = F.leaky_relu(self.conv1(x), 0.1)
        x = F.leaky_relu(self.norm2(self.conv2(x), code), 0.1)
        return F.leaky_relu(self.norm3(self.full(x.flatten(1)), code), 0.1)

    def d(self, x: Tensor) -> Tensor:
        """A logit for each image, high for real. D sees the images themselves, sharp as the digit code's view is: 0."""
        return self.d_head(self.trunk(x, 0))[:, 0]

    def q(self, x: Tensor, code: int) -> Distribution:
        """Q(c|x) of one code, off its view of x: ten probabilities, or a mean and a sigma."""
        raw = self.q_heads[code](F.leaky_relu(self.q_norm(self.q_full(self.trunk(x, code)), code), 0.1))
        return Normal(raw[:, 0], FLOOR + F.softplus(raw[:, 1])) if code else Categorical(logits=raw)

    def bound(self, seen: list[Tensor], codes: list[Tensor]) -> list[Tensor]:
        """L_I of each code in nats (eq. 5): H(c) + E[log Q(c|x)] over a batch, x being what Q sees."""
        return [ENTROPY[i] + self.q(seen[i], i).log_prob(codes[i]).mean() for i in range(3)]


# ---- Views: what Q sees of x decides what a code can come to mean. Each is drawn anew for every image. ----
# c -> x -> T(x) is a Markov chain, so eq. 5 on a view T is a bound as well: L_I <= I(c; T(x)) <= I(c; x).
def nudge(x: Tensor) -> Tensor:
    """Turned, sheared, scaled, shifted, strokes heavier or lighter: that is still the same digit. So the digit code,
    which Q has to read off such a copy, becomes what all of this leaves alone."""
    u = 2 * torch.rand(len(x), 7, device=x.device).T - 1
    turn, shear, wide, high = 0.26 * u[0], 0.4 * u[1], (0.2 * u[2]).exp(), (0.2 * u[3]).exp()
    a, b = turn.cos() * wide, turn.cos() * (wide * shear) - turn.sin() * high
    c, d = turn.sin() * wide, turn.sin() * (wide * shear) + turn.cos() * high
    return restroke(warp(x, a, b, 0.14 * u[4], c, d, 0.14 * u[5]), 0.7 * u[6])


def any_build(x: Tensor) -> Tensor:
    """Stroke, width and height by chance, then blurred. Q cannot read c1 off these, so c1 becomes the lean."""
    u = 2 * torch.rand(3, len(x), device=x.device) - 1
    wide, high, zero = (0.3 * u[1]).exp(), (0.3 * u[2]).exp(), 0 * u[0]
    return blur(warp(restroke(x, 0.8 * u[0]), wide, zero, zero, zero, high, zero))


def any_lean(x: Tensor) -> Tensor:
    """Shear and turn by chance, then blurred. Q cannot read c2 off these, so c2 becomes the build."""
    u = 2 * torch.rand(2, len(x), device=x.device) - 1
    shear, turn, zero = 0.8 * u[0], 0.3 * u[1], 0 * u[0]
    return blur(warp(x, turn.cos(), shear - turn.sin(), zero, turn.sin(), turn.cos(), zero))


def warp(x: Tensor, *affine: Tensor) -> Tensor:
    """Each image looks where its affine map says, two rows of three numbers; beyond the edges all is black."""
    grid = F.affine_grid(torch.stack(affine, 1).view(-1, 2, 3), list(x.shape), align_corners=False)
    return F.grid_sample(x + 1, grid, align_corners=False) - 1


def restroke(x: Tensor, amount: Tensor) -> Tensor:
    """Strokes a pixel heavier on each side (1) or lighter (-1): towards the brightest or the darkest neighbour."""
    brightest, darkest, amount = F.max_pool2d(x, 3, 1, 1), -F.max_pool2d(-x, 3, 1, 1), amount.view(-1, 1, 1, 1)
    return x + amount.clamp(min=0) * (brightest - x) - amount.clamp(max=0) * (darkest - x)


def blur(x: Tensor) -> Tensor:
    """Coarse shapes are left, no details: a Gaussian of two pixels, cut at two sigma, along rows and columns."""
    apart = torch.arange(28.0, device=x.device) - torch.arange(28.0, device=x.device)[:, None]
    weights = (-((apart / 2) ** 2) / 2).exp() * (apart.abs() <= 4)
    weights = weights / weights[14].sum()
    return weights @ (x + 1) @ weights.T - 1


def train(model: InfoGAN, images: Tensor, steps: int) -> InfoGAN:
    """Play on uint8 images (M, 1, 28, 28), print L_I, and return the model with the average of its weights."""
    device, averaged, order = images.device, copy.deepcopy(model).eval(), torch.empty(0)
    g, q = list(model.g.parameters()), [p for name, p in model.named_parameters() if name.startswith("q_")]
    d = [p for name, p in model.named_parameters() if not name.startswith(("g.", "q_"))]
    d_adam = torch.optim.Adam([{"params": d, "lr": LR_D}, {"params": q, "lr": LR_Q}], betas=BETAS)
    g_adam = torch.optim.Adam(g, LR_G, BETAS)
    for step in range(1, steps + 1):
        order = order if len(order) >= BATCH else torch.randperm(len(images))  # a new order each epoch
        real, order = images[order[:BATCH].to(device)].float() / 127.5 - 1, order[BATCH:]
        z, digit = torch.randn(BATCH, NOISE, device=device), torch.randint(STATES, (BATCH,), device=device)
        codes = [digit, 2 * torch.rand(BATCH, device=device) - 1, 2 * torch.rand(BATCH, device=device) - 1]
        fake = model.generate(z, *codes)
        seen = [nudge(fake), any_build(fake), any_lean(fake)]  # for the digit, c1 and c2; both steps look at the same

        # D and Q (eq. 6): -log D(real) - log(1 - D(fake)) - lambda L_I. Detached: G has no part in this step.
        score, nats = model.d(fake.detach()), model.bound([view.detach() for view in seen], codes)
        loss = F.softplus(score).mean() + F.softplus(-model.d(real)).mean()
        d_adam.zero_grad()
        (loss - sum(weight * value for weight, value in zip(LAMBDA_Q, nats))).backward()
        d_adam.step()

        # G (eq. 6): -log D(fake) - lambda L_I, whose gradient comes through Q, the trunk and the view, to G alone.
        score, nats = model.d(fake), model.bound(seen, codes)
        loss = F.softplus(-score).mean() - sum(weight * value for weight, value in zip(LAMBDA_G, nats))
        g_adam.zero_grad()
        loss.backward(inputs=g)
        g_adam.step()

        decay = min(AVERAGE, step / (step + 10))  # less early on, or the first weights would stay in it for long
        for held, live in zip(averaged.state_dict().values(), model.state_dict().values()):
            if live.is_floating_point():
                held.lerp_(live, 1 - decay)
        if step % 100 == 0 or step == steps:
            print(f"step {step:4}   L_I  digit {nats[0]:.2f}  c1 {nats[1]:.2f}  c2 {nats[2]:.2f}  nats", flush=True)
    return averaged


def main() -> None:
    parser = argparse.ArgumentParser(description="InfoGAN on MNIST, in one file")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for name, default in (("--steps", STEPS), ("--seed", 0), ("--out", "runs/infogan"), ("--device", device)):
        parser.add_argument(name, type=type(default), default=default, help="%(default)s if not given")
    args, root = parser.parse_args(), Path(__file__).with_name("data")
    try:
        images = MNIST(root, download=True).data[:50_000, None].to(args.device)  # no label; the rest is to measure with
    except (RuntimeError, OSError) as error:
        raise SystemExit(f"No MNIST in {root}/MNIST/raw, no download: {error}. Put its four .gz files there.") from None
    Path(args.out).mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    model = train(InfoGAN().to(args.device), images, args.steps)

    # The paper's figure 2: a row keeps all but one code, which goes through its states, or from -2 to 2.
    z, digit, zero, panels = torch.randn(10, NOISE), torch.arange(10), torch.zeros(10), []
    for code, points in enumerate([torch.arange(STATES), torch.linspace(-2, 2, 9), torch.linspace(-2, 2, 9)]):
        row = [value.repeat_interleave(len(points), 0).to(args.device) for value in (z, digit, zero, zero)]
        row[code + 1] = points.repeat(10).to(args.device)
        panels.append(make_grid(model.generate(*row), len(points), normalize=True, value_range=(-1, 1), pad_value=1))
    save_image(torch.cat(panels, 2), Path(args.out, "figure.png"))
    torch.save(model.state_dict(), Path(args.out, "weights.pt"))


if __name__ == "__main__":
    main()
