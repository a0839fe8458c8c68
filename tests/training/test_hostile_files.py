"""Truncated, swapped and hostile files: one clear error each, short whatever they hold, and nothing written."""

import json
import random
import struct
import sys

import faults
import pytest
import safetensors.torch
import tiny
import torch

from infogan_lib.data import files
from infogan_lib.data.files import FileError
from infogan_lib.training import weights

BIG = "x" * 10_000_000
DEEP = "[" * 200_000


@pytest.fixture
def path(tmp_path):
    (tmp_path / "in").mkdir()
    return weights.save(tiny.build(), tmp_path / "in" / "w.safetensors")


def raw(header, body=b""):
    """A safetensors file by hand: the header's length, the header, the numbers."""
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header + body


def tensor(shape, offsets, dtype="F32", **others):
    return raw({"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}, **others}, bytes(16))


BYTES = {
    "a huge header length": struct.pack("<Q", 2**62) + b"{}",
    "a header of 99 MB that is not there": struct.pack("<Q", 99 * 2**20) + b"{}",
    "a header that is not JSON": raw(b"{nonsense"),
    "a deep header": raw(DEEP.encode()),
    "a header that is a list": raw([]),
    "offsets beyond the file": tensor([2**40], [0, 2**42]),
    "offsets the wrong way round": tensor([4], [16, 0]),
    "a negative offset": tensor([4], [-16, 0]),
    "sizes that overflow": tensor([2**33, 2**33], [0, 16]),
    "an unknown type": tensor([4], [0, 16], "F99"),
    "two tensors in one place": tensor([4], [0, 16], b={"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}),
    "a manifest that is no text": raw({"__metadata__": {"manifest": 3}}),
    "a pickle": b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
    "an empty file": b"",
}


def most_memory():
    """The most bytes that this process ever had, torch's included; 0 where the system does not tell so."""
    if sys.platform != "linux":
        return 0
    import resource

    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def refused(path, says=""):
    """weights.load refuses `path` in one short line that names it, without much memory and without writing."""
    before = path.read_bytes()
    peak = most_memory()
    with pytest.raises(FileError, match=says or None) as error:
        weights.load(path)
    grown = most_memory() - peak
    message = str(error.value)
    assert message.startswith(str(path)) and len(message) < len(str(path)) + 600 and "\n" not in message
    assert "Get a fresh copy" in message or "another" in message or "Check the path" in message
    assert grown < 300e6
    assert path.read_bytes() == before and [p.name for p in path.parent.iterdir()] == [path.name]
    assert [p.name for p in path.parent.parent.iterdir()] == ["in"]


@pytest.mark.parametrize("what", BYTES)
def test_what_is_no_whole_safetensors_file(path, what):
    path.write_bytes(BYTES[what])
    refused(path, "truncated or no safetensors file")


@faults.trials("seed")
def test_a_file_cut_anywhere(path, seed):
    whole = path.read_bytes()
    path.write_bytes(whole[: random.Random(seed).randrange(len(whole))])
    refused(path, "truncated")


@faults.trials("seed")
def test_a_header_with_a_byte_changed_is_refused_or_still_the_same_model(path, seed):
    """All bits of the header count, or are the shape and place of something: nothing else is ever raised."""
    rng, whole = random.Random(seed), bytearray(path.read_bytes())
    expected = weights.load(path).state_dict()
    for _ in range(50):
        damaged = bytearray(whole)
        damaged[rng.randrange(8 + struct.unpack("<Q", whole[:8])[0])] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            found = weights.load(path).state_dict()
        except FileError:
            continue
        assert {k: v.shape for k, v in found.items()} == {k: v.shape for k, v in expected.items()}


def codes(*described, size=4):
    return {"spec": {"noise": {"size": size, "kind": "normal"}, "codes": list(described)}}


MANIFESTS = {
    "a format of 10 MB": {"format": BIG},
    "a network of 10 MB": {"network": BIG},
    "a path for a network": {"network": "../../etc/passwd"},
    "a list for a network": {"network": ["tiny"]},
    "a network of another size": {"network": "mnist"},
    "an object for q_on": {"q_on": {"a": 1}},
    "noise of 30 million": codes(size=3 * 10**7),
    "noise of a quintillion": codes(size=10**18),
    "noise beyond all integers": codes(size=10**30),
    "categories without end": codes({"kind": "Categorical", "name": "kind", "k": 10**30}),
    "a million categories": codes({"kind": "Categorical", "name": "kind", "k": 10**6}),
    "markup for a name": codes({"kind": "Uniform", "name": "<script>alert(1)</script>"}),
    "a path for a name": codes({"kind": "Uniform", "name": "../../x"}),
    "a number for a name": codes({"kind": "Uniform", "name": 3}),
    "a name of 10 MB": codes({"kind": "Uniform", "name": "-" + BIG}),
    "an unknown kind of code": codes({"kind": "__import__", "name": "c1"}),
    "an unknown field of a code": codes({"kind": "Uniform", "name": "c1", "run": "rm"}),
    "a width that is not a number": codes({"kind": "Uniform", "name": "c1", "sigma_floor": "a"}),
    "text for a spec": {"spec": "codes"},
    "nothing for a spec": {"spec": None},
}


@pytest.mark.parametrize("what", MANIFESTS)
def test_a_manifest_of_something_else(path, what):
    tensors, manifest = files.load_tensors(path)
    files.save_tensors(path, tensors, manifest | MANIFESTS[what])
    refused(path)


@pytest.mark.parametrize("text", [DEEP, '{"a":' * 100_000, "9" * 5000, "NaN", "", "{", '"' + BIG + '"'])
def test_a_manifest_that_is_no_manifest(path, text):
    path.write_bytes(safetensors.torch.save(files.load_tensors(path)[0], {"manifest": text}))
    refused(path, "no readable manifest")


COUNTER = "generator.1.num_batches_tracked"
TENSORS = {
    "a path for a name": {"../../x": torch.zeros(1)},
    "markup for a name": {"<script>": torch.zeros(1)},
    "a name of 10 MB": {BIG: torch.zeros(1)},
    "another shape": {"d_head.bias": torch.zeros(3)},
    "no numbers in a huge shape": {"d_head.bias": torch.zeros(2**40, 0)},
    "whole numbers": {"d_head.bias": torch.zeros(1, dtype=torch.int64)},
    "truth values": {"d_head.bias": torch.zeros(1, dtype=torch.bool)},
    "complex numbers": {"d_head.bias": torch.zeros(1, dtype=torch.complex64)},
    "eight bits": {"d_head.bias": torch.zeros(1).to(torch.float8_e4m3fn)},
    "a complex counter": {COUNTER: torch.zeros((), dtype=torch.complex64)},
    "a counter of floats": {COUNTER: torch.zeros(())},
    "NaN": {"d_head.bias": torch.full((1,), float("nan"))},
    "infinity": {"d_head.bias": torch.full((1,), float("inf"))},
}


@pytest.mark.parametrize("what", TENSORS)
def test_tensors_of_something_else(path, what):
    tensors, manifest = files.load_tensors(path)
    assert COUNTER in tensors
    files.save_tensors(path, tensors | TENSORS[what], manifest)
    refused(path)
