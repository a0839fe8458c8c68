"""The report: what was found, what passed, and what was not tested, as lines or as a table."""

import html
from dataclasses import dataclass, field

from infogan_lib.measure.preflight.words import WORDS

LEVELS = ("fault", "doubt", "note", "passed", "not tested")


@dataclass(frozen=True)
class Finding:
    """One line of a report. `name` says which of `words.WORDS` explains it; `seen` are the numbers of this run.

    level      fault: wrong as it stands; doubt: wrong in most code, look at it; note: worth knowing, not wrong
    """

    name: str
    level: str
    seen: str

    @property
    def title(self) -> str:
        return WORDS[self.name].title

    @property
    def means(self) -> str:
        return WORDS[self.name].means

    @property
    def write(self) -> str:
        return WORDS[self.name].write

    @property
    def notebook(self) -> str:
        return WORDS[self.name].notebook

    def __str__(self) -> str:
        lines = [f"[{self.level.upper()}] {self.title}", f"    seen   {self.seen}", f"    means  {self.means}"]
        if self.write:
            lines.append(f"    write  {self.write}")
        return "\n".join([*lines, f"    read   notebook {self.notebook}"])


@dataclass(frozen=True)
class Report:
    """What preflight saw. `failed` is True where there is a fault; a doubt alone does not fail."""

    findings: list[Finding]
    passed: list[tuple[str, str]]  # (the check, what it saw)
    untested: list[tuple[str, str]]  # (the check, why not)
    remarks: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return any(one.level == "fault" for one in self.findings)

    @property
    def names(self) -> set[str]:
        """The names of all faults and doubts."""
        return {one.name for one in self.findings if one.level in ("fault", "doubt")}

    @property
    def summary(self) -> str:
        counts = [sum(one.level == level for one in self.findings) for level in LEVELS[:3]]
        words = [f"{n} {level}{'' if n == 1 else 's'}" for n, level in zip(counts, LEVELS)]
        return "preflight: " + ", ".join([*words, f"{len(self.passed)} passed", f"{len(self.untested)} not tested"])

    def __repr__(self) -> str:
        lines = [self.summary]
        for level in LEVELS[:3]:
            lines += [str(one) for one in self.findings if one.level == level]
        lines += [f"[passed] {title}" + (f": {seen}" if seen else "") for title, seen in self.passed]
        lines += [f"[not tested] {title}: {why}" for title, why in self.untested]
        return "\n".join([*lines, *(f"({remark})" for remark in self.remarks)])

    def _repr_html_(self) -> str:
        colour = {"fault": "#b00020", "doubt": "#9a6700", "note": "#0a5fa5"}
        rows = [(f"<b style='color:{colour[level]}'>{level}</b>", f"<b>{html.escape(one.title)}</b>",
                 html.escape(one.seen),
                 html.escape(one.means), f"<code>{html.escape(one.write)}</code>", one.notebook)
                for level in colour for one in self.findings if one.level == level]  # fmt: skip
        for level, lines in (("passed", self.passed), ("not tested", self.untested)):
            rows += [(level, html.escape(title), html.escape(text), "", "", "") for title, text in lines]
        heads = ("", "check", "seen", "means", "write instead", "notebook")
        style = "style='text-align:left;vertical-align:top'"
        head = "".join(f"<th {style}>{name}</th>" for name in heads)
        body = "".join(f"<tr>{''.join(f'<td {style}>{cell}</td>' for cell in row)}</tr>" for row in rows)
        tail = "".join(f"<p>{html.escape(remark)}</p>" for remark in self.remarks)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"<p>{html.escape(self.summary)}</p>{table}{tail}"
