"""A patient of the clinic as the arguments of preflight: what notebook 11 would write for its own code."""

from types import SimpleNamespace

import torch

from infogan_lib.course.clinic.faults import TIDIED
from infogan_lib.course.clinic.patient import Patient


class Codes(dict):
    """The dictionary of `sample` as the clinic's losses read a latent."""

    def __len__(self):
        return len(self["digit"])


def arguments(kind: type[Patient], seed: int = 0) -> dict:
    """A patient of that kind after its fault has begun, without a training."""
    patient = kind(seed)
    patient.steps = TIDIED

    def draw(n):
        latent = patient.spec.sample(n, patient.random)
        return latent.input, {name: latent[name] for name in ("digit", "c1")}

    def rerun():
        again = kind(seed + 1)
        again.step()
        return torch.cat([w.detach().flatten() for w in again.model.parameters()])

    return {
        "generator": patient.model.generator,
        "discriminator": patient.score,
        "q": patient.read,
        "sample": draw,
        "loss_d": lambda real, fake, codes: patient.d_loss(real, fake, Codes(codes)),
        "loss_g": lambda fake, codes: patient.g_loss(fake, Codes(codes)),
        "bound": lambda x, codes: patient.nats(patient.read(x), Codes(codes)),
        "step": patient.step,
        "optimisers": [patient.d_optimiser, patient.g_optimiser],
        "real": patient.real(),
        "generate": lambda x: patient.generate(SimpleNamespace(input=x)),
        "rerun": rerun,
    }
