"""Exit 1 unless each code cell of each notebook in git passed, by nbval's junit report (the argument)."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path


def faults(notebooks: list[Path], report: Path, root: Path = Path()) -> list[str]:
    """One line for each notebook (a path below `root`) with a code cell that `report` does not hold as passed."""
    passed = Counter(
        case.get("classname", "")
        for case in ET.parse(report).iter("testcase")
        if not {child.tag for child in case} & {"failure", "error", "skipped"}
    )
    lines = []
    for path in notebooks:
        cells = json.loads((root / path).read_text(encoding="utf-8"))["cells"]
        wanted = sum(cell["cell_type"] == "code" for cell in cells)
        found = passed[path.as_posix().replace("/", ".")]
        if wanted == 0 or found != wanted:
            lines.append(f"{path}: {found} of {wanted} code cells passed")
    return lines


if __name__ == "__main__":
    listed = subprocess.run(["git", "ls-files", "-z", "*.ipynb"], capture_output=True, text=True, check=True).stdout
    notebooks = [Path(name) for name in listed.split("\0") if name]
    lines = faults(notebooks, Path(sys.argv[1])) if notebooks else ["no notebook is in git"]
    print("\n".join(lines) or f"all {len(notebooks)} notebooks in git ran, every code cell")
    sys.exit(bool(lines))
