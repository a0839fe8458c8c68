import torch

from infogan_lib import Report
from infogan_lib.training.reports import fetch


def test_fetch_reads_each_report_in_one_transfer_and_takes_a_mean_of_all():
    one = torch.tensor(1.0)
    reports = [
        Report(1, one, 2 * one, 3 * one, 4 * one, {"kind": 5 * one}, {"c1": 6 * one}),
        Report(2, -one, -one, -one, -one, loss_real=7 * one),
    ]
    rows = fetch(reports)
    assert rows[0] == {
        "step": 1, "loss_d": 1, "loss_g": 2, "score_real": 3, "score_fake": 4, "nats/kind": 5, "sigma/c1": 6,
    }  # fmt: skip
    assert rows[1]["loss_real"] == 7 and rows[1]["step"] == 2
    assert fetch(reports, lambda tensors: tensors[0].mul_(2))[0]["sigma/c1"] == 12
    assert fetch([]) == []
