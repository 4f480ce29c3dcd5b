"""Merges the recorded calls of all test processes, and compares them with the table.

python -m tests.recorded_calls            compare; exits with 1 if they differ
python -m tests.recorded_calls --write    write tests/recorded_calls.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.plugins.calls import Call, merged
from uploads.s3.wanted.access import CALLS, KMS_ACTIONS, Feature, Identity

SNAPSHOT = Path(__file__).with_suffix(".json")


def snapshot() -> set[Call]:
    """Return the calls of the last complete run."""
    return {
        (identity, feature, operation)
        for identity, features in json.loads(SNAPSHOT.read_text()).items()
        for feature, operations in features.items()
        for operation in operations
    }


def granted() -> set[Call]:
    """Return the calls for which the policies grant actions."""
    calls = {
        (identity.value, feature.value, operation)
        for (identity, feature), operations in CALLS.items()
        for operation in operations
    }
    return calls | {
        (identity.value, Feature.KMS.value, operation)
        for identity in (Identity.SIGNER, Identity.WORKER)
        for operation in CALLS[identity, Feature.UPLOADS] & KMS_ACTIONS.keys()
    }


def differences(recorded: set[Call]) -> list[str]:
    """Return a line for each call that is only recorded or only granted."""
    recorded = {call for call in recorded if not _needs_no_key(call)}
    missing = recorded - granted()
    unused = granted() - recorded
    return [
        *(f"{' '.join(call)}: called, and no action is granted" for call in missing),
        *(f"{' '.join(call)}: granted, and never called" for call in unused),
    ]


def _needs_no_key(call: Call) -> bool:
    """Return whether a call does not use objects that the KMS key encrypts."""
    _, feature, operation = call
    return feature == Feature.KMS and operation not in KMS_ACTIONS


def write(recorded: set[Call]) -> None:
    """Write the snapshot."""
    document: dict[str, dict[str, list[str]]] = {}
    for identity, feature, operation in sorted(recorded):
        document.setdefault(identity, {}).setdefault(feature, []).append(operation)
    SNAPSHOT.write_text(json.dumps(document, indent=2) + "\n")


def main() -> int:
    recorded = merged()
    if "--write" in sys.argv:
        write(recorded)
    found = differences(recorded)
    text = "\n".join(sorted(found)) or f"{len(recorded)} calls, each with its action."
    sys.stdout.write(f"{text}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
