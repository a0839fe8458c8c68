"""How much the charts of notebook 11 differ over seeds: every patient and a healthy one, a row each.

    python benchmarks/clinic.py --seeds 0 1 2 3 4

A reading that differs less between sick and healthy than between seeds is no symptom.
"""

from __future__ import annotations

import argparse
import shlex

from infogan_lib.course import results
from infogan_lib.course.clinic.charts import examine
from infogan_lib.course.clinic.patient import Patient
from infogan_lib.course.clinic.ward import WARD


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--patients", nargs="+", choices=["healthy", *WARD], default=["healthy", *WARD])
    args = parser.parse_args()
    for name in args.patients:
        for seed in args.seeds:
            chart = examine((WARD[name] if name != "healthy" else Patient)(seed), name)
            row = {"patient": name, "seed": seed, "nats_digit": chart.end("digit"), "nats_c1": chart.end("c1")}
            row |= {"sigma": min(chart["sigma"]), "slope": chart.slope, "diversity": chart.diversity}
            row |= {"neighbours": chart.neighbours, "brightness": chart.brightness, "spread": chart.spread}
            row = {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}
            command = shlex.join(["python", "benchmarks/clinic.py", "--seeds", str(seed), "--patients", name])
            results.put("clinic_seeds", [row | {"command": command, "commit": results.commit()}], ("patient", "seed"))
            print(row, flush=True)


if __name__ == "__main__":
    main()
