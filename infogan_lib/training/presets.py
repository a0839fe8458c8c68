"""A named whole: spec, network, recipe and data. `presets.load("mnist")` is where most runs start."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from infogan_lib import data
from infogan_lib.core.codes import Categorical, Code, Uniform
from infogan_lib.core.latent import LatentSpec, Noise
from infogan_lib.core.model import InfoGAN
from infogan_lib.core.networks import NETWORKS
from infogan_lib.core.recipe import Recipe
from infogan_lib.data.images import Images


@dataclass(frozen=True)
class Preset:
    """What to train, how, and on which data. `dataclasses.replace` changes a part of it."""

    name: str
    about: str
    spec: LatentSpec
    network: str
    recipe: Recipe
    data: Callable[[str], Images]
    q_on: str = "frozen"

    def build(self) -> InfoGAN:
        """A new, untrained model."""
        return InfoGAN(self.network, self.spec, self.q_on)


# InfoGAN section 7.1: one ten-state code, two continuous ones, 62 numbers of noise, 74 in all.
PAPER_CODES = [Categorical("digit", 10), Uniform("c1"), Uniform("c2")]
CONTINUOUS = {"c1": 0.3, "c2": 0.3}

# InfoGAN with views: each code is read off copies of the fakes in which something else was left to chance.
# With a floor of 0.6 Q can read no more than 0.285 nats of an amount.
VIEW_CODES = [
    Categorical("digit", 10, view="nudged"),
    Uniform("c1", sigma_floor=0.6, view="any-build"),
    Uniform("c2", sigma_floor=0.6, view="any-lean"),
]
VIEW_WEIGHTS = {"digit": 1.0, **CONTINUOUS}
# L_I weighs less on the trunk that Q shares with D than it pays G: chosen on tuning runs (mnist_tuning.csv, softer
# to views). Q's own head learns as fast, since Adam divides a common scale out.
VIEW_WEIGHTS_Q = {"digit": 0.2, "c1": 0.05, "c2": 0.05}

MNIST = Preset(
    "mnist",
    "InfoGAN with views, nothing asked of real images; some six minutes on two cores",
    LatentSpec(Noise(62), VIEW_CODES),
    "mnist",
    Recipe(steps=3200, batch=64, lr_q=1e-3, lambda_g=VIEW_WEIGHTS, lambda_q=VIEW_WEIGHTS_Q, ema=0.995),
    data.mnist,
    q_on="trunk",
)

FASHION_CODES = [Categorical("kind", 10), Uniform("c1", sigma_floor=0.3), Uniform("c2", sigma_floor=0.3)]
# The paper's text says two continuous codes for SVHN, its appendix four. Weights and steps are ours: it gives neither.
SVHN_CODES = [*(Categorical(f"k{i}", 10) for i in range(4)), *(Uniform(f"c{i}") for i in range(4))]
SVHN_WEIGHTS = {code.name: 1.0 if code.discrete else 0.1 for code in SVHN_CODES}

# Five continuous codes and two discrete ones, since so much is known of what varies: amounts, a yes or no, three kinds.
# Each is read off the view "faces", in which a mirror, a lamp and a nod do to a code what they do to a face.
FACE_CODES = [
    *(Uniform(f"c{i}", sigma_floor=0.1, view="faces") for i in range(1, 6)),
    Categorical("k2", 2, view="faces"),
    Categorical("k3", 3, view="faces"),
]
FACE_WEIGHTS = {code.name: 1.0 if code.discrete else 0.3 for code in FACE_CODES}

PRESETS = {
    p.name: p
    for p in (
        MNIST,
        replace(
            MNIST,
            name="mnist-gallery",
            about='"mnist" with twice as many channels: some twenty minutes on two cores',
            network="mnist-wide",
            recipe=replace(MNIST.recipe, steps=4800, ema=0.998),
        ),
        Preset(
            "mnist-paper",
            "the paper's network and recipe to the letter, as far as it gives them; some twenty minutes on two cores",
            LatentSpec(Noise(62, "uniform"), PAPER_CODES),
            "mnist-paper",
            Recipe(
                steps=5000, lambda_g={"digit": 1.0, "c1": 0.1, "c2": 0.1}, lambda_q={"digit": 1.0, "c1": 0.1, "c2": 0.1}
            ),
            data.mnist,
            q_on="trunk",
        ),
        Preset(
            "dcgan-mnist",
            'the network of "mnist" without codes: noise in, digits out (notebooks 02 and 03)',
            LatentSpec(Noise(20), []),
            "mnist",
            Recipe(steps=2000, ema=0.995),
            data.mnist,
        ),
        Preset(
            "dcgan-faces",
            "a DCGAN of three convolutions for rendered faces (notebooks 02 and 03)",
            LatentSpec(Noise(20), []),
            "dcgan-32",
            Recipe(steps=2500, lr_d=1e-3, ema=0.995),
            data.face_split,
        ),
        Preset(
            "faces",
            "rendered faces, and what a mirror, a lamp and a wider picture do to them: ten minutes on one core",
            LatentSpec(Noise(20), FACE_CODES),
            "dcgan-32-narrow",
            Recipe(
                steps=4000,
                lr_d=1e-3,
                lr_q=1e-3,
                lambda_g=FACE_WEIGHTS,
                # Q learns the three kinds from real faces alone. The first fakes have no shape yet: taught by them,
                # Q would forget the kinds.
                lambda_q={code.name: 0.0 if code.name == "k3" else 1.0 for code in FACE_CODES},
                # The code of three kinds begins, or the one of two would take a part of the hair. The amount that no
                # view says anything about comes last.
                enter={"k2": 100, "c5": 1000},
                ema=0.995,
                real_view="faces-strong",
                real_weight={code.name: float(code.name == "k3") for code in FACE_CODES},
                real_from=0,
                real_apart=1.0,
                real_before=150,
            ),
            data.face_split,
            q_on="trunk",
        ),
        Preset(
            "fashion",
            'Fashion-MNIST with the network and codes of "mnist", since the paper has none; never trained to the end',
            LatentSpec(Noise(62), FASHION_CODES),
            "mnist",
            Recipe(steps=3000, lambda_g={"kind": 1.0, **CONTINUOUS}, lambda_q={"kind": 1.0, **CONTINUOUS}),
            lambda split: data.from_torchvision("fashion", split=split),
        ),
        Preset(
            "svhn",
            "the paper's network and codes (its appendix: four continuous ones); never trained to the end; wants a GPU",
            LatentSpec(Noise(124, "uniform"), SVHN_CODES),
            "paper-32",
            Recipe(steps=20_000, lambda_g=SVHN_WEIGHTS, lambda_q=SVHN_WEIGHTS),
            lambda split: data.from_torchvision("svhn", split=split),
            q_on="trunk",
        ),
        Preset(
            "celeba",
            "the paper's network and its ten codes of ten states; never trained to the end; wants a GPU",
            LatentSpec(Noise(128, "uniform"), [Categorical(f"k{i}", 10) for i in range(10)]),
            "paper-32",
            Recipe(steps=20_000),
            lambda split: data.from_torchvision("celeba", split=split),
            q_on="trunk",
        ),
    )
}


def own(images: Images, codes: Sequence[Code], steps: int = 3000, moved_is_same: bool = False) -> Preset:
    """A preset for pictures of your own, 16, 28 or 32 pixels wide, grey or in colour: notebook 12.

    `moved_is_same` is knowledge that you add: a picture turned, shifted or sheared a little shows the same thing. It
    suits bright shapes on black, whose background comes in at the border; it does not suit whole scenes.
    Raises ValueError for a shape that no network here makes.
    """
    colours, height, width = images.shape
    network = f"own-{height}-{'grey' if colours == 1 else 'colour'}"
    if network not in NETWORKS or height != width or colours not in (1, 3):
        raise ValueError(
            f"no network here makes images {images.shape}; read them with size=16, 28 or 32 and channels=1 or 3, "
            "or register one (networks.register)."
        )
    weights = {code.name: 1.0 if code.discrete else 0.3 for code in codes}
    recipe = Recipe(
        steps, 64, lr_q=1e-3, lambda_g=weights, lambda_q=weights, real_weight=float(moved_is_same), real_from=100
    )
    return Preset("own", images.name, LatentSpec(Noise(62), codes), network, recipe, lambda _: images)


def load(name: str) -> Preset:
    """The preset of that name; raises ValueError naming the ones there are."""
    try:
        return PRESETS[name]
    except KeyError:
        raise ValueError(f"unknown preset {name!r}; choose one of {', '.join(PRESETS)}") from None
