"""What `.ci/run` asks after `make test`: whether every notebook ran."""

import json
import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_ci_tells_a_notebook_that_did_not_run(tmp_path: Path) -> None:
    faults = runpy.run_path(str(ROOT / ".ci" / "every_notebook_ran.py"))["faults"]
    paths = []
    for name in ("whole", "failed", "skipped", "absent", "partly"):
        paths.append(Path(name).with_suffix(".ipynb"))
        cells = [{"cell_type": kind} for kind in ("markdown", "code", "code")]
        (tmp_path / paths[-1]).write_text(json.dumps({"cells": cells}), encoding="utf-8")
    cases = [f'<testcase classname="{name}.ipynb"/>' for name in ("whole", "whole", "failed", "skipped", "partly")]
    cases += [
        '<testcase classname="failed"><failure/></testcase>',
        '<testcase classname="skipped"><skipped/></testcase>',
    ]
    report = tmp_path / "report.xml"
    report.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>", encoding="utf-8")
    assert [line.split(":")[0] for line in faults(paths, report, tmp_path)] == [str(path) for path in paths[1:]]
