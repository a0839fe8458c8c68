"""What training asks of a device. All that runs without a card runs here on the CPU; the rest is marked `cuda`."""

import os
import shutil
from dataclasses import replace

import pytest
import tiny
import torch
from team import frozen
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from infogan_lib import Bernoulli, Categorical, Gaussian, LatentSpec, Noise, Recipe, Training, Uniform
from infogan_lib.core.recipe import PRECISIONS
from infogan_lib.data import files
from infogan_lib.training import devices
from infogan_lib.training.reports import fetch

FROM_THE_START = replace(tiny.RECIPE, real_from=0, steps=12)


def train(recipe=FROM_THE_START, device="cpu", **kwargs):
    return Training(tiny.build(), tiny.images(), recipe, seed=7, device=device, **kwargs)


def weights(run):
    return {k: v.cpu().clone() for k, v in run.model.state_dict().items()}


class Reads(TorchDispatchMode):
    """Follows what would live on a card, the weights, the images and all that is computed with them, and counts where
    Python reads a value of it, or a shape depends on one: there it would wait for the card."""

    WAITS = ("aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::_unique2")

    def __init__(self, run):
        super().__init__()
        self.found, self.held = 0, {}
        for tensor in (*run.model.state_dict().values(), run._data.images):
            self.hold(tensor)

    def hold(self, tensor):
        self.held[tensor.untyped_storage().data_ptr()] = tensor  # held, so that its address is not given away

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        inputs = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        result = function(*args, **(kwargs or {}))
        if any(t.untyped_storage().data_ptr() in self.held for t in inputs):
            self.found += function.overloadpacket._qualified_op_name in self.WAITS
            for t in tree_leaves(result):
                if isinstance(t, torch.Tensor):
                    self.hold(t)
        return result


EVERY_KIND = LatentSpec(
    Noise(3), [Categorical("kind", 3), Bernoulli("b"), Uniform("c1"), Gaussian("g"), Uniform("fixed", sigma=1.0)]
)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("q_on", ["trunk", "frozen", "separate"])
def test_no_step_reads_a_value_from_the_device(q_on, precision):
    recipe = replace(FROM_THE_START, precision=precision)
    run = Training(tiny.build(q_on, EVERY_KIND), tiny.images(), recipe, seed=7, device="cpu")
    reads = Reads(run)
    with reads:
        for _ in range(3):
            next(run)
    assert reads.found == 0
    with reads, pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "tolist", lambda tensor: [float(v) for v in tensor])
        run._flush()  # the one place that does, and the proof that a read is seen
    assert reads.found > 0


def test_lists_are_read_at_a_flush_alone(monkeypatch):
    run, calls, tolist = train(), [], torch.Tensor.tolist
    monkeypatch.setattr(torch.Tensor, "tolist", lambda tensor: calls.append(run.step) or tolist(tensor))
    list(run)
    assert calls == [5, 10, 12]  # a checkpoint each 5 steps, and the end


@pytest.mark.parametrize(("precision", "tolerance"), [("bfloat16", 0.02), ("float16", 0.02)])
def test_autocast_runs_low_and_stays_close(precision, tolerance):
    exact, low = train(), train(replace(FROM_THE_START, precision=precision))
    kinds = set()
    low.model.trunk[1].register_forward_hook(lambda module, inputs, output: kinds.add(output.dtype))
    for a, b in zip(exact, low):
        for name, value in a.values().items():
            assert b.values()[name].dtype == torch.float32
            assert b.values()[name].item() == pytest.approx(value.item(), abs=tolerance), (a.step, name)
    assert kinds == {getattr(torch, precision)}
    assert all(p.dtype == torch.float32 for p in low.model.parameters())


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("q_on", ["trunk", "frozen", "separate"])
def test_a_view_is_drawn_in_float32_in_every_precision(q_on, precision):
    """Of a code that is nudged and of one that has the view of faces, whose blur and mirror work on pixels."""
    codes = [Categorical("kind", 3, view="nudged"), Uniform("c1", view="faces")]
    recipe = replace(FROM_THE_START, precision=precision, real_view="faces-strong", steps=3)
    run = Training(tiny.build(q_on, LatentSpec(Noise(3), codes)), tiny.images(), recipe, seed=7, device="cpu")
    for report in run:
        assert all(torch.isfinite(value) for value in report.values().values())
    assert report.step == 3


