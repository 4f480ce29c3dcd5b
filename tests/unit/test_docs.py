"""The documents agree with the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from config.variables import KNOWN, OF_MAKE, OPTIONS
from scripts.bucket_docs import blocks
from uploads import errors
from uploads.conf import Options
from uploads.states import State

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()
ALL_TEXT = "\n".join(
    path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
)


def test_every_variable_in_the_settings_is_documented() -> None:
    source = (ROOT / "config" / "settings.py").read_text()
    read = set(re.findall(r'(?:env\.\w+|words)\(\s*"([A-Z0-9_]+)"', source))

    read |= KNOWN - OF_MAKE
    assert len(read) > 30
    assert sorted(name for name in read if f"`{name}`" not in SETTINGS) == []


def test_every_documented_variable_exists() -> None:
    source = "".join(path.read_text() for path in (ROOT / "config").glob("*.py"))
    named = set(re.findall(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+)`", SETTINGS))

    named -= OPTIONS.keys()
    assert sorted(name for name in named if f'"{name}"' not in source) == []


def test_every_option_can_be_set() -> None:
    prefixed = {f"`UPLOADS_{field.name.upper()}`" for field in fields(Options)}

    missing = {name for name in prefixed if name not in SETTINGS}

    assert missing == {"`UPLOADS_KEY_PREFIX`"}  # S3_KEY_PREFIX sets this option


def test_every_state_and_error_code_is_documented() -> None:
    def codes(root: type[errors.UploadError]) -> set[str]:
        return {root.code}.union(*(codes(child) for child in root.__subclasses__()))

    for word in {*State.values, *codes(errors.UploadError)} - {"error"}:
        assert f"`{word}`" in API, word


def test_every_command_is_documented() -> None:
    commands = (ROOT / "uploads" / "management" / "commands").glob("[a-z]*.py")

    assert sorted(path.stem for path in commands if path.stem not in ALL_TEXT) == []


def test_links_between_documents_have_a_target() -> None:
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_documented_bucket_policy_refuses_urls_older_than_the_lifetime() -> None:
    statements = {
        one["Sid"]: one["Condition"] for one in blocks()["policy"]["Statement"]
    }

    age = statements["SlipwayShortUrlsOnly"]["NumericGreaterThan"]["s3:signatureAge"]
    assert int(age) == Options().url_expiry_seconds * 1000
    assert statements["SlipwayTlsOnly"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_every_link_and_anchor_of_the_docs_has_a_target() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages()
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text())
        if "://" not in link and not has_target(page, link)
    ]

    assert broken == []


def pages() -> list[Path]:
    """Return all Markdown files of the project."""
    foreign = ("node_modules", ".venv", "var")
    found = [
        path
        for path in ROOT.rglob("*.md")
        if not any(p.startswith(foreign) for p in path.relative_to(ROOT).parts)
    ]
    assert len(found) > 8
    return found


def has_target(page: Path, link: str) -> bool:
    target, _, anchor = link.partition("#")
    path = (page.parent / target).resolve() if target else page
    return path.exists() and (not anchor or anchor in anchors(path))


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub creates for a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


def test_files_named_on_the_security_page_exist() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    named = set(re.findall(r"`([\w/]+(?:\.py|/))`", text))
    assert len(named) > 80

    places = (ROOT, ROOT / "uploads", ROOT / "tests")
    missing = [
        path for path in named if not any((place / path).exists() for place in places)
    ]
    assert missing == []


def test_lines_of_tables_have_at_most_250_characters() -> None:
    long = [
        f"{page.name}: {line[:60]}"
        for page in pages()
        for line in page.read_text().splitlines()
        if line.startswith("|") and len(line) > 250
    ]
    assert long == []


def test_list_of_documents_has_every_page() -> None:
    listed = (ROOT / "docs" / "README.md").read_text()
    pages = sorted((ROOT / "docs").glob("*.md")) + sorted(
        (ROOT / "docs" / "tutorials").glob("*.md")
    )

    missing = [
        page.name
        for page in pages
        if page.name != "README.md"
        and f"({page.relative_to(ROOT / 'docs')})" not in listed
    ]

    assert missing == []


def test_each_page_says_for_whom_it_is() -> None:
    pages = [
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md")),
        *(ROOT / name / "README.md" for name in ("infra", "static/js")),
    ]
    assert len(pages) > 20

    beginnings = {page: page.read_text().split("\n\n")[1] for page in pages}

    assert [page for page, text in beginnings.items() if text[:4] != "For "] == []


def test_every_file_that_the_architecture_page_names_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = {
        path
        for word in re.findall(r"`([\w/.{},]+(?:\.py|\.js|/))`", text)
        for path in expand_braces(word)
    }
    assert len(named) > 60

    places = [ROOT, ROOT / "uploads", ROOT / "uploads/lifecycle", ROOT / "static/js"]
    places += [ROOT / "static/js" / name for name in ("engine", "page")]
    # In the table of packages, some modules have no package before their names.
    places += [ROOT / "uploads" / name for name in ("api", "trail")]
    missing = [path for path in named if not any((at / path).exists() for at in places)]
    assert missing == []


def expand_braces(word: str) -> list[str]:
    """Return the paths that ``word`` names, as the shell expands its braces."""
    found = re.fullmatch(r"(.*)\{(.*)\}(.*)", word)
    if found is None:
        return [word]
    return [f"{found[1]}{choice}{found[3]}" for choice in found[2].split(",")]
