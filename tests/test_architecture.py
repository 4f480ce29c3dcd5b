"""Imports point downwards, packages match the documentation, and modules are small."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "uploads"
CONFIG = ROOT / "config"
ARCHITECTURE_PAGE = ROOT / "docs" / "architecture.md"
TOP_LEVEL_MODULES = {
    "__init__",
    "apps",
    "checks",
    "conf",
    "errors",
    "forms",
    "outages",
    "states",
    "urls",
}
"""The only modules at the top level of the app. All other modules are in packages."""
MAX_MODULE_LINES = 300
MAX_TEST_LINES = 500
BANNED_NAMES = {"utils.py", "helpers.py", "common.py", "manager.py", "misc.py"}


def modules() -> list[Path]:
    found = [
        path
        for folder in (APP, CONFIG)
        for path in folder.rglob("*.py")
        if not {"migrations", "__pycache__"} & set(path.parts)
    ]
    assert len(found) > 30, "The test has found too few modules."
    return sorted(found)


@cache
def layers() -> tuple[frozenset[str], ...]:
    """Return the lines of the diagram in docs/architecture.md, from top to bottom."""
    section = ARCHITECTURE_PAGE.read_text().split("## The packages", 1)[1]
    lines = section.split("```")[1].strip().splitlines()
    assert len(lines) > 5, "docs/architecture.md has no diagram of the packages."
    return tuple(frozenset(line.split()) for line in lines)


@cache
def imported(path: Path) -> frozenset[str]:
    """Return the dotted names of all imports in a module, also inside of functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
            names.add(str(node.module))
    # The version belongs to no package.
    return frozenset(names - {"uploads", "uploads.__version__"})


def package_of(path: Path) -> str:
    if path.is_relative_to(CONFIG):
        return "config"
    return path.relative_to(APP).parts[0].removesuffix(".py")


def package_named(name: str) -> str | None:
    """Return the package of an imported name, or None for foreign code."""
    first, *rest = name.split(".")
    if first == "config":
        return first
    return rest[0] if first == "uploads" and rest else None


def layer_of(package: str) -> int | None:
    for number, packages in enumerate(layers()):
        if package in packages:
            return number
    return None


def test_imports_point_downwards() -> None:
    assert [fault for path in modules() for fault in wrong_imports(path)] == []


def wrong_imports(path: Path) -> Iterator[str]:
    package = package_of(path)
    if package in {"__init__", "dev"}:
        return
    layer = layer_of(package)
    if layer is None:
        yield f"{package} is not in the picture of docs/architecture.md"
        return
    for name in sorted(imported(path)):
        target = package_named(name)
        if target in {None, package}:
            continue
        assert target is not None
        below = layer_of(target)
        if below is None:
            yield f"{path} imports {name}, which is not in the picture"
        elif below <= layer:
            yield f"{path} imports {name}, which is not below it"


def test_diagram_has_only_existing_packages() -> None:
    named = {package for line in layers() for package in line} - {"config"}

    assert [
        name
        for name in sorted(named)
        if not (APP / name).is_dir() and not (APP / f"{name}.py").is_file()
    ] == []


def test_top_level_has_no_other_modules() -> None:
    assert {path.stem for path in APP.glob("*.py")} == TOP_LEVEL_MODULES


def test_unit_tests_mirror_the_packages() -> None:
    unit = ROOT / "tests" / "unit"
    packages = {path.name for path in APP.iterdir() if path.is_dir()} | {
        "config",
        "support",
    }

    folders = {path.name for path in unit.iterdir() if path.is_dir()}
    loose = {path.name for path in (ROOT / "tests").glob("test_*.py")}

    assert folders - packages - {"__pycache__"} == set()
    assert loose == {"test_architecture.py"}


def test_only_the_s3_package_imports_boto3() -> None:
    knowing = {
        package_of(path)
        for path in modules()
        if any(name.split(".")[0] in {"boto3", "botocore"} for name in imported(path))
    }

    assert knowing <= {"s3", "dev", "config"}  # config/serverless reads secrets
    assert "s3" in knowing


def test_s3_package_imports_no_models() -> None:
    for path in (APP / "s3").rglob("*.py"):
        packages = {
            name.split(".")[1] for name in imported(path) if name.startswith("uploads.")
        }
        assert packages <= {"s3", "text", "metrics", "conf", "errors", "states"}, path


def test_production_never_imports_the_dev_package() -> None:
    allowed = {"management"}  # only the command of `make run` may import the package
    for path in modules():
        if package_of(path) in allowed | {"dev"}:
            continue
        assert not any(name.startswith("uploads.dev") for name in imported(path)), path


def test_only_one_module_changes_the_state_of_an_upload() -> None:
    """Another module would forget the quota and the audit event of the change."""
    changing = {
        path.relative_to(ROOT)
        for path in modules()
        if any(map(changes_state, ast.walk(ast.parse(path.read_text()))))
    }

    assert changing == {Path("uploads/lifecycle/moving.py")}


def changes_state(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        return any(
            isinstance(target, ast.Attribute) and target.attr == "state"
            for target in node.targets
        )
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "update"
        and any(keyword.arg == "state" for keyword in node.keywords)
    )


def test_modules_have_at_most_300_lines() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in modules()}
    del lines[CONFIG / "settings.py"]  # Django reads all settings from one module

    assert [path for path in lines if lines[path] > MAX_MODULE_LINES] == []
    assert [path for path in lines if path.name in BANNED_NAMES] == []


def test_test_files_are_not_longer_than_the_limit() -> None:
    files = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "tests" / "js").rglob("*.js")]
    assert len(files) > 250, "The test has found too few files."

    lines = {path: len(path.read_text().splitlines()) for path in files}

    assert [path for path in files if lines[path] > MAX_TEST_LINES] == []


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