def test_tf32_is_float32_where_there_is_no_card():
    exact, same = train(), train(replace(FROM_THE_START, precision="tf32"))
    list(exact), list(same)
    assert all(torch.equal(a, b) for a, b in zip(weights(exact).values(), weights(same).values()))


def test_a_step_sets_tf32_as_the_precision_says_and_puts_it_back():
    def now():
        return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32

    before = now()
    for precision, expected in (("tf32", True), ("float32", False)):
        with devices.step(torch.device("cuda"), precision, compiled=False):
            assert now() == (expected, expected)
        assert now() == before


@pytest.mark.skipif(not hasattr(torch.backends.cuda.matmul, "fp32_precision"), reason="torch before 2.9")
@pytest.mark.parametrize("chosen", ["tf32", "ieee"])
def test_a_step_goes_with_switches_set_by_their_new_names(chosen):
    matmul, conv = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    before = matmul.fp32_precision, conv.fp32_precision
    try:
        matmul.fp32_precision = conv.fp32_precision = chosen
        for precision, expected in (("tf32", "tf32"), ("float32", "ieee")):
            with devices.step(torch.device("cuda"), precision, compiled=False):
                assert matmul.fp32_precision == conv.fp32_precision == expected
            assert matmul.fp32_precision == conv.fp32_precision == chosen
    finally:
        matmul.fp32_precision, conv.fp32_precision = before
    assert torch.backends.cuda.matmul.allow_tf32 in (True, False)


def test_an_overflow_in_float16_skips_the_step_and_halves_the_scale():
    run = train(replace(FROM_THE_START, precision="float16"))
    next(run)
    scale, before = run._scaler.get_scale(), [p.clone() for p in run.model.generator.parameters()]
    handle = run.model.generator[0].weight.register_hook(lambda gradient: gradient * float("inf"))
    next(run)
    assert all(torch.equal(a, b) for a, b in zip(before, run.model.generator.parameters()))
    assert run._scaler.get_scale() == scale / 2
    handle.remove()
    next(run)
    assert not torch.equal(before[0], run.model.generator[0].weight)


def test_a_float16_run_goes_on_to_the_same_bits(tmp_path):
    recipe = replace(FROM_THE_START, precision="float16")
    whole, part = train(recipe), train(recipe, folder=tmp_path)
    for run in (whole, part):
        next(run)
        run._scaler.update(1024.0)  # another than it starts with
    list(whole)
    for report in part:
        if report.step == 5:
            break
    part.close()
    resumed = Training.resume(tmp_path, tiny.images(), device="cpu")
    assert resumed._scaler.get_scale() == 1024
    list(resumed)
    assert all(torch.equal(a, b) for a, b in zip(weights(whole).values(), weights(resumed).values()))


def test_a_checkpoint_from_before_float16_is_read(tmp_path):
    list(train(folder=tmp_path))
    tensors, manifest = files.load_tensors(tmp_path / "checkpoint.safetensors")
    del manifest["scaler"]
    files.save_tensors(tmp_path / "checkpoint.safetensors", tensors, manifest)
    assert Training.resume(tmp_path, tiny.images(), device="cpu").step == 12


def test_an_unknown_precision_names_the_ones_there_are():
    with pytest.raises(ValueError, match="float32, tf32, bfloat16, float16, got 'fp8'"):
        Recipe(precision="fp8")


def test_adam_resumes_between_its_two_kernels(tmp_path, monkeypatch):
    """Fused on CUDA and on a CPU, not on MPS; a CPU has both kernels, so their checkpoints can be swapped here."""

    def unfused(groups, betas, device):
        return torch.optim.Adam(groups, betas=betas, foreach=True)

    whole = frozen(train())
    list(whole)
    for first, second in ((devices.adam, unfused), (unfused, devices.adam)):
        folder = tmp_path / first.__name__
        monkeypatch.setattr(devices, "adam", first)
        part = frozen(train(replace(FROM_THE_START, steps=6), folder=folder))
        list(part)
        monkeypatch.setattr(devices, "adam", second)
        resumed = frozen(Training.resume(folder, tiny.images(), device="cpu", steps=12))
        list(resumed)
        for name, tensor in weights(whole).items():
            torch.testing.assert_close(weights(resumed)[name], tensor, rtol=1e-3, atol=1e-5, msg=name)


