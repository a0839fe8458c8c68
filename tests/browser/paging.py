"""What the tests of the page ask of it, and what torch says to the same."""

import gzip
import time

import safetensors.torch
import torch

from infogan_lib.core.model import InfoGAN


def until(page, expression, arg=None, seconds=30):
    """Wait until it is true. (Playwright's own wait evaluates in the page, which the page's policy forbids.)"""
    end = time.monotonic() + seconds
    while not page.evaluate(expression, arg):
        assert time.monotonic() < end, f"after {seconds} s still not: {expression}"
        page.wait_for_timeout(20)


def generate(page, name, latents):
    """Images (N, C, H, W) that the page makes of the rows of `latents`."""
    flat = page.evaluate(
        "async ([name, rows]) => [...await infogan.generate(name, rows)]", [name, latents.flatten().tolist()]
    )
    channels, height, width = page.evaluate("name => infogan.models.get(name).shape", name)
    return torch.tensor(flat).view(-1, height, width, channels).permute(0, 3, 1, 2)


def read(page, name, images):
    rows = images.permute(0, 2, 3, 1).flatten().tolist()
    return page.evaluate("([name, rows]) => infogan.read(name, rows)", [name, rows])


def with_its_weights(model, content):
    """The model with the weights of a page's own file, as torch has them."""
    tensors = safetensors.torch.load(gzip.decompress(content))
    model = InfoGAN(model.network, model.spec, model.q_on)
    state = model.state_dict()
    for name, tensor in tensors.items():
        if not name.endswith(".scale"):
            state[name] = tensor.float() * tensors.get(f"{name}.scale", torch.tensor(1.0))
    model.load_state_dict(state)
    return model.eval()


def assert_same_reading(found, posterior, tolerance=1e-3):
    for name, q in posterior.items():
        said = {key: torch.tensor([one[name][key] for one in found]) for key in found[0][name]}
        if "probs" in said:
            yes_no = isinstance(q, torch.distributions.Bernoulli)
            probs = torch.stack([1 - q.mean, q.mean], 1) if yes_no else q.probs
            assert torch.allclose(said["probs"], probs, atol=tolerance), name
        elif "angle" in said:
            assert torch.cos(said["angle"] - q.mean).min() > 1 - tolerance, name
            assert torch.allclose(said["concentration"], q.concentration, rtol=tolerance), name
            assert torch.allclose(said["length"], 1 - q.variance, atol=tolerance), name
        else:
            assert torch.allclose(said["mean"], q.mean, atol=tolerance), name
            assert torch.allclose(said["stddev"], q.stddev, atol=tolerance), name
