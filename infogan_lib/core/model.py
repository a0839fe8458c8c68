"""The model: G, and a trunk shared by two heads, D's real/fake logit and Q's raw outputs.

Q is "one fully connected layer" on D's last features in the paper's body; its appendix puts FC 128 in front, and so
do we. Built in notebook 07.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from infogan_lib.core import views
from infogan_lib.core.codes import PLAIN, Code
from infogan_lib.core.latent import Latent, LatentSpec
from infogan_lib.core.networks import NETWORKS, fully_connected

Q_ON = ("trunk", "frozen", "separate")
PIECE = 250  # images that `generate` and `read` make or look at in one go


class InfoGAN(nn.Module):
    """G, D and Q over one latent spec. With `codes=[]` there is no Q and this is a plain GAN.

    `q_on` says what the mutual-information term may train besides G and the Q head: "trunk" (the shared
    trunk as well, as the official code does), "frozen" (never the trunk; its gradient still passes through
    it on the way to G) or "separate" (Q has a trunk of its own, which it trains). The training loop acts on it.
    A "frozen" trunk still learns from D's loss, and from the consistency loss on real images if a recipe has one.
    Raises ValueError for an unknown network or q_on, and for a view of a code that is not registered.
    """

    def __init__(self, network: str, spec: LatentSpec, q_on: str = "frozen") -> None:
        super().__init__()
        if network not in NETWORKS:
            raise ValueError(f"unknown network {network!r}; choose one of {', '.join(NETWORKS)}")
        if q_on not in Q_ON:
            raise ValueError(f"unknown q_on {q_on!r}; choose one of {', '.join(Q_ON)}")
        self.network, self.spec, self.q_on = network, spec, q_on
        self.q_trunk: nn.Module | None = None
        self.q_head: nn.Module | None = None
        with torch.random.fork_rng(devices=[]):  # torch's first weights are replaced below: leave its generator alone
            parts = NETWORKS[network](spec)
            self.image_shape = parts.image_shape
            self.generator = parts.generator
            self.trunk = parts.trunk()
            self.d_head = nn.Linear(parts.features, 1)
            if spec.codes:
                self.q_trunk = parts.trunk() if q_on == "separate" else None
                self.q_head = nn.Sequential(
                    *fully_connected(parts.features, parts.q_hidden, nn.LeakyReLU(0.1)),
                    nn.Linear(parts.q_hidden, spec.q_width),
                )
            q = nn.ModuleList(
                part for part in (self.trunk if self.q_trunk is None else self.q_trunk, self.q_head) if part is not None
            )
            norms = [m for m in q.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
            # A blurred image has other statistics than a sharp one, and mixed ones would fit neither when Q reads.
            self.statistics = nn.ModuleDict(
                {
                    view: nn.ModuleList(nn.BatchNorm1d(norm.num_features, affine=False) for norm in norms)
                    for view in spec.views
                    if views.get(view).centre is not None
                }
            )
        self.manifest: dict[str, Any] = {}  # what its file says of it, once loaded
        self.origin: dict[str, Any] = {}  # and which file that was: what a training goes on from
        self.initialise(0)

    def initialise(self, seed: int) -> None:
        """Draw all weights anew from N(0, 0.02^2) (DCGAN, section 4); biases 0, batch norms the identity."""
        generator = torch.Generator().manual_seed(seed)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
                draw = torch.empty(module.weight.shape).normal_(0, 0.02, generator=generator)
                with torch.no_grad():
                    module.weight.copy_(draw)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.reset_parameters()

    def score(self, images: Tensor) -> Tensor:
        """D alone: (N, C, H, W) images in [-1, 1] -> logits (N,), high for real."""
        return self.d_head(self.trunk(images))[:, 0].float()

    def posterior(self, images: Tensor, view: str = PLAIN, *, train_trunk_by_q: bool = True) -> dict[str, Distribution]:
        """Q alone: (N, C, H, W) images in [-1, 1] -> {name: Q(c|x)}, the approximate posterior; {} without codes.

        For training: in the present mode, with gradient, all images at once, which are of `view` (for batch norm).
        """
        if self.q_head is None:
            return {}
        trunk, head = self._seen(view)
        features = trunk(images)
        if not (train_trunk_by_q or self.q_trunk is not None):  # a trunk of Q's own is always Q's to train
            features = features.detach()
        return self.spec.posterior(head(features).float())

    def _seen(self, view: str) -> nn.Sequential:
        """Q's trunk and head: the same weights for all views, and the statistics of this one if it has its own."""
        assert self.q_head is not None  # a spec without codes has no view
        q = nn.Sequential(self.trunk if self.q_trunk is None else self.q_trunk, self.q_head)
        if view not in self.statistics:
            return q
        own = zip(q.buffers(), self.statistics[view].buffers(), strict=True)
        return copy.deepcopy(q, {id(a): b for a, b in (*zip(q.parameters(), q.parameters()), *own)})

    def discriminate(self, images: Tensor, *, train_trunk_by_q: bool = True) -> tuple[Tensor, dict[str, Distribution]]:
        """`score` and `posterior` of (N, C, H, W) images in one pass through the trunk that D and Q share.

        `train_trunk_by_q=False` stops Q's gradient at the trunk's features ("frozen", in D's step).
        """
        features = self.trunk(images)
        score = self.d_head(features)[:, 0].float()
        if self.q_trunk is not None or self.q_head is None:
            return score, self.posterior(images)
        return score, self.spec.posterior(self.q_head(features if train_trunk_by_q else features.detach()).float())

    def generate(self, latent: Latent) -> Tensor:
        """Images (N, C, H, W), float in [-1, 1], for looking at: eval mode, no gradient.

        Any N will do: they are made, as `read` reads them, PIECE at a time.
        """
        with self._looking():
            return _in_pieces(self.generator, latent.input.to(self.device))

    def read(self, images: Tensor) -> dict[str, Distribution]:
        """What Q says of images (N, C, H, W): {name: Q(c|x)}, each off its view's centre; eval mode, no gradient.

        They are in [-1, 1]. Raises ValueError for another shape, TypeError for 0..255; [0, 1] passes as pale images.
        """
        if images.ndim != 4 or tuple(images.shape[1:]) != self.image_shape:
            raise ValueError(f"read: expected images (N, {self.image_shape}), got {tuple(images.shape)}.")
        if images.dtype == torch.uint8 or (images > 50).any():  # no disturbance of a right image goes that far
            raise TypeError("read: expected float images in [-1, 1]; data.to_float makes them from uint8.")
        found: dict[str, Distribution] = {}
        with self._looking():
            for view, codes in self.spec.views.items():
                q = self.spec.posterior(_in_pieces(self._seen(view), images.to(self.device), views.get(view).centre))
                found |= {code: q[code] for code in codes}
        return {name: found[name] for name in self.spec.names}

    def sweep(
        self, name: str, noise: Tensor, steps: int = 10, beyond: bool = False, **values: Any
    ) -> tuple[Code, Tensor, Tensor]:
        """(code, its values (S,), images (R*S, C, H, W)): one panel for `plots.sweeps`; see `LatentSpec.sweep`."""
        latent = self.spec.sweep(name, noise, steps, beyond, **values)
        return self.spec[name], self.spec[name].sweep(steps, beyond), self.generate(latent)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """Eval mode, without gradients; the mode is put back."""
        was_training = self.training
        self.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self.train(was_training)


def _in_pieces(part: nn.Module, x: Tensor, before: views.Centre | None = None) -> Tensor:
    """`part(x)` in float32, some rows at a time, so that 10,000 images take the memory of a few."""
    return torch.cat([part(before(piece) if before else piece).float() for piece in x.split(PIECE)])
