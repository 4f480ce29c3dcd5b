"""Find all regular expressions of the project, and texts that may match slowly."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_parser: Any = importlib.import_module("re._parser")

ROOT = Path(__file__).resolve().parent.parent.parent
FUNCTIONS = {
    *("compile", "search", "match", "fullmatch", "split", "findall", "finditer"),
    *("sub", "subn"),
}
REPEATS = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}
MANY = 8
"""Repetitions with a smaller maximum are not tested."""

SUFFIXES = ("", "\x00", "!", "\n")


@dataclass(frozen=True)
class Expression:
    """A regular expression, its place, and the methods that the code calls on it."""

    place: str
    pattern: re.Pattern[Any]
    methods: tuple[str, ...]

    def run(self, text: Any) -> None:
        """Match ``text`` as the project does."""
        for method in self.methods:
            if method in {"sub", "subn"}:
                getattr(self.pattern, method)(text[:0], text)
            elif method == "finditer":
                list(self.pattern.finditer(text))
            else:
                getattr(self.pattern, method)(text)


def expressions() -> list[Expression]:
    """Return all regular expressions in the order of their files."""
    trees = {
        path: ast.parse(path.read_text())
        for folder in ("uploads", "config")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in path.parts
    }
    used = _methods_by_name(trees.values())
    return [
        found for path, tree in trees.items() for found in _in_module(path, tree, used)
    ]


def _in_module(
    path: Path, tree: ast.Module, used: dict[str, set[str]]
) -> Iterator[Expression]:
    module = importlib.import_module(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    )
    named = {
        id(node.value): node.targets[0].id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and _is_of_re(node.func)):
            continue
        place = f"{path.relative_to(ROOT)}:{node.lineno}"
        name = named.get(id(node), "")
        if isinstance(getattr(module, name, None), re.Pattern):
            methods = used.get(name) or {"search", "fullmatch"}
            yield Expression(place, getattr(module, name), tuple(sorted(methods)))
            continue
        assert isinstance(node.args[0], ast.Constant), (
            f"{place}: give this expression a name in its module, so that tests find it."
        )
        text: Any = node.args[0].value
        pattern = re.compile(text)  # flags do not change the growth
        method = node.func.attr  # type: ignore[attr-defined]
        yield Expression(place, pattern, ("search" if method == "compile" else method,))


def _is_of_re(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "re"
        and function.attr in FUNCTIONS
    )


def _methods_by_name(trees: Any) -> dict[str, set[str]]:
    """Return the methods that the code calls on each name, in all modules."""
    used: dict[str, set[str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or node.attr not in FUNCTIONS:
                continue
            owner = node.value
            name = getattr(owner, "attr", None) or getattr(owner, "id", None)
            if name is not None:
                used.setdefault(name, set()).add(node.attr)
    return used


def hostile_texts(pattern: re.Pattern[Any], length: int) -> list[Any]:
    """Return texts of about ``length`` characters that a bad expression matches slowly.

    Each text has a start that leads to a repetition, many copies of a text that the
    repetition matches, and an end that makes the match fail.
    """
    source = pattern.pattern
    is_bytes = isinstance(source, bytes)
    text = source.decode("latin-1") if is_bytes else source
    pumps = dict.fromkeys(_pumps(_parser.parse(text), ""))
    bodies = list(dict.fromkeys(pump for _, pump in pumps))
    pairs = [("", one + other) for one in bodies for other in bodies if one != other]
    whole = [("", before + pump) for before, pump in pumps if before]
    texts = [
        before + pump * (length // len(pump)) + suffix
        for before, pump in [*pumps, *whole, *pairs[:40]]
        for suffix in SUFFIXES
    ]
    return [text.encode("latin-1", "replace") if is_bytes else text for text in texts]


def _pumps(nodes: Any, before: str) -> Iterator[tuple[str, str]]:
    """Yield the text before each repetition, and texts that it repeats."""
    for operation, value in nodes:
        name = str(operation)
        if name in REPEATS:
            _, most, body = value
            if most >= MANY:
                yield from ((before, sample) for sample in _samples(body))
            yield from _pumps(body, before)
        elif name == "SUBPATTERN":
            yield from _pumps(value[-1], before)
        elif name == "BRANCH":
            for branch in value[1]:
                yield from _pumps(branch, before)
        elif name == "ATOMIC_GROUP":
            yield from _pumps(value, before)
        before += _sample([(operation, value)])


def _samples(body: Any) -> list[str]:
    """Return a few texts that ``body`` matches."""
    if len(body) == 1 and str(body[0][0]) == "IN":
        found = [_member(item) for item in body[0][1]]
        negated = any(str(item[0]) == "NEGATE" for item in body[0][1])
        return ["a", "/", "<"] if negated else [one for one in found if one]
    return [text for text in (_sample(body),) if text]


def _sample(nodes: Any) -> str:
    """Return a short text that ``nodes`` match, approximately."""
    return "".join(_sample_of(str(operation), value) for operation, value in nodes)


def _sample_of(name: str, value: Any) -> str:
    if name == "LITERAL":
        return chr(value)
    if name in REPEATS:
        return _sample(value[2]) * max(1, min(int(value[0]), 50))
    if name == "SUBPATTERN":
        return _sample(value[-1])
    if name == "BRANCH":
        return _sample(value[1][0])
    if name == "ATOMIC_GROUP":
        return _sample(value)
    if name == "IN":
        negated = any(str(item[0]) == "NEGATE" for item in value)
        return str("a" if negated else _member(value[0]))
    return "a" if name in {"ANY", "NOT_LITERAL"} else ""


def _member(item: Any) -> str:
    name, value = str(item[0]), item[1]
    if name == "LITERAL":
        return chr(value)
    if name == "RANGE":
        return chr(value[0])
    if name == "CATEGORY":
        signs = {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " "}
        return signs.get(str(value), "w")
    return ""
