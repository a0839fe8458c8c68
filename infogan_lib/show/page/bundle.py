"""Modules of JavaScript put together into one script, so that a page needs no server and nobody needs Node.

Of the language of modules it knows what ours use: `import { a, b as c } from "./file.js";` on one line, and `export`
before a function, a class or a const.
"""

import re
from pathlib import Path

IMPORT = re.compile(r'^import \{ ([\w,\s]+) \} from "(\.{1,2}/[\w/.-]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const|let) (\w+))", re.MULTILINE)


def bundle(entry: Path) -> str:
    """The module and all that it imports, each in a function of its own, in the order in which they are needed.

    Raises ValueError for an import or an export of another form, for a circle, and for text that would end a script.
    """
    done: dict[Path, str] = {}
    _add(entry.resolve(), done, ())
    return "\n".join(done.values())


def _add(path: Path, done: dict[Path, str], above: tuple[Path, ...]) -> None:
    if path in above:
        raise ValueError(f"{path.name} imports itself, through {', '.join(p.name for p in above)}")
    if path in done:
        return
    text = path.read_text(encoding="utf-8")
    for _, source in IMPORT.findall(text):
        _add((path.parent / source).resolve(), done, (*above, path))
    names = EXPORT.findall(text)
    text = IMPORT.sub(lambda found: _constants(found[1], (path.parent / found[2]).resolve()), text)
    text = EXPORT.sub("", text)
    if re.search(r"^(import|export)\b", text, re.MULTILINE) or re.search(r"</script|<!--", text, re.IGNORECASE):
        raise ValueError(f"{path} has an import or export, or the end of a script, that a page cannot take in")
    done[path] = f"const {variable(path)} = (() => {{\n{text}\nreturn {{ {', '.join(names)} }};\n}})();"


def _constants(names: str, path: Path) -> str:
    return f"const {{ {names.replace(' as ', ': ')} }} = {variable(path)};"


def variable(path: Path) -> str:
    """What holds a module's exports in the script."""
    return "$" + re.sub(r"\W", "_", f"{path.parent.name}_{path.stem}")
