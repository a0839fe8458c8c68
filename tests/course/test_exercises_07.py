"""The two training steps of notebook 07 and what it asks to predict; the consistency loss of 07b."""

import math

import torch
import torch.nn.functional as F

from infogan_lib.core.bound import lower_bound
from infogan_lib.course.exercises import check, own_or_twin
from infogan_lib.course.lessons import own_loop


def info_term(spec, posterior, latent, weight):
    return sum(weight[name] * nats.mean() for name, nats in lower_bound(spec, posterior, latent).items())


def d_step(
    optimiser="d",
    detach=True,
    sign=-1,
    loss=lambda real, fake: F.softplus(-real).mean() + F.softplus(fake).mean(),
    term=info_term,
    zero="before",
    also=None,
    together=False,
    returns=lambda game, total: game.detach(),
):
    """D's step as people write it, with one thing changed."""

    def update_d(model, optimisers, real, fake, latent, weight):
        fake = fake.detach() if detach else fake
        if together:
            scores, posterior = model.discriminate(torch.cat([real, fake]))
            codes = {name: q for name, q in model.spec.posterior(model.q_head(model.trunk(fake))).items()}
            game, posterior = loss(scores[: len(real)], scores[len(real) :]), codes
        else:
            score, posterior = model.discriminate(fake)
            game = loss(model.score(real), score)
        total = game + sign * term(model.spec, posterior, latent, weight)
        if zero == "before":
            optimisers[optimiser].zero_grad()
        total.backward()
        if zero == "after":
            optimisers[optimiser].zero_grad()
        optimisers[optimiser].step()
        if also:
            optimisers[also].step()
        return returns(game, total)

    return update_d


def g_step(
    optimiser="g",
    codes=lambda model, latent: latent,
    fakes=lambda model, fake, latent: fake,
    sign=-1,
    loss=lambda score: F.softplus(-score).mean(),
    term=info_term,
    zero=True,
    step=True,
    also=None,
    returns=lambda game, posterior: (game.detach(), posterior),
):
    """G's step, with one thing changed."""

    def update_g(model, optimisers, fake, latent, weight):
        score, posterior = model.discriminate(fakes(model, fake, latent))
        game = loss(score)
        total = game + sign * term(model.spec, posterior, codes(model, latent), weight)
        if zero:
            optimisers[optimiser].zero_grad()
        total.backward()
        if step:
            optimisers[optimiser].step()
        if also:
            optimisers[also].step()
        return returns(game, posterior)

    return update_g


def unweighted(spec, posterior, latent, weight):
    return info_term(spec, posterior, latent, dict.fromkeys(weight, 1.0))


def as_number(*args):
    return info_term(*args).item()


def update_by_cross_entropy(model, optimisers, real, fake, latent, weight):
    """The same step in the words of other GANs: labels of ones and zeros, and two calls of backward."""
    optimisers["d"].zero_grad()
    score = model.score(real)
    of_real = F.binary_cross_entropy_with_logits(score, torch.ones_like(score))
    of_real.backward()
    score, posterior = model.discriminate(fake.detach())
    of_fake = F.binary_cross_entropy_with_logits(score, torch.zeros_like(score))
    (of_fake - info_term(model.spec, posterior, latent, weight)).backward()
    optimisers["d"].step()
    return (of_real + of_fake).item()


def consistency(logits, copied, certainty):
    p = logits.softmax(1)
    same = -(p.detach() * copied.log_softmax(1)).sum(1).mean()
    mean = p.mean(0)
    return same - certainty * (p * p.log()).sum(1).mean() + (mean * mean.log()).sum()


def changed(same=1, unsure=1, used=1):
    def answer(logits, copied, certainty):
        p = logits.softmax(1)
        first = -(p.detach() * copied.log_softmax(1)).sum(1).mean()
        return (
            same * first
            - unsure * certainty * (p * p.log()).sum(1).mean()
            + used * torch.xlogy(p.mean(0), p.mean(0)).sum()
        )

    return answer


REFERENCE = {
    "07.2": own_loop.update_d,
    "07.3": own_loop.update_g,
    "07.5": {"digit": "label", "c1": "slant", "c2": "thickness"},
    "07b.3": consistency,
}

