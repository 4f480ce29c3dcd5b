"""Run the Python examples of the documentation, and check the documented results."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.support.builders import begin, make_ready, put
from tests.support.inspectors import sample_of
from uploads import lifecycle
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State

DOCS = Path(__file__).resolve().parents[2] / "docs"


def example(page: str, name: str) -> Any:
    """Run the only example of ``page`` that defines ``name``, and return ``name``."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    [block] = [text for text in blocks if re.search(rf"(class|def) {name}\b", text)]
    names: dict[str, Any] = {}
    exec(block, names)  # noqa: S102  our own document
    return names[name]


def test_docs_have_no_python_block_without_a_test() -> None:
    blocks = {
        page.name: page.read_text().count("```python") for page in DOCS.rglob("*.md")
    }

    assert {page: count for page, count in blocks.items() if count} == {
        "inspection.md": 2,
        "reading-files.md": 1,
    }


def test_example_of_an_inspector_refuses_macros() -> None:
    inspector = example("inspection.md", "NoMacros")()

    sample = sample_of(b"... vbaProject.bin ...", filename="a.docm")
    assert inspector.wants(sample)
    assert not inspector.inspect(sample).accepted
    assert inspector.inspect(sample_of(b"...")).accepted


@pytest.mark.django_db
def test_example_counts_the_rows_of_a_stored_file(alice: User, bucket: Bucket) -> None:
    count_rows = example("reading-files.md", "count_rows")
    upload = make_ready(bucket, alice, b'name,age\nada,"3\n6"\nalan,41\n')

    assert count_rows(upload) == 3


@pytest.fixture
def template(
    alice: User, bucket: Bucket, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Upload:
    """Store a CSV file. All later CSV files must have its columns."""
    template = make_ready(bucket, alice, b"name,age\nada,36\n")
    module = ModuleType("yours")
    vars(module)["SameColumns"] = example("inspection.md", "SameColumns")
    monkeypatch.setitem(sys.modules, "yours", module)
    settings.INSPECTORS = [
        {"NAME": "yours.SameColumns", "OPTIONS": {"template": str(template.pk)}}
    ]
    return template


def send(alice: User, bucket: Bucket, content: bytes, filename: str) -> Upload:
    upload = begin(alice, content, filename=filename, content_type="text/csv")
    put(bucket, upload, content)
    return lifecycle.advance(upload)


@pytest.mark.django_db
def test_example_of_an_inspector_compares_with_a_stored_file(
    alice: User, bucket: Bucket, template: Upload
) -> None:
    same = send(alice, bucket, b"name,age\nalan,41\n", "same.csv")
    other = send(alice, bucket, b"age;name\n41;alan\n", "other.CSV")
    text = send(alice, bucket, b"anything", "notes.txt")

    assert (same.state, text.state) == (State.READY, State.READY)
    assert other.state == State.REJECTED
    assert other.rejected_reason == "The first line must be: name,age"


@pytest.mark.django_db
def test_csv_files_wait_if_the_template_of_the_example_is_missing(
    alice: User, bucket: Bucket, template: Upload
) -> None:
    lifecycle.remove(template, actor=alice)

    waiting = send(alice, bucket, b"name,age\n", "a.csv")

    assert waiting.state == State.INSPECTING
    assert "InvalidState" in waiting.waiting_reason
