"""Applies the wanted settings to a bucket, one setting at a time.

Some servers accept a setting and then refuse every upload. So this module tests one
upload and one download after each change. If the test fails, the module restores the
previous value of the setting. Setup is the identity that configures the bucket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from enum import StrEnum

from uploads.s3.configuration import Configuration, ConfigurationError, Refusal
from uploads.s3.keys import new_probe_key
from uploads.s3.wanted.documents import Document
from uploads.s3.wanted.merging import Change, differences, same
from uploads.s3.wanted.site_facts import SiteFacts
from uploads.s3.wanted.steps import Step, steps

Probe = Callable[[], str]
"""A function that tests one upload and one download.

It returns an empty text if both succeed, and S3's answer otherwise.
"""


class Outcome(StrEnum):
    """Lists the possible outcomes for one setting.

    PLANNED means that --apply would change the setting. SKIPPED means that this
    provider or this site cannot have the setting. WARNED is like SKIPPED, but the
    reason is a risk that the operator should remove.
    """

    SAME = "same"
    PLANNED = "planned"
    CHANGED = "changed"
    SKIPPED = "skipped"
    WARNED = "warned"
    FAILED = "failed"


@dataclass(frozen=True)
class Result:
    """Contains the result for one setting, for the operator.

    ``reason`` explains the outcome, and ``fix`` says how to correct it.
    """

    name: str
    title: str
    outcome: Outcome
    reason: str = ""
    fix: str = ""
    changes: tuple[Change, ...] = ()


def set_up(
    configuration: Configuration,
    facts: SiteFacts,
    probe: Probe,
    *,
    apply: bool,
    only: Set[str] | None = None,
) -> Iterator[Result]:
    """Apply the wanted settings, and yield a result for each setting.

    Without ``apply``, changes nothing and yields the planned changes. With ``only``,
    applies only the settings with these names.

    Creates the bucket if it is missing. If uploads or downloads fail before the first
    change, this function changes no setting. Otherwise the later tests could not show
    which setting makes uploads fail.
    """
    try:
        made = _bucket(configuration, facts, apply=apply)
        yield made
        if made.outcome in {Outcome.FAILED, Outcome.PLANNED}:
            return
        is_versioned = configuration.is_versioned()
    except ConfigurationError as error:
        yield _failed(_BUCKET, error.refusal)
        return
    if apply and (answer := probe()):
        yield Result(
            "probe",
            "An upload and a download",
            Outcome.FAILED,
            f"A test upload or download failed, so no setting was changed. {answer}",
            "Check S3_REGION, S3_ACCESS_KEY_ID and S3_SIGNER_ACCESS_KEY_ID. Check that "
            "the identities have the policies that manage.py iam_policy prints.",
        )
        return
    for step in steps(facts, is_versioned=is_versioned):
        if only is None or step.name in only:
            yield _Setting(step, configuration, probe, facts.key_prefix).result(
                apply=apply
            )


_BUCKET = Step("bucket", "The bucket", "", merge=lambda found: found or {})


def _bucket(configuration: Configuration, facts: SiteFacts, *, apply: bool) -> Result:
    if configuration.exists():
        return Result("bucket", _BUCKET.title, Outcome.SAME)
    change = Change("bucket", "", facts.bucket)
    if not apply:
        reason = (
            "The bucket does not exist, so its settings cannot be compared. With "
            "--apply, this command creates the bucket."
        )
        return Result(
            "bucket", _BUCKET.title, Outcome.PLANNED, reason, changes=(change,)
        )
    configuration.create()
    return Result("bucket", _BUCKET.title, Outcome.CHANGED, changes=(change,))


class _Setting:
    """Applies one setting, and undoes it if uploads or downloads then fail."""

    def __init__(
        self, step: Step, configuration: Configuration, probe: Probe, key_prefix: str
    ) -> None:
        self.key_prefix = key_prefix
        self.step = step
        self.configuration = configuration
        self.probe = probe

    def result(self, *, apply: bool) -> Result:
        if self.step.left_out:
            outcome = Outcome.WARNED if self.step.is_risk else Outcome.SKIPPED
            fix = "Use https:// URLs for S3." if self.step.is_risk else ""
            return self._result(outcome, self.step.left_out, fix)
        try:
            found = self.configuration.read(self.step.document)
        except ConfigurationError as error:
            return self._unread(error.refusal)
        wanted = self.step.merge(found)
        changes = tuple(differences(found or {}, wanted))
        if not changes:
            return self._result(Outcome.SAME)
        if not apply:
            return self._result(Outcome.PLANNED, changes=changes)
        try:
            return self._apply(found, wanted, changes)
        except ConfigurationError as error:
            return self._unwritten(error.refusal, found)

    def _apply(
        self, found: Document | None, wanted: Document, changes: tuple[Change, ...]
    ) -> Result:
        if self.step.trial is not None:
            key = new_probe_key(self.key_prefix, "setup")
            before = self.configuration.use_object(key)
            self.configuration.write(self.step.document, self.step.trial(found))
            # The policy must also permit the calls of setup.
            own = "" if before else self.configuration.use_object(key)
            if answer := self.probe() or own:
                return self._taken_back(found, answer)
        self.configuration.write(self.step.document, wanted)
        if answer := self.probe():
            return self._taken_back(found, answer)
        kept = self.configuration.read(self.step.document)
        if same(kept, found):
            return self._result(
                Outcome.SKIPPED,
                "The provider accepts this setting but does not store it.",
            )
        dropped = differences(wanted, kept or {})
        names = ", ".join(change.path for change in dropped)
        reason = (
            f"The provider did not store the requested values of {names}."
            if dropped
            else ""
        )
        return self._result(Outcome.CHANGED, reason, changes=changes)

    def _taken_back(self, found: Document | None, answer: str) -> Result:
        failed = (
            f"A test upload or download failed with this setting ({answer.rstrip('.')})"
        )
        if left := self._restore(found):
            return self._result(
                Outcome.FAILED,
                f"{failed}, and setup_bucket could not undo the setting "
                f"({left.rstrip('.')}).",
                f"Restore the earlier value of the bucket's {self.step.document} by hand.",
            )
        return self._result(
            Outcome.SKIPPED, f"{failed}, so setup_bucket has undone the setting."
        )

    def _restore(self, found: Document | None) -> str:
        """Restore the document. Return the error, or an empty text on success."""
        try:
            if found is None:
                self.configuration.remove(self.step.document)
            else:
                self.configuration.write(self.step.document, found)
        except ConfigurationError as error:
            return str(error)
        return ""

    def _unread(self, refusal: Refusal) -> Result:
        if refusal.is_unknown_setting:
            return self._result(
                Outcome.SKIPPED,
                f"The provider does not support this setting: {refusal}",
            )
        return _failed(self.step, refusal)

    def _unwritten(self, refusal: Refusal, found: Document | None) -> Result:
        # The bucket may have a new document in spite of the error. There are two
        # possible causes. The error occurred after the write of the trial, or S3 has
        # stored the document and only its answer was lost.
        if left := self._changed_back(found):
            return self._result(
                Outcome.FAILED,
                f"{refusal}. setup_bucket could not undo the setting: {left}",
            )
        if refusal.is_unwritable_setting:
            return self._result(
                Outcome.SKIPPED, f"The provider refuses this setting: {refusal}"
            )
        return _failed(self.step, refusal)

    def _changed_back(self, found: Document | None) -> str:
        try:
            if same(self.configuration.read(self.step.document), found):
                return ""
        except ConfigurationError as error:
            return str(error)
        return self._restore(found)

    def _result(
        self,
        outcome: Outcome,
        reason: str = "",
        fix: str = "",
        changes: tuple[Change, ...] = (),
    ) -> Result:
        return Result(self.step.name, self.step.title, outcome, reason, fix, changes)


def _failed(step: Step, refusal: Refusal) -> Result:
    return Result(step.name, step.title, Outcome.FAILED, str(refusal), advice(refusal))


_ADVICE = {
    "AuthorizationHeaderMalformed": "Set S3_REGION to the region in S3's answer.",
    "EndpointConnectionError": "Check S3_ENDPOINT_URL. Check that DNS knows the host in "
    "this URL.",
    "ConnectTimeoutError": "Check S3_ENDPOINT_URL and the firewall.",
    "ExpiredToken": "The credentials of the setup identity have expired. Get new "
    "credentials.",
    "ExpiredTokenException": "The credentials of the setup identity have expired. Get "
    "new credentials.",
    "IllegalLocationConstraintException": "Set S3_REGION to the bucket's region.",
    "InvalidAccessKeyId": "The provider does not know the access key of the setup "
    "identity. Correct the access key.",
    "InvalidBucketName": "Correct S3_BUCKET.",
    "InvalidRegionError": "Correct S3_REGION.",
    "NoCredentialsError": "Give the command the credentials of the setup identity: with "
    "--profile, AWS_PROFILE, or a role.",
    "ParamValidationError": "Correct S3_BUCKET or the option that the error names.",
    "ProfileNotFound": "Pass --profile with the name of a profile in ~/.aws/config.",
    "RequestTimeTooSkewed": "Set this machine's clock (NTP).",
    "SignatureDoesNotMatch": "Check the secret key of the setup identity. Check that "
    "no proxy changes the Host header.",
    "SSLError": "Give the S3 server a certificate that this machine trusts.",
}


def advice(refusal: Refusal) -> str:
    """Return what the operator should do about a refusal, or an empty text."""
    if refusal.is_denied:
        return (
            f"Allow the setup identity to call {refusal.operation}. "
            "manage.py iam_policy setup prints the policy that this identity needs."
        )
    return _ADVICE.get(refusal.code, "")
