"""Test the bucket and the site, print the findings, and say how to fix them."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from uploads.doctor.certificate import FAMILIES, certificate, markdown_row
from uploads.doctor.examination import Examination
from uploads.doctor.families import examine, names
from uploads.doctor.healing import heal
from uploads.doctor.memory import remember_examination, remember_promises
from uploads.doctor.results import Finding, Status, is_green
from uploads.errors import StorageError
from uploads.lifecycle.capabilities import place

COLOURS = {
    Status.OK: "SUCCESS",
    Status.NOTE: "HTTP_INFO",
    Status.SKIP: "HTTP_NOT_MODIFIED",
    Status.WARN: "WARNING",
    Status.FAIL: "ERROR",
}


class Command(BaseCommand):
    help = (
        "Test everything that an upload needs, with real requests to the bucket and "
        "the site. Exit status: 0 without problems, 1 with warnings, 2 with failures."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument(
            "--only",
            action="append",
            default=[],
            metavar="FAMILY",
            help=f"run only this family of tests: {', '.join(names())}; may be repeated",
        )
        parser.add_argument(
            "--skip",
            action="append",
            default=[],
            metavar="FAMILY",
            help="skip this family of tests; may be repeated",
        )
        parser.add_argument(
            "--origin", action="append", default=[], help="origin of the site's pages"
        )
        parser.add_argument(
            "--fix",
            action="store_true",
            help="change the bucket settings that cause problems, with the credentials "
            "of the setup identity",
        )
        parser.add_argument(
            "--profile",
            default="",
            help="profile in ~/.aws/config with the credentials of the setup identity",
        )
        parser.add_argument(
            "--certify",
            action="store_true",
            help="run only the tests of the S3 server, and print the results as a row "
            "of a Markdown table; with --json, print JSON",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        unknown = {*options["only"], *options["skip"]} - set(names())
        if unknown:
            raise CommandError(
                f"These families of tests do not exist: {', '.join(sorted(unknown))}. "
                f"The families are: {', '.join(names())}."
            )
        if options["certify"]:
            self._certify(options)
            return
        found = self._examine(options)
        tried: set[str] = set()
        # If the bucket is missing, the doctor can test the bucket's settings only after
        # --fix has created it. So repeat the examination until it finds no new faults.
        while options["fix"] and (new := _settings_to_heal(found) - tried):
            self._fix(new, options)
            tried |= new
            found = self._examine(options)
        if options["json"]:
            document = [finding.as_dict() for finding in found]
            self.stdout.write(json.dumps(document, indent=2))
        else:
            self._summarize(found)
        if not is_green(found):
            statuses = {finding.status for finding in found}
            sys.exit(2 if Status.FAIL in statuses else 1)

    def _examine(self, options: dict[str, Any]) -> list[Finding]:
        examination = Examination(tuple(options["origin"]), options["profile"])
        found = []
        for finding in examine(
            examination, only=options["only"], without=options["skip"]
        ):
            found.append(finding)
            if not options["json"]:
                self._tell(finding, depth=0)
        remember_promises(found)
        if not options["only"] and not options["skip"]:
            remember_examination(found, run_by="manage.py doctor")
        return found

    def _certify(self, options: dict[str, Any]) -> None:
        found = list(examine(Examination(tuple(options["origin"])), only=FAMILIES))
        remember_promises(found)
        document = certificate(found, place())
        if options["json"]:
            self.stdout.write(json.dumps(document, indent=2))
        else:
            self.stdout.write(markdown_row(document))

    def _fix(self, settings: set[str], options: dict[str, Any]) -> None:
        if not options["json"]:
            self.stdout.write(f"\nFixing: {', '.join(sorted(settings))}\n")
        try:
            for result in heal(settings, tuple(options["origin"]), options["profile"]):
                if not options["json"]:
                    self.stdout.write(f"  {result.outcome.value:8} {result.title}")
        except StorageError as error:
            raise CommandError(f"--fix: {error.detail}") from error

    def _tell(self, finding: Finding, depth: int) -> None:
        mark = getattr(self.style, COLOURS[finding.status])(finding.status.value)
        indent = "  " * depth
        space = " " * (4 - len(finding.status.value))
        # After a title of depth 0, print the name that --only and --skip accept.
        family = f" [{finding.name}]" if depth == 0 else ""
        if finding.is_unexpected:
            line = f"Expected: {finding.title}{family}. Found: {finding.fact}"
        else:
            fact = f": {finding.fact}" if finding.fact else ""
            line = f"{finding.title}{family}{fact}"
        self.stdout.write(f"{indent}{mark}{space} {line}")
        for text in (finding.consequence, finding.fix):
            if text:
                self.stdout.write(f"{indent}     {text}")
        for child in finding.children:
            self._tell(child, depth + 1)

    def _summarize(self, found: list[Finding]) -> None:
        leaves = [f for top in found for f in top.walk() if not f.children]
        counts = Counter(finding.status for finding in leaves)
        text = ", ".join(f"{counts[s]} {s.value}" for s in Status if counts[s])
        self.stdout.write(f"\n{text}")


def _settings_to_heal(found: list[Finding]) -> set[str]:
    return {
        name
        for top in found
        for finding in top.walk()
        if finding.own_status in {Status.WARN, Status.FAIL}
        for name in finding.heals
    }
