"""Code, docs and messages use the terms of the field: words of our old dialect stay out, and class names are unique."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
CODE = [
    path for folder in ("layercli", "models", "benchmarks", "docs") for path in sorted((ROOT / folder).rglob("*.py"))
]
GENERATED = {ROOT / "docs" / "commands", ROOT / "docs" / "reference"}
PROSE = [
    *sorted(ROOT.glob("*.md")), *sorted(p for p in (ROOT / "docs").rglob("*.md") if p.parent not in GENERATED),
    ROOT / "Makefile", ROOT / "mkdocs.yml", ROOT / "pyproject.toml", ROOT / ".pre-commit-config.yaml",
]  # fmt: skip

BETTER = {
    r"whole numbers?": "integer",
    r"a truth|truths|truth values?": "boolean",
    r"what is (?:none|no)\b": "other values, NaN, or 'X that is not a Y'",
    r"(?:drawn|foreign) models?": "functional model; torch module",
    r"mirrors?": "layer module; flipped, of an image",
    r"laws": "consistency tests",
    r"doors?": "deferred import",
    r"told|heard|heed(?:s|ed)?|hearing": "gets, receives, recorded, checks",
    r"nobody|somebody": "no other process, another user: the one that is meant",
    r"is one too many": "unexpected X",
    r"(?:has|have|is|are) gone": "exited, was removed, is closed",
    r"(?:gone|go|goes|going) on with": "continue, resume",
    r"broken off": "interrupted",
    r"anew": "again",
    r"none of (?:ours|theirs)": "not one of layercli's",
    r"as many as they be": "any number of",
    r"never none": "never empty",
}
"""What the old dialect said, and the better word."""

MODE = "the fill mode `mirror` of Keras's `affine_transform`"
EXCEPTIONS = {
    ("layercli/ops/image/affine.py", "mirrors?"): MODE,
    ("layercli/ops/image/warp.py", "mirrors?"): MODE,
    ("layercli/layers/preprocessing/random_affine.py", "mirrors?"): MODE,
}
"""Files that may use a word, and why."""


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of what people read: of code the strings and comments, of other files every line."""
    source = path.read_text()
    if path.suffix != ".py":
        yield from enumerate(source.splitlines(), 1)
        return
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value
    if "#" in source:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def found(pattern: str, text: str) -> list[str]:
    """Return what of ``text`` is the word; names of code in backquotes are none."""
    return re.findall(rf"\b(?:{pattern})\b", without_code(text), re.IGNORECASE)


def without_code(text: str) -> str:
    return re.sub(r"``[^`]*``|`[^`]*`", "``", text)


ANY_OF_THEM = re.compile("|".join(rf"\b(?:{pattern})\b" for pattern in BETTER), re.IGNORECASE)


def may_hold_one(path: Path) -> bool:
    """Whether a word stands anywhere in a file, strings in several parts joined: most hold none, and are not parsed."""
    return ANY_OF_THEM.search(re.sub(r"""["']\s*\n\s*[rbf]*["']""", "", path.read_text())) is not None


def test_the_old_dialect_stays_out():
    hits = []
    for path in filter(may_hold_one, (*CODE, *PROSE)):
        name = str(path.relative_to(ROOT))
        for line, text in texts(path):
            if not ANY_OF_THEM.search(text):
                continue
            for pattern, better in BETTER.items():
                if (name, pattern) not in EXCEPTIONS:
                    hits += [f"{name}:{line}: {word}; better: {better}" for word in found(pattern, text)]
    assert not hits, "\n".join(hits)


def test_the_words_are_found():
    assert found("mirrors?", "the mirror of a layer") == ["mirror"]
    assert found("told|heard", "is told the ``heard`` bytes") == ["told"]
    assert found("laws", "lawsuit") == []


PERSONIFIED = re.compile(r"\b_?(?:told|untold|heard?|hears|hearing|said)\b")
"""Names that treat code as a person: ``observe``, ``record``, ``notify`` and ``text`` are clear."""


def test_names_do_not_personify():
    for path in CODE:
        for node in ast.walk(parsed(path)) if PERSONIFIED.search(path.read_text()) else ():
            name = getattr(node, "id", None) or getattr(node, "arg", None) or getattr(node, "name", None)
            assert not (isinstance(name, str) and PERSONIFIED.fullmatch(name)), f"{path}: {name}"


def test_exceptions_are_needed():
    for name, pattern in EXCEPTIONS:
        assert any(found(pattern, text) for _, text in texts(ROOT / name)), name


KERAS_TWICE = {"Identity": ["layercli/initializers/constant_initializers.py", "layercli/layers/core/identity.py"]}
"""Names that Keras itself gives to two classes: ``keras.initializers.Identity`` and ``keras.layers.Identity``.

A loss and a metric may share a name too, as in Keras: the package distinguishes them.
"""


def test_class_names_are_unique():
    places = defaultdict(list)
    for path in CODE:
        if path.is_relative_to(ROOT / "layercli") or path.is_relative_to(ROOT / "models"):
            for name in re.findall(r"^ *class (\w+)", path.read_text(), re.MULTILINE):
                places[name].append(path)
    twice = {}
    for name, files in places.items():
        if len(files) > 1 and len(files := [path for path in files for _ in range(classes(path).count(name))]) > 1:
            twice[name] = sorted({str(path.relative_to(ROOT)) for path in files})
    pairs = {
        name
        for name, files in twice.items()
        if len(files) == 2 and {Path(file).parts[1] for file in files} == {"losses", "metrics"}
    }
    assert {name: files for name, files in twice.items() if name not in pairs} == KERAS_TWICE


def test_any_is_rare():
    """Fewer than 30 lines in 1,000 have an ``Any``, which switches the type checker off."""
    for folder in ("layercli", "models"):
        lines = [line for path in (ROOT / folder).rglob("*.py") for line in path.read_text().splitlines()]
        assert len([line for line in lines if re.search(r"\bAny\b", line)]) < 0.03 * len(lines)


@cache
def classes(path: Path) -> list[str]:
    """Return the names of the classes in a file, also those inside functions; a name in a docstring is none."""
    return [node.name for node in ast.walk(parsed(path)) if isinstance(node, ast.ClassDef)]