def test_every_part_is_compiled_and_the_run_computes_the_same(monkeypatch):
    """With a back end that generates no code; the next test has the real one."""
    compiled = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda part, mode: compiled(part, backend="eager"))
    run, calls = train(replace(FROM_THE_START, compile=True, steps=2)), []
    plain = train(replace(FROM_THE_START, steps=2))
    for part in (run.model.generator, run.model.trunk, run.model.q_head):
        inner = part._compiled_call_impl
        assert inner is not None
        part._compiled_call_impl = lambda *a, inner=inner, **k: calls.append(inner) or inner(*a, **k)
    for a, b in zip(run, plain):
        for name, value in b.values().items():
            assert a.values()[name].item() == pytest.approx(value.item(), abs=1e-3), name
    assert len({id(c) for c in calls}) == 3


@pytest.mark.skipif(not shutil.which(os.environ.get("CXX", "c++")), reason="torch.compile needs a C++ compiler")
def test_compiled_code_computes_the_same():
    head = tiny.build().q_head
    images = torch.randn(16, 32)
    expected = head(images)
    devices.compile_parts([head], torch.device("cpu"))
    assert head._compiled_call_impl is not None
    torch.testing.assert_close(head(images), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.soak
@pytest.mark.skipif(not shutil.which(os.environ.get("CXX", "c++")), reason="torch.compile needs a C++ compiler")
def test_compiled_training_computes_the_same():
    run, plain = train(replace(FROM_THE_START, compile=True, steps=2)), train(replace(FROM_THE_START, steps=2))
    for a, b in zip(run, plain):
        for name, value in b.values().items():
            assert a.values()[name].item() == pytest.approx(value.item(), abs=1e-3), name


def test_cuda_graphs_are_asked_for_on_cuda_alone(monkeypatch):
    modes = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda part, mode: modes.append(mode))
    for device in ("cpu", "cuda"):
        devices.compile_parts([torch.nn.Linear(2, 2), None], torch.device(device))
    assert modes == [None, "reduce-overhead"]


@pytest.mark.cuda
@pytest.mark.parametrize("change", [{}, {"channels_last": True}])
def test_the_first_steps_on_cuda_are_the_cpus(change):
    recipe = replace(FROM_THE_START, **change)
    for cpu, cuda, _ in zip(train(recipe), train(recipe, "cuda"), range(3)):
        for name, value in cpu.values().items():
            assert cuda.values()[name].item() == pytest.approx(value.item(), abs=1e-4), (cpu.step, name)


@pytest.mark.cuda
@pytest.mark.parametrize("change", [{"precision": p} for p in PRECISIONS[1:]] + [{"compile": True}])
def test_options_on_cuda_stay_close(change):
    for cpu, cuda in zip(train(), train(replace(FROM_THE_START, **change), "cuda")):
        for name, value in cpu.values().items():
            assert cuda.values()[name].item() == pytest.approx(value.item(), abs=0.05), (cpu.step, name)


@pytest.mark.cuda
@pytest.mark.parametrize(("first", "second"), [("cpu", "cuda"), ("cuda", "cpu"), ("cuda", "cuda")])
def test_a_run_goes_on_on_another_device(first, second, tmp_path):
    whole = frozen(train())  # frozen: a bias before a live batch norm has no gradient but rounding, which Adam enlarges
    list(whole)
    part = frozen(train(replace(FROM_THE_START, steps=6), first, folder=tmp_path))
    list(part)
    resumed = frozen(Training.resume(tmp_path, tiny.images(), device=second, steps=12))
    assert resumed.device.type == second and next(resumed).step == 7
    list(resumed)
    for name, tensor in weights(whole).items():
        torch.testing.assert_close(weights(resumed)[name], tensor, rtol=1e-2, atol=1e-3, msg=name)


@pytest.mark.cuda
def test_no_step_on_cuda_waits_for_the_device():
    run = train(device="cuda")
    next(run)  # the first draws the order of an epoch, and sets Adam up
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        next(run)
    finally:
        torch.cuda.set_sync_debug_mode(before)
    assert len(fetch(run._pending)) == 2
