"""Write the settings that the site wants for its bucket into docs/bucket.md."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from uploads.s3.wanted import documents, policy
from uploads.s3.wanted.access import Feature, Identity, iam_policy
from uploads.s3.wanted.site_facts import SiteFacts
from uploads.s3.wanted.steps import steps

PAGE = Path(__file__).resolve().parent.parent / "docs" / "bucket.md"
EXAMPLE = SiteFacts(bucket="my-bucket", origins=("https://files.example.com",))
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:my-queue"

_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def blocks() -> dict[str, Any]:
    """Return the JSON documents for the marked blocks of the page, by block name."""
    with_queue = replace(EXAMPLE, queue_arn=QUEUE)
    policies = {
        identity.value: iam_policy(identity, EXAMPLE, [Feature.UPLOADS])
        for identity in Identity
    }
    return {
        **policies,
        **{
            name: _merged(name)
            for name in ("cors", "encryption", "lifecycle", "policy")
        },
        "queue": {
            "notification": documents.notification(with_queue),
            "queue policy": policy.queue_accepts(with_queue),
        },
    }


def _merged(name: str) -> Any:
    document: Any = None
    for step in steps(EXAMPLE):
        if step.document == name:
            document = step.merge(document)
    return document


def page(text: str) -> str:
    """Return ``text`` with new content in each marked block."""
    found = blocks()

    def fill(match: re.Match[str]) -> str:
        return f"{match[1]}```json\n{_compact(found[match[2]])}\n```\n{match[3]}"

    return _BLOCK.sub(fill, text)


def _compact(document: Any) -> str:
    """Return JSON that has each list of numbers and strings on one line."""
    text = json.dumps(document, indent=2)
    plain = re.compile(r"\[\s+((?:\"[^\"]*\"|\d+)(?:,\s+(?:\"[^\"]*\"|\d+))*)\s+\]")
    return plain.sub(lambda match: f"[{' '.join(match[1].split())}]", text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
