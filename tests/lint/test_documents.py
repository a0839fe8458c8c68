"""The tables of README.md and ADMIN.md are those of data/results, and the command lines of the README parse."""

import re
import shlex
from pathlib import Path

import pytest

import infogan_lib
from infogan_lib.cli import parser
from infogan_lib.course import results

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
VARIANTS = {  # row of the table: its variant, and the knowledge that was put in
    "**InfoGAN with views**, the preset `mnist`": ("views", "all three views"),
    "control: `mnist` with lambda = 0 for G": ("control", "all three views"),
    "one blur for both amounts": ("one-blur", "the nudge; amounts are coarse"),
    "the nudge alone": ("nudge", "a nudged digit is the same digit"),
    "**InfoGAN**, no views": ("infogan", "none"),
    "the paper's own recipe and network": ("paper", "none"),
}
MEASURES = {"nats_digit": 2, "frechet": 2, "slant": 2, "stroke": 2}


def result_table() -> str:
    """The table between the README's markers, as it should read."""
    lines = [
        "| | knowledge put in | seeds | test digits read right, % | *L_I* of the digit code, nats | Frechet distance "
        "| slant | thickness or width |",
        "|---|---|---:|---|---|---|---|---|",
    ]
    for label, (variant, knowledge) in VARIANTS.items():
        rows = results.read("mnist_seeds", variant=variant)
        cells = [results.spread([100 * v for v in results.column(rows, "code_accuracy")])]
        cells += [results.spread(results.column(rows, name), digits) for name, digits in MEASURES.items()]
        lines.append(f"| {label} | {knowledge} | {len(rows)} | {' | '.join(cells)} |")
    for row in results.read("mnist_baselines")[:2]:
        lines.append(f"| {row['baseline']} | none | 1 | {100 * float(row['code_accuracy']):.1f} | | | | |")
    return "\n".join(lines)


FACES = {
    "InfoGAN with views + consistency, the preset `faces`": "infogan",
    "the codes alone, no views": "plain",
    "control, lambda = 0 for G": "control",
    "a Q with its first weights": "untrained",
    "PCA-5 and k-means": "pca",
}
CAUSES = ("azimuth", "elevation", "light", "width", "glasses", "hair")


def faces_table() -> str:
    """The table of faces between the README's markers, as it should read."""
    lines = ["| | " + " | ".join(CAUSES) + " |", "|---" * (len(CAUSES) + 1) + "|"]
    for label, variant in FACES.items():
        cells = []
        for cause in CAUSES:
            values = results.column(results.read("faces_seeds", variant=variant, factor=cause), "read")
            cells.append(results.spread(values, 2))
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


RACERS = {
    "what many ports share, convolutions at the inner end": "conv",
}
LINES = {"80 %": "80", "90 %": "90", "95 %": "95", "97 %": "97", "*L_I* of 2.2 nats": "nats"}


def speed_table() -> str:
    """The table of seconds between the README's markers, as it should read."""
    lines = [
        "| seconds of training until | seeds | " + " | ".join(LINES) + " |",
        "|---|---:" + "|---" * len(LINES) + "|",
    ]
    for label, name in RACERS.items():
        rows = results.read("time_to_code", contestant=name)
        cells = []
        for line in LINES.values():
            times = [float(row[f"seconds_{line}"]) for row in rows if row[f"seconds_{line}"]]
            missed = f"{len(times)} of {len(rows)} within {max(results.column(rows, 'seconds')):.0f} s"
            cells.append(results.spread(times, 0) if len(times) == len(rows) else missed if times else "none")
        lines.append(f"| {label} | {len(rows)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def ratio(figure: str, options: str) -> str:
    """A figure of step.py, from its run without options that change how it measures."""
    (row,) = results.read("speed", figure=figure, command=f"python benchmarks/speed.py step {options}")
    return f"{float(row['value']):.1f}"


def steps_table() -> str:
    """The table of ratios between the README's markers, as it should read."""
    lines = [
        "| its seconds an image over those of | "
        + " | ".join(f"`{preset}`{where}" for where, _, preset in COLUMNS)
        + " |"
    ]
    lines += ["|---" + "|---:" * len(COLUMNS) + "|"]
    for form, name in (("conv", "convolutional yardstick"), ("fc", "fully connected yardstick")):
        cells = [ratio(f"{form} over {preset}", options) for _, options, preset in COLUMNS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


COLUMNS = [
    (where, options, preset)
    for where, options in ((", AVX-512", "--keep"), (", AVX2", "--avx2 --keep"))
    for preset in ("mnist-paper", "mnist")
]
BUILDS = {"the CUDA build, 2.14.1": "2.14.1+cu130", "the CPU build, 2.13.0": "2.13.0+cpu"}
MEMORY = {
    "PyTorch alone": "a kernel with torch and nothing else",
    "PyTorch and an optimiser": "a kernel with torch and an optimiser",
    "the knobs alone (`make explore`)": "all of notebook explorer",
    "notebook 00": "all of notebook 00_start_here",
    "notebook 08, which trains while its sliders move": "all of notebook 08_latent_sliders",
    "a training of `mnist`": "a training of mnist",
    "a training of `mnist-paper`": "a training of mnist-paper",
    "a training of `faces`": "a training of faces",
}


def memory_table() -> str:
    """The table of memory between the README's markers, as it should read."""
    lines = ["| peak of a kernel, MB | " + " | ".join(BUILDS) + " |", "|---" + "|---:" * len(BUILDS) + "|"]
    for label, figure in MEMORY.items():
        rows = [results.read("speed", figure=figure, torch=torch) for torch in BUILDS.values()]
        lines.append(f"| {label} | " + " | ".join(f"{float(row['value']):,.0f}" for (row,) in rows) + " |")
    return "\n".join(lines)


TABLES = {
    "results": result_table,
    "faces": faces_table,
    "speed": speed_table,
    "steps": steps_table,
    "memory": memory_table,
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_that_of_the_data(name):
    shown = README.split(f"<!-- {name}:")[1].split("-->", 1)[1].split(f"<!-- /{name} -->")[0]
    assert shown.strip() == TABLES[name]()


def test_every_command_line_is_one_that_parses():
    lines = re.findall(r"^python -m infogan_lib ([^#\n]+)", README, flags=re.M)
    assert lines
    for line in lines:
        parser().parse_args(shlex.split(line))


def test_the_administrators_table_is_that_of_the_data():
    page = (ROOT / "ADMIN.md").read_text(encoding="utf-8")
    table = page.split("<!-- classroom:")[1].split("-->\n", 1)[1].split("<!-- /classroom -->")[0]
    shown = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    measured = {row["what"]: row for row in results.read("classroom")}
    assert len(shown) == len(measured) >= 5
    for what, processes, memory, seconds in shown:
        row = measured[what.split(" (")[0]]
        figures = (row["processes"], row["peak_pss_mib"], row["cpu_seconds"])
        assert (processes, memory.replace(",", ""), seconds) == figures


def test_the_plan_in_contributing_is_the_librarys() -> None:
    plan = [line.strip() for line in infogan_lib.__doc__.splitlines() if line.startswith("    ")]
    shown = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```")[1]
    assert [line.strip() for line in shown.strip().splitlines()] == plan
