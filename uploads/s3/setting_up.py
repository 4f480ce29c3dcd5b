"""Applies the wanted settings to a bucket, one setting at a time.

After each setting, one upload and one download are tested, because a server may
accept a setting and then refuse every upload. Such a setting is undone.
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
"""Returns an empty text if the site can upload and download, else S3's answer."""


class Outcome(StrEnum):
    """The result for one setting."""

    SAME = "same"
    PLANNED = "planned"
    CHANGED = "changed"
    SKIPPED = "skipped"
    WARNED = "warned"
    FAILED = "failed"


@dataclass(frozen=True)
class Result:
    """The result of one setting, with its changes and the reason in words."""

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
    """Yield a result for each setting, in order; change nothing unless ``apply``.

    With ``only``, settings with other names are left alone.

    A missing bucket is created. No setting is changed while uploads and downloads
    fail, because the tests could not tell which setting breaks them.
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
            f"The site cannot use the bucket yet, so no setting was changed. {answer}",
            "Check S3_ACCESS_KEY_ID and S3_SIGNER_ACCESS_KEY_ID, their policies "
            "(manage.py iam_policy) and S3_REGION.",
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
        reason = "The bucket does not exist. Settings follow once it exists."
        return Result(
            "bucket", _BUCKET.title, Outcome.PLANNED, reason, changes=(change,)
        )
    configuration.create()
    return Result("bucket", _BUCKET.title, Outcome.CHANGED, changes=(change,))


class _Setting:
    """Applies one step and undoes it if uploads or downloads fail afterwards."""

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
            fix = "Use https:// addresses." if self.step.is_risk else ""
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
            # The policy must not refuse setup's own calls either.
            own = "" if before else self.configuration.use_object(key)
            if answer := self.probe() or own:
                return self._taken_back(found, answer)
        self.configuration.write(self.step.document, wanted)
        if answer := self.probe():
            return self._taken_back(found, answer)
        kept = self.configuration.read(self.step.document)
        if same(kept, found):
            return self._result(
                Outcome.SKIPPED, "The provider accepts this setting but drops it."
            )
        dropped = differences(wanted, kept or {})
        names = ", ".join(change.path for change in dropped)
        reason = f"The provider keeps other values of {names}." if dropped else ""
        return self._result(Outcome.CHANGED, reason, changes=changes)

    def _taken_back(self, found: Document | None, answer: str) -> Result:
        if left := self._restore(found):
            return self._result(
                Outcome.FAILED,
                f"With this setting the site cannot use the bucket: {answer} "
                f"Undoing it failed: {left}",
                f"Remove it by hand: {self.step.document}.",
            )
        return self._result(
            Outcome.SKIPPED,
            f"Undone, because with it the site cannot use the bucket: {answer}",
        )

    def _restore(self, found: Document | None) -> str:
        """Restore the document; return the error, or an empty text."""
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
        # The trial may still apply, or S3's answer to a write may have been lost.
        if left := self._changed_back(found):
            return self._result(Outcome.FAILED, f"{refusal}. Undoing it failed: {left}")
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
    "AuthorizationHeaderMalformed": "Set S3_REGION to the region in the answer.",
    "EndpointConnectionError": "Check S3_ENDPOINT_URL and the name server.",
    "ConnectTimeoutError": "Check S3_ENDPOINT_URL and the firewall.",
    "ExpiredToken": "The credentials of setup have expired. Log in again.",
    "ExpiredTokenException": "The credentials of setup have expired. Log in again.",
    "IllegalLocationConstraintException": "Set S3_REGION to the bucket's region.",
    "InvalidAccessKeyId": "The provider does not know the access key of setup.",
    "InvalidBucketName": "Correct S3_BUCKET.",
    "InvalidRegionError": "Correct S3_REGION.",
    "NoCredentialsError": "Give setup credentials: AWS_PROFILE, --profile, or a role.",
    "ParamValidationError": "Correct S3_BUCKET or the option named in the answer.",
    "ProfileNotFound": "Name a profile of ~/.aws/config with --profile.",
    "RequestTimeTooSkewed": "Set this machine's clock (NTP).",
    "SignatureDoesNotMatch": "Check the secret key of setup, and that no proxy "
    "changes the Host header.",
    "SSLError": "Give the endpoint a certificate that this machine trusts.",
}


def advice(refusal: Refusal) -> str:
    """Return advice to the operator about a refusal, or an empty text."""
    if refusal.is_denied:
        verb = refusal.operation
        return f"Grant setup the action for {verb} (manage.py iam_policy prints its policy)."
    return _ADVICE.get(refusal.code, "")
