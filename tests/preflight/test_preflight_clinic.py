"""The fourteen patients of notebook 11 are diagnosed before they are trained, and the healthy one has nothing."""

import pytest
from clinic import arguments

from infogan_lib import preflight
from infogan_lib.course.clinic import faults
from infogan_lib.course.clinic.patient import Patient
from infogan_lib.course.clinic.ward import WARD

NAMED = {
    faults.OneHotEntropy: {"bound-offset"},
    faults.NormalEntropy: {"bound-offset"},
    faults.SoftmaxTwice: {"softmax-twice"},
    faults.Rebuilt: {"no-gradient"},
    faults.Resampled: {"codes-not-scored", "q-no-gradient", "bound-scale"},
    faults.Detached: {"fake-detached"},
    faults.WrongSign: {"sign"},
    faults.SharedColumn: {"d-reads-code"},
    faults.NoFloor: {"sigma-unbounded", "term-large"},
    faults.TooMuchLambda: {"term-large"},
    faults.HalfRange: {"image-range"},
    faults.TrainMode: {"train-mode"},
    faults.EpsilonNorm: {"norm-eps"},
    faults.HalfSeeded: {"seed"},
}


def test_the_healthy_patient_has_nothing():
    report = preflight(**arguments(Patient))
    assert report.names == set() and len(report.passed) >= 15, report


@pytest.mark.parametrize("name", WARD)
def test_a_patient_is_diagnosed(name):
    kind = WARD[name]
    assert preflight(**arguments(kind)).names == NAMED[kind]
