"""The checks of notebook 11, the bug clinic: a diagnosis for each patient, and the tests and mends that are written."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from infogan_lib.course.clinic.charts import examine
from infogan_lib.course.clinic.patient import Patient
from infogan_lib.course.clinic.ward import DIAGNOSES, WARD
from infogan_lib.course.exercises.blocks import choice, compare, gradient
from infogan_lib.course.exercises.checker import Wrong, exercise

# id: (patient, what to look at first, a plainer hint)
CASES = {
    "11.1": (
        "Ada",
        "One L_I is out of line, and only out of place; the losses hold it.",
        "Take 2.30 away from a healthy curve.",
    ),
    "11.2": ("Ben", "Read c1 at step 1, before anything was learned.", "ln 2 is 0.69, and H of N(0, 1) is 1.42."),
    "11.3": ("Cleo", "What level does digit not pass after step 200?", "What does a Q read that may not be sure?"),
    "11.6": ("Dov", "What did `tell` say of his term?", "His term asks for no gradient at all."),
    "11.7": ("Eva", "What did `tell` say of her term, and what does her curve say?", "News of whose code?"),
    "11.8": ("Finn", "What did `tell` say of his term?", "It asks for a gradient, and the fake gets none of it."),
    "11.10": ("Gus", "What happens to both codes at step 200?", "G does work on the term: against it."),
    "11.11": ("Hana", "Look at D's logit.", "D judges an image. Why would it care for c1?"),
    "11.12": ("Ida", "Look at sigma, then at the gradients.", "How small may sigma be in health?"),
    "11.13": ("Jon", "Curves in health, samples pale.", "Compare the two numbers of the brightness."),
    "11.14": ("Kim", "Look at the loss of G.", "What would make it ten times as large as D's?"),
    "11.15": ("Lea", "Compare the four numbers under the samples with a healthy chart.", "Who else was in the batch?"),
    "11.17": ("Max", "Compare the four numbers under the samples.", "What should a norm make of a standard deviation?"),
    "11.18": ("Nia", "Each run alone is well.", "Which dice did the seed not reach?"),
}


def _diagnose(id: str, name: str, *hints: str) -> None:
    fault, because = WARD[name], {cause: shows for cause, (_, shows) in DIAGNOSES.items()}
    options = {
        cause: "" if DIAGNOSES[cause][0] is fault else f"With {cause!r}, {shows}. Is that what {name} shows?"
        for cause, shows in because.items()
    }

    @exercise(id, *hints, takes="value")
    def judge(answer: Any) -> str:
        cause = choice(answer, options)
        return f"Yes. With {cause!r}, {because[cause]}; and so it is. Open {name} below for the line that did it."


for _id, (_name, *_hints) in CASES.items():
    _diagnose(_id, _name, *_hints)


@exercise(
    "11.4",
    "At best the first softmax gives the right state 1. The second then sees one 1 among zeros.",
    "The softmax of (1, 0, ..., 0) gives the right state e / (e + k - 1). L_I is ln k plus the logarithm of that.",
)
def cap(answer: Callable[..., Any]) -> str:
    for k in (10, 3, 50):
        surest = math.e / (math.e + k - 1)
        faults = [
            (math.log(k), "That is H(c), what a Q reads that may be sure. This one may not."),
            (-math.log(surest), "That is the cross-entropy, which cannot fall lower. L_I is H(c) minus it."),
            (math.log(surest), "That is log Q of the right state. H(c) is still to be added."),
            (surest, "That is the largest probability Q can state. L_I is H(c) plus its logarithm."),
            (math.log(k) + 1 - math.log(math.e + k), "One state too many below the line: k - 1 of them are wrong."),
        ]
        compare(answer(k), math.log(k) + math.log(surest), faults, what=f"The cap for k = {k}")
    return "0.841 for ten states: the more states there are, the less of H(c) is left. A number worth knowing by sight."


TELLS = {"Dov": "no gradient", "Finn": "not to G", "Patient": "to G", "Eva": "to G"}


@exercise(
    "11.5",
    "A tensor made from numbers has `requires_grad` False. Asked for its gradient, torch raises an error.",
    "`torch.autograd.grad(info, fake, allow_unused=True)[0]` is None if no way leads from the term to the fake.",
)
def tell(answer: Callable[..., Any]) -> str:
    for name, want in TELLS.items():
        patient = WARD.get(name, Patient)(seed=3)
        latent = patient.latent()
        fake = patient.model.generator(latent.input)
        got = answer(patient.g_info(fake, latent), fake)
        if got not in set(TELLS.values()):
            raise Wrong(f"`tell` answers one of 'no gradient', 'not to G' and 'to G'; yours said {str(got)[:60]!r}.")
        if got != want:
            raise Wrong(_mistold(name, got, want))
    return "Two faults with one curve, told apart by two lines and no training at all. Keep them in your test suite."


def _mistold(name: str, got: str, want: str) -> str:
    kinds = {
        "no gradient": "a term rebuilt with torch.tensor, which asks for no gradient,",
        "not to G": "a term read from a detached fake, which trains Q and never reaches the fake,",
        "to G": "a term whose gradient does reach the fake,",
    }
    return f"Of {kinds[want]} your `tell` said {got!r}; {want!r} is expected."


@exercise(
    "11.9",
    "Keep the graph: no `torch.tensor`, no `.item()`, no `float`. Tensors can be added up as they are.",
    "`sum(value.mean() for value in nats.values())` is a tensor, and its gradient goes back to the fake.",
)
def term(answer: Callable[..., Any]) -> str:
    patient = Patient(seed=4)
    latent = patient.latent()
    fake = patient.model.generator(latent.input)
    nats = patient.nats(patient.read(fake), latent)
    stacked = torch.cat(list(nats.values())).mean()
    faults = [(stacked, "You took one mean over all codes. Take a mean for each code, and add them up.")]
    got = answer(nats)
    compare(got, patient.g_info(fake, latent), faults, what="The term", n=len(latent))
    gradient(got, patient.g_info(fake, latent), fake, to="the fake")

    def g_info(self: Patient, fake: Tensor, latent: Any) -> Tensor:
        return answer(self.nats(self.read(fake), latent))

    charts = [_short(each) for each in (WARD["Dov"], type("Mended", (WARD["Dov"],), {"g_info": g_info}))]
    return "After 150 steps L_I of digit is {:.2f} nats with your term; it was {:.2f} with his.".format(
        charts[1].end("digit"), charts[0].end("digit")
    )


def _short(kind: type[Patient]) -> Any:
    """A chart of the first 150 steps."""
    short = type("Short", (kind,), {"recipe": replace(kind.recipe, steps=150)})
    return examine(short(seed=0))


@exercise(
    "11.16",
    "`model.generator.eval()` before, and `model.generator.train()` after: training goes on afterwards.",
    "Under `torch.no_grad()`: `model.eval()`, make the images, `model.train()`, return the images.",
)
def look(answer: Callable[..., Any]) -> str:
    patient = Patient(seed=5)
    for _ in range(20):
        patient.step()
    model, latent = patient.model, patient.latent()
    crowded = model.generator(latent.input).detach()
    want = model.generate(latent)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    got = answer(model, latent)
    if isinstance(got, Tensor) and got.shape == want.shape and torch.allclose(got, crowded, atol=1e-5):
        raise Wrong("These are images of train mode: each depends on the others in its batch. Call `eval()` first.")
    compare(got, want, what="The sheet of images")
    if not all(module.training for module in model.modules()):
        raise Wrong("The images are right, but the model is left in eval mode, and training goes on in it.")
    if got.requires_grad:
        raise Wrong("The images are right, but carry a graph. Looking needs no gradient: use `torch.no_grad()`.")
    if any(not torch.equal(v, before[k]) for k, v in model.state_dict().items()):
        raise Wrong("The images are right, but something in the model has changed by looking at it.")
    return "The same latent makes the same image in any company, and training goes on as if nobody had looked."


@exercise(
    "11.19",
    "Adam divides the mean of the gradients by the root of the mean of their squares. What becomes of a factor 5?",
    "The factor is in both, and cancels, except beside the tiny eps.",
    takes="value",
)
def five(answer: Any) -> str:
    options = {
        "five times as fast": "So it would be with plain gradient descent. Adam divides by the gradients' own size.",
        "hardly any change": "",
        "it diverges": "A step five times as long might. Adam's step is about lr long whatever the gradient's scale.",
    }
    choice(answer, options)
    return "Adam's step does not know the gradient's scale. To push G harder against D, change its learning rate."
