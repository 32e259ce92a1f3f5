"""Rules that turn the names of one model's variables into another's: ``module.`` -> ````, ``encoder.layer`` -> ``layers``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from difflib import SequenceMatcher
from pathlib import Path

from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.formats.os_errors import reading

ARROW = " -> "
LONGEST = 10_000_000
SEPARATORS = re.compile(r"([./])")


@dataclass(frozen=True, order=True)
class RenameRule:
    """``old``, whole components of a name, becomes ``new``; ``count`` is how many names it was seen in.

    >>> RenameRule("module.", "").apply("module.fc.weight"), RenameRule("encoder.layer", "layers").apply("encoder.layer.0.b")
    ('fc.weight', 'layers.0.b')
    """

    old: str
    new: str
    count: int = 0

    def apply(self, name: str) -> str:
        """Return the name with the first place where it holds ``old`` changed; without ``old``, with ``new`` before it."""
        if not self.old:
            return self.new + name
        before, after = r"(?:(?<=[./])|^)", "" if self.old.endswith((".", "/")) else r"(?=[./]|$)"
        return re.sub(before + re.escape(self.old) + after, lambda _: self.new, name, count=1)

    def __str__(self) -> str:
        return f"{self.old or chr(39) * 2}{ARROW}{self.new or chr(39) * 2}"


def read_rules(path: str) -> list[RenameRule]:
    """Return the rules of a text file, ``OLD -> NEW`` on each line; ``''`` is an empty side, ``#`` begins a comment."""
    file = Path(path)
    with reading(file), file.open("rb") as stream:
        raw = stream.read(LONGEST + 1)
    try:
        lines = raw.decode().splitlines()
    except UnicodeDecodeError:
        raise FormatError(f"{path} is not text in UTF-8") from None
    return [rule_of(path, i, line) for i, line in enumerate(lines, 1) if line.strip() and line[0] != "#"]


def rule_of(path: str, number: int, line: str) -> RenameRule:
    """Return the rule on a line; FormatError where it is none."""
    old, arrow, new = line.partition("->")
    if not arrow:
        raise FormatError(f"{path}, line {number}: expects OLD -> NEW, got {line.strip()!r}")
    before, after = ("" if side.strip() in ("''", '""') else side.strip() for side in (old, new))
    return RenameRule(before, after)


def text_of_rules(rules: Iterable[RenameRule]) -> str:
    """Return the content of a file of rules, as ``read_rules`` takes it."""
    return "".join(f"{rule}\n" for rule in rules)


def renamed(name: str, rules: Iterable[RenameRule]) -> str:
    """Return a name with every rule applied in turn; a rule for the whole name is the only one."""
    rules = list(rules)
    for rule in rules:
        if rule.old == name:
            return rule.new
    for rule in rules:
        name = rule.apply(name)
    return name


def spans(a: str, b: str) -> list[tuple[str, str]]:
    """Return the components of ``a`` that became others in ``b``, without those that differ in a number alone.

    >>> spans("module.encoder.layer.0.weight", "layers.0.weight")
    [('module.encoder.layer', 'layers')]
    >>> spans("module.fc.weight", "fc.weight")
    [('module.', '')]
    """
    if a == b:
        return []
    xs, ys = SEPARATORS.split(a), SEPARATORS.split(b)
    mine, theirs = xs[::2], ys[::2]
    found = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        if i1 == i2 > 0 and j1:  # an inserted name is identified by the one before it
            i1, j1 = i1 - 1, j1 - 1
        old, new = "".join(xs[2 * i1 : 2 * i2 - 1]), "".join(ys[2 * j1 : 2 * j2 - 1])
        if i1 == i2 or j1 == j2:  # a whole component comes or goes, so one of its separators as well
            old = old + next(iter(xs[2 * i2 - 1 : 2 * i2]), "") if i2 > i1 else ""
            new = new + next(iter(ys[2 * j2 - 1 : 2 * j2]), "") if j2 > j1 else ""
        if re.sub(r"\d+", "", old) != re.sub(r"\d+", "", new):
            found.append((old, new))
    return found


def rules_of(names: Iterable[tuple[str, str]]) -> list[RenameRule]:
    """Return the rules that pairs of names show, the most frequent first."""
    counts = Counter(span for a, b in names for span in spans(a, b))
    return [RenameRule(old, new, count) for (old, new), count in counts.most_common()]


def rules_for(names: Iterable[tuple[str, str]]) -> list[RenameRule]:
    """Return rules that turn every first name into its second, applied in turn: general ones, then whole names.

    >>> [str(rule) for rule in rules_for([("module.a.w", "a.w"), ("module.b.w", "b.w"), ("x", "y")])]
    ["module. -> ''", 'x -> y']
    """
    wanted = list(names)
    kept: list[RenameRule] = []
    right = sum(a == b for a, b in wanted)
    for rule in (rule for rule in rules_of(pair for pair in wanted if pair[0] != pair[1]) if rule.count > 1):
        better = sum(renamed(a, [*kept, rule]) == b for a, b in wanted)
        if better >= right:
            kept, right = [*kept, rule], better
    return kept + [RenameRule(a, b) for a, b in wanted if renamed(a, kept) != b]
