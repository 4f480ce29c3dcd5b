"""docs/bucket.md shows the settings that setup_bucket makes."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

from scripts import providers
from scripts.bucket_docs import EXAMPLE, PAGE, blocks, page
from uploads.s3.wanted import documents
from uploads.s3.wanted.access import Feature, Identity, iam_policy

ROOT = Path(__file__).resolve().parents[2]
TEXT = PAGE.read_text()


def test_bucket_page_is_up_to_date() -> None:
    assert page(TEXT) == TEXT, "docs/bucket.md is outdated. Run make bucket-docs."


def test_every_block_of_the_page_is_valid_json() -> None:
    found = dict(
        re.findall(r"<!-- generated: (\w+) -->\n```json\n(.*?)\n```", TEXT, re.DOTALL)
    )

    assert {name: json.loads(text) for name, text in found.items()} == blocks()


def test_every_lifecycle_rule_is_explained() -> None:
    names = {
        value
        for name, value in vars(documents).items()
        if name.endswith("_ID") and name not in {"CORS_ID", "NOTIFICATION_ID"}
    }

    assert len(names) == 5
    assert {name for name in names if f"| `{name}` |" not in TEXT} == set()


def test_policy_of_the_signer_permits_only_puts_below_the_prefix() -> None:
    assert iam_policy(Identity.SIGNER, EXAMPLE, [Feature.UPLOADS])["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["s3:PutObject"],
            "Resource": ["arn:aws:s3:::my-bucket/uploads/*"],
        }
    ]


def test_no_other_module_writes_settings_of_a_bucket() -> None:
    """The demo site, the tests and the commands all use uploads/s3/setting_verbs.py."""
    verbs = re.compile(r"^(put|delete)_(bucket_|public_access_block)")
    writers = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "uploads").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and verbs.match(node.attr)
    }

    assert writers == {"uploads/s3/setting_verbs.py"}


def test_page_of_providers_is_up_to_date() -> None:
    assert providers.page() == providers.PAGE.read_text(), (
        "docs/providers.md is outdated. Run make providers."
    )
    assert len(list(providers.FOLDER.glob("*.json"))) >= 4