WRONG = [
    ("07.2", d_step(sign=1), "sign of the information term is turned"),
    ("07.2", d_step(sign=0), "plain GAN"),
    ("07.2", d_step(term=unweighted), "weights are left out"),
    ("07.2", d_step(detach=False), "not detached"),
    ("07.2", d_step(optimiser="g", detach=False), "it moved G. Step"),
    ("07.2", d_step(also="g"), "it moved G as well"),
    ("07.2", d_step(zero=None), "earlier step"),
    ("07.2", d_step(zero="after"), "Nothing moved"),
    ("07.2", d_step(loss=lambda real, fake: F.softplus(real).mean() + F.softplus(-fake).mean()), "exchanged"),
    ("07.2", d_step(loss=lambda real, fake: F.softplus(-real).mean()), "real images alone"),
    ("07.2", d_step(loss=lambda real, fake: F.softplus(fake).mean()), "fakes alone"),
    ("07.2", d_step(loss=lambda real, fake: F.softplus(-real).sum() + F.softplus(fake).sum()), "sum over the batch"),
    ("07.2", d_step(loss=lambda real, fake: (F.softplus(-real) + F.softplus(fake)).mean() / 2), "halved"),
    (
        "07.2",
        d_step(loss=lambda real, fake: 3 * F.softplus(-real).mean() + F.softplus(fake).mean()),
        "not down the loss",
    ),
    ("07.2", d_step(returns=lambda game, total: total.detach()), "without the information term"),
    ("07.2", d_step(returns=lambda game, total: game), "with `.detach()`"),
    ("07.3", g_step(sign=1), "sign of the information term is turned"),
    ("07.3", g_step(term=as_number), "made of numbers"),
    ("07.3", g_step(term=unweighted), "weights are left out"),
    ("07.3", g_step(fakes=lambda model, fake, latent: fake.detach()), "must not be detached"),
    ("07.3", g_step(codes=lambda model, latent: model.spec.sample(len(latent))), "Fresh codes"),
    ("07.3", g_step(optimiser="d"), "it moved D and Q. Step"),
    ("07.3", g_step(also="d"), "it moved D and Q as well"),
    ("07.3", g_step(zero=False), "earlier step"),
    ("07.3", g_step(loss=lambda score: F.softplus(score).mean()), "taught to be called fake"),
    ("07.3", g_step(loss=lambda score: -F.softplus(score).mean()), "minimax"),
    ("07.3", g_step(loss=lambda score: 0 * score.sum()), "also has to fool D"),
    ("07.3", g_step(returns=lambda game, posterior: game.detach()), "return two things"),
    ("07.3", g_step(returns=lambda game, posterior: (game.detach() + 1, posterior)), "game alone"),
    ("07.5", {"digit": "slant", "c1": "slant", "c2": "thickness"}, "The nudge draws that anew"),
    ("07.5", {"digit": "label", "c1": "thickness", "c2": "thickness"}, "For c1 you say the thickness"),
    ("07.5", {"digit": "label", "c1": "slant", "c2": "width"}, "left in part"),
    ("07.5", {"digit": "label", "c1": "slant", "c2": "label"}, "paid for the digit already"),
    ("07.5", {"digit": "label", "c1": "slant"}, "three keys"),
    ("07.5", {"digit": "label", "c1": "lean", "c2": "thickness"}, "Choose one of"),
    ("07b.3", changed(used=-1), "mean answer is added"),
    ("07b.3", changed(unsure=-1), "each answer is subtracted"),
    ("07b.3", changed(used=0), "use all its states"),
    ("07b.3", changed(unsure=0), "to be sure"),
    ("07b.3", changed(same=0), "copies are missing"),
    ("07b.3", lambda a, b, certainty: consistency(a, b, 1.0), "left out"),
    ("07b.3", lambda a, b, certainty: consistency(b, a, certainty), "exchanged"),
    ("07b.3", lambda a, b, certainty: consistency(a.detach(), b, certainty), "gradient"),
]


def test_other_right_steps():
    assert check("07.2", update_by_cross_entropy).state == "right"
    assert check("07.2", d_step()).state == check("07.3", g_step()).state == "right"
    remade = g_step(fakes=lambda model, fake, latent: model.generator(latent.input))
    assert check("07.3", remade).state == "right"


def test_real_and_fake_in_one_batch_are_told_apart_by_batch_norm():
    def update_d(model, optimisers, real, fake, latent, weight):
        features = model.trunk(torch.cat([real, fake.detach()]))
        scores = model.d_head(features)[:, 0]
        posterior = model.spec.posterior(model.q_head(features[len(real) :]))
        game = F.softplus(-scores[: len(real)]).mean() + F.softplus(scores[len(real) :]).mean()
        optimisers["d"].zero_grad()
        (game - info_term(model.spec, posterior, latent, weight)).backward()
        optimisers["d"].step()
        return game.detach()

    assert "one batch" in check("07.2", update_d).message


def test_predictions_left_open_are_not_yet():
    assert check("07.5", {"digit": ..., "c1": ..., "c2": ...}).state == "not yet"


def test_what_passes_runs_on_and_what_does_not_gives_way_to_the_twin(capsys):
    mine, wrong = d_step(), d_step(sign=1)
    assert own_or_twin("07.2", mine, own_loop.update_d) is mine
    assert own_or_twin("07.2", wrong, own_loop.update_d) is own_loop.update_d
    assert own_or_twin("07.2", None, own_loop.update_d) is own_loop.update_d
    said = capsys.readouterr().out.splitlines()
    assert "yours" in said[0] and "wrong" in said[1] and "not yet" in said[2] and "twin" in said[2]


def test_the_consistency_loss_is_the_librarys():
    from infogan_lib import Categorical, LatentSpec, Noise
    from infogan_lib.core.objectives import real_image_loss

    spec = LatentSpec(Noise(2), [Categorical("digit", 5)])
    logits, copied = torch.randn(2, 8, 5, generator=torch.Generator().manual_seed(0))
    theirs = real_image_loss(spec, spec.posterior(logits), spec.posterior(copied), 0.1)["digit"]
    assert math.isclose(consistency(logits, copied, 0.1).item(), theirs.item(), rel_tol=1e-5)
