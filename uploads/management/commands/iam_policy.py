"""Print the IAM policies of the site's identities."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from uploads.s3.bucket_config import facts_of_settings
from uploads.s3.wanted.access import Identity, features_of, iam_policy


class Command(BaseCommand):
    help = (
        "Print the IAM policies for the three identities of the site. The signer signs "
        "upload URLs, the worker makes the calls of the running site, and setup "
        "configures the bucket. Each policy allows only the calls of its identity."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "identity", nargs="?", choices=[each.value for each in Identity]
        )
        parser.add_argument(
            "--versioned", action="store_true", help="for a bucket with versioning"
        )
        parser.add_argument(
            "--kms-key", default="", help="ARN of the KMS key that encrypts the objects"
        )
        parser.add_argument(
            "--queue-arn", default="", help="ARN of the SQS queue for notifications"
        )
        parser.add_argument(
            "--json",
            action="store_true",
            help="print all policies as one JSON document",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        facts = replace(
            facts_of_settings(),
            kms_key=options["kms_key"],
            queue_arn=options["queue_arn"],
        )
        features = features_of(facts, is_versioned=options["versioned"])
        chosen = [Identity(options["identity"])] if options["identity"] else Identity
        policies = {each.value: iam_policy(each, facts, features) for each in chosen}
        if options["json"] or len(policies) == 1:
            only = next(iter(policies.values()))
            document = policies if options["json"] else only
            self.stdout.write(json.dumps(document, indent=2))
            return
        for name, policy in policies.items():
            self.stdout.write(f"# {name}\n{json.dumps(policy, indent=2)}\n")
