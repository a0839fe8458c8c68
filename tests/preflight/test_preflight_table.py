"""Preflight on foreign code: ten styles in health, and every fault in every style that can have it.

`python tests/preflight/test_preflight_table.py` prints the table of faults and styles.
"""

import sys
import types
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from mutants import EXPECTED, MUTANTS

from infogan_lib import preflight

FOREIGN = Path(__file__).parent / "foreign"
STYLES = sorted(path.stem for path in FOREIGN.glob("*.py"))
CELLS = [(fault, style) for fault, styles in MUTANTS.items() for style in styles]


def load(style, edits=()):
    """A foreign file as a module, with lines changed. Each old text must be there once."""
    path = FOREIGN / f"{style}.py"
    source = path.read_text(encoding="utf-8")
    for old, new in edits:
        assert source.count(old) == 1, f"{style}.py has {old!r} {source.count(old)} times"
        source = source.replace(old, new)
    module = types.ModuleType(f"foreign_{style}")
    sys.modules[module.__name__] = module  # dataclasses look their module up
    exec(compile(source, path, "exec"), vars(module))
    return module


def look(fault, style):
    """(told apart?, what preflight named): the fault by its own name, and nothing that does not follow from it."""
    torch.manual_seed(0)
    names = preflight(**load(style, MUTANTS[fault][style]).check()).names
    wanted, besides = EXPECTED[fault]
    return wanted in names and names <= {wanted} | besides, sorted(names)


@pytest.mark.parametrize("style", STYLES)
def test_no_false_alarm_in_health(style):
    report = preflight(**load(style).check())
    assert not report.failed and report.names == set(), report
    assert len(report.passed) >= 13


@pytest.mark.parametrize(("fault", "style"), CELLS)
def test_a_fault_is_told_apart(fault, style):
    right, named = look(fault, style)
    assert right, named


def test_every_fault_has_a_word_and_cells():
    assert EXPECTED.keys() == MUTANTS.keys() and len(STYLES) == 10 and len(CELLS) > 200


if __name__ == "__main__":
    torch.set_num_threads(1)
    alarms = [style for style in STYLES if preflight(**load(style).check()).names]
    right = 0
    for name, styles in MUTANTS.items():
        found = {style: look(name, style) for style in styles}
        right += sum(one for one, _ in found.values())
        missed = "; ".join(f"{style} named {named}" for style, (one, named) in found.items() if not one)
        print(f"{name:44s} {sum(one for one, _ in found.values()):2d} of {len(found):2d}  {missed}", flush=True)
    print(
        f"{right} of {len(CELLS)} cells right; false alarms in health: {', '.join(alarms) or 'none'} of {len(STYLES)}"
    )
