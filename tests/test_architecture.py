"""The house in order: imports point downwards, rooms stay small."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "uploads"

# From the top floor down. A module may import from floors below its own, and
# from its own room (the package it lives in), never from a floor above.
FLOORS: tuple[frozenset[str], ...] = (
    frozenset({"urls", "apps"}),
    frozenset(
        {
            "api",
            "views",
            "templatetags",
            "token_pages",
            "accounts",
            "admin",
            "management",
        }
    ),
    frozenset({"forms", "checks", "metrics", "wording", "login_guard"}),
    frozenset({"upkeep"}),
    frozenset({"lifecycle"}),
    frozenset(
        {
            "transitions",
            "quota",
            "verification",
            "policy",
            "tokens",
            "rates",
            "witness",
            "second_factor",
        }
    ),
    frozenset({"trail"}),
    frozenset({"models", "s3", "inspection"}),
    frozenset({"filenames"}),
    frozenset({"conf", "errors", "outages", "sizes", "states", "addresses"}),
)
MAX_MODULE_LINES = 300
BANNED_NAMES = {"utils.py", "helpers.py", "common.py", "manager.py", "misc.py"}


def modules() -> list[Path]:
    found = [
        path
        for path in APP.rglob("*.py")
        if "migrations" not in path.parts and "__pycache__" not in path.parts
    ]
    assert len(found) > 30, "the walk found too little to prove anything"
    return sorted(found)


@cache
def imported(path: Path) -> frozenset[str]:
    """Return the dotted names that a module imports, wherever in its text."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
            names.add(str(node.module))
    return frozenset(names)


def room_of(path: Path) -> str:
    first = path.relative_to(APP).parts[0]
    return first.removesuffix(".py")


def floor_of(room: str) -> int | None:
    for number, rooms in enumerate(FLOORS):
        if room in rooms:
            return number
    return None


def test_imports_point_downwards() -> None:
    assert [fault for path in modules() for fault in faults_of_imports(path)] == []


def faults_of_imports(path: Path) -> Iterator[str]:
    room = room_of(path)
    if room in {"__init__", "dev"}:
        return
    floor = floor_of(room)
    if floor is None:
        yield f"{room} has no floor: give it one in FLOORS"
        return
    for name in sorted(imported(path)):
        parts = name.split(".")
        if parts[0] != "uploads" or len(parts) < 2 or parts[1] == room:
            continue
        below = floor_of(parts[1])
        if below is None:
            yield f"{path} imports {name}, which has no floor"
        elif below <= floor:
            yield f"{path} imports {name}, which is not below it"


def test_no_step_imports_another() -> None:
    steps = {"transitions", "quota", "verification"}

    for step in steps:
        rooms = {
            name.split(".")[1] for name in imported(APP / f"{step}.py") if "." in name
        }
        assert not rooms & (steps - {step})


def test_only_the_s3_room_knows_boto3() -> None:
    knowing = {
        room_of(path)
        for path in modules()
        if any(name.split(".")[0] in {"boto3", "botocore"} for name in imported(path))
    }

    assert knowing <= {"s3", "dev"}
    assert "s3" in knowing


def test_the_s3_room_knows_no_rows() -> None:
    for path in (APP / "s3").glob("*.py"):
        rooms = {
            name.split(".")[1] for name in imported(path) if name.startswith("uploads.")
        }
        assert rooms <= {"s3", "conf", "errors", "states", "filenames"}, path


def test_production_never_imports_the_development_room() -> None:
    allowed = {"management"}  # the command behind `make run`, and nothing else
    for path in modules():
        if room_of(path) in allowed | {"dev"}:
            continue
        assert not any(name.startswith("uploads.dev") for name in imported(path)), path
    for path in (ROOT / "config").glob("*.py"):
        assert not any(name.startswith("uploads.dev") for name in imported(path)), path


def test_modules_stay_small() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in modules()}

    assert [path for path in lines if lines[path] > MAX_MODULE_LINES] == []
    assert [path for path in lines if path.name in BANNED_NAMES] == []


def test_only_put_js_talks_to_s3_and_only_api_js_knows_our_urls() -> None:
    engine = ROOT / "static" / "js" / "engine"
    sources = {path.name: path.read_text() for path in engine.glob("*.js")}
    assert {"api.js", "put.js", "upload.js"} <= sources.keys()

    knowing_urls = {name for name, text in sources.items() if "/uploads/" in text}
    touching_page = {
        name
        for name, text in sources.items()
        if re.search(r"\bdocument\.(?!visibilityState|\w+EventListener)", text)
    }

    sending = {name for name, text in sources.items() if ".setRequestHeader(" in text}

    assert knowing_urls <= {"api.js"}
    assert sending == {"put.js"}
    assert touching_page == set()
