"""Compare the bucket's settings with the wanted settings, and change them."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from uploads.doctor.memory import remember
from uploads.errors import StorageError
from uploads.s3.bucket_config import (
    facts_of_settings,
    set_up_site,
    setup_bucket,
    setup_queue,
)
from uploads.s3.setting_up import Outcome, Result
from uploads.s3.wanted.merging import Change
from uploads.s3.wanted.site_facts import Network, SiteFacts


class Command(BaseCommand):
    help = (
        "Compare the bucket's settings with the settings that the site needs. The "
        "command changes settings only with --apply. It uses the credentials of setup, "
        "the identity that may configure the bucket. --profile names the profile with "
        "these credentials. Without --profile, boto3 searches for credentials, for "
        "example in the environment. Exits with 1 if a setting cannot be read or "
        "changed, or if a test upload or download fails."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--apply", action="store_true", help="change the settings that differ"
        )
        parser.add_argument(
            "--json", action="store_true", help="print the results as JSON"
        )
        parser.add_argument(
            "--profile",
            default="",
            help="profile in ~/.aws/config with the credentials of the setup identity",
        )
        parser.add_argument(
            "--origin",
            action="append",
            default=[],
            help="origin of the site's pages, such as https://files.example.com; may "
            "be repeated (default: from CSRF_TRUSTED_ORIGINS or ALLOWED_HOSTS)",
        )
        parser.add_argument(
            "--kms-key",
            default="",
            help="ARN of the KMS key that encrypts new objects (default: SSE-S3)",
        )
        parser.add_argument(
            "--queue-arn",
            default="",
            help="ARN of the SQS queue for notifications (default: the queue of "
            "S3_NOTIFICATIONS_QUEUE_URL)",
        )
        parser.add_argument(
            "--organisation",
            default="",
            help="refuse identities outside of this AWS organisation, such as "
            "o-a1b2c3d4e5",
        )
        parser.add_argument(
            "--source-ip",
            action="append",
            default=[],
            help="network from which the identities worker and setup may call S3, such "
            "as 203.0.113.0/24; may be repeated",
        )
        parser.add_argument(
            "--vpc-endpoint",
            action="append",
            default=[],
            help="VPC endpoint through which the identities worker and setup may call "
            "S3; may be repeated",
        )
        parser.add_argument(
            "--principal",
            action="append",
            default=[],
            help="ARN of an identity that --source-ip and --vpc-endpoint restrict; "
            "pass this option twice: for the worker identity and for the setup identity",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            facts = _facts(options)
            queue = setup_queue(options["profile"])
            if queue is not None and not facts.queue_arn:
                facts = replace(facts, queue_arn=queue.arn())
            results = set_up_site(
                facts,
                setup_bucket(options["profile"]),
                apply=options["apply"],
                queue=queue,
            )
            if options["json"]:
                found = list(results)
                self.stdout.write(_as_json(facts, found))
            else:
                found = self._tell(facts, results)
        except StorageError as error:
            raise CommandError(error.detail, returncode=1) from error
        if options["apply"]:
            self._remember(found)
        if any(result.outcome == Outcome.FAILED for result in found):
            sys.exit(1)

    def _remember(self, found: list[Result]) -> None:
        """Store, for the doctor, the settings that the provider does not support."""
        try:
            remember(found)
        except Error as error:
            self.stderr.write(
                f"setup_bucket could not store its results in the database: {error}"
            )

    def _tell(self, facts: SiteFacts, results: Iterable[Result]) -> list[Result]:
        where = settings.S3_ENDPOINT_URL or f"AWS, {settings.S3_REGION}"
        self.stdout.write(f"Bucket {facts.bucket} at {where}\n\n")
        found = []
        for result in results:
            found.append(result)
            self._tell_one(result)
        counts = Counter(result.outcome for result in found)
        summary = ", ".join(f"{counts[o]} {o.value}" for o in Outcome if counts[o])
        self.stdout.write(f"\n{summary}")
        if counts[Outcome.PLANNED]:
            self.stdout.write(
                "Nothing was changed. To make these changes, run the command again "
                "with --apply."
            )
        return found

    def _tell_one(self, result: Result) -> None:
        self.stdout.write(f"{result.outcome.value:8} {result.title}")
        for change in result.changes:
            self.stdout.write(_as_lines(change))
        for text in (result.reason, result.fix):
            if text:
                self.stdout.write(f"{'':11}{text}")


def _facts(options: dict[str, Any]) -> SiteFacts:
    try:
        facts = facts_of_settings(options["origin"])
    except ValueError as error:
        where = "--origin" if options["origin"] else "CSRF_TRUSTED_ORIGINS"
        raise CommandError(f"{where}: {error}") from error
    if not facts.origins:
        raise CommandError(
            "The settings contain no origin of the site. Either set "
            "CSRF_TRUSTED_ORIGINS, or pass --origin https://files.example.com."
        )
    return replace(
        facts,
        kms_key=options["kms_key"],
        queue_arn=options["queue_arn"],
        organisation=options["organisation"],
        network=_network(options),
    )


def _network(options: dict[str, Any]) -> Network:
    network = Network(
        tuple(options["source_ip"]),
        tuple(options["vpc_endpoint"]),
        tuple(options["principal"]),
    )
    if not network:
        return network
    if not network.principals:
        raise CommandError(
            "--source-ip and --vpc-endpoint need --principal. Pass --principal twice: "
            "with the ARN of the worker identity and with the ARN of the setup "
            "identity. Do not pass the ARN of the signer identity, because browsers in "
            "any network use its presigned URLs."
        )
    if "uploads_signer" not in settings.STORAGES:
        raise CommandError(
            "--source-ip and --vpc-endpoint need a separate signer identity, because "
            "otherwise browsers upload as the worker identity. Set "
            "S3_SIGNER_ACCESS_KEY_ID and S3_SIGNER_SECRET_ACCESS_KEY."
        )
    return network


def _as_lines(change: Change) -> str:
    lines = []
    if change.before:
        lines.append(f"{'':11}- {change.path}: {change.before}")
    if change.after:
        lines.append(f"{'':11}+ {change.path}: {change.after}")
    return "\n".join(lines)


def _as_json(facts: SiteFacts, results: list[Result]) -> str:
    document = {
        "bucket": facts.bucket,
        "changed": any(result.outcome == Outcome.CHANGED for result in results),
        "results": [asdict(result) for result in results],
    }
    return json.dumps(document, indent=2)
