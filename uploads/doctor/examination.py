"""Contains the state of one run of the doctor."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from functools import cached_property

from django.conf import settings

from uploads.conf import options
from uploads.errors import StorageError
from uploads.s3.bucket import Bucket, get_bucket
from uploads.s3.bucket_config import facts_of_settings
from uploads.s3.identities import client_of_alias, probe_presigner_of
from uploads.s3.keys import new_probe_key
from uploads.s3.probe_presigner import ProbePresigner
from uploads.s3.wanted.site_facts import SiteFacts


@dataclass
class Examination:
    """Contains the options, the identities and the probe objects of one run.

    ``origins`` are the origins of the site's pages. If empty, the doctor uses the
    origins in Django's settings. ``profile`` is the AWS profile of setup, the identity
    that configures the bucket. ``failed`` contains the names of the families (groups of
    questions) that failed.
    """

    origins: tuple[str, ...] = ()
    profile: str = ""
    failed: set[str] = field(default_factory=set)
    _keys: list[str] = field(default_factory=list)

    @cached_property
    def facts(self) -> SiteFacts:
        """Return the facts about the site that its wanted bucket settings depend on.

        Raises ValueError for an invalid origin.
        """
        return facts_of_settings(self.origins)

    @cached_property
    def worker(self) -> Bucket:
        """Return the bucket with the credentials of the worker.

        The worker is the identity that makes the calls of the running site. Raises
        StorageUnavailable if it has no credentials.
        """
        return get_bucket()

    @property
    def signer_alias(self) -> str:
        """Return the key in STORAGES whose credentials sign upload URLs."""
        return "uploads_signer" if self.has_signer else "uploads"

    @property
    def has_signer(self) -> bool:
        """Return whether upload URLs are signed by the signer, not by the worker."""
        return "uploads_signer" in settings.STORAGES

    @cached_property
    def signer(self) -> Bucket:
        """Return the bucket with the credentials that sign upload URLs.

        Raises StorageUnavailable if there are no credentials.
        """
        return Bucket(client=client_of_alias(self.signer_alias), name=self.worker.name)

    @cached_property
    def uploads(self) -> ProbePresigner:
        """Return the presigner for upload URLs."""
        return probe_presigner_of(self.signer_alias, self.worker.client)

    def uploads_over(self, endpoint_url: str) -> ProbePresigner:
        """Return a presigner like ``uploads`` for the endpoint ``endpoint_url``."""
        return probe_presigner_of(
            self.signer_alias, self.worker.client, endpoint_url=endpoint_url
        )

    @cached_property
    def downloads(self) -> ProbePresigner:
        """Return the presigner for download URLs. It has the worker's credentials."""
        return probe_presigner_of("uploads", self.worker.client)

    @cached_property
    def server_downloads(self) -> ProbePresigner:
        """Return a presigner like ``downloads`` for the server's own endpoint."""
        return probe_presigner_of("uploads", self.worker.client, as_server=True)

    @property
    def public_url(self) -> str:
        """Return the endpoint of S3 that browsers use. It is empty for AWS."""
        return settings.S3_PUBLIC_ENDPOINT_URL or settings.S3_ENDPOINT_URL

    def new_key(self, name: str = "probe") -> str:
        """Return the key for a new probe object, which ``clear_quietly`` deletes."""
        key = new_probe_key(options().key_prefix, name)
        self._keys.append(key)
        return key

    def random_bytes(self, size: int = 48) -> bytes:
        """Return new random bytes, so that no other object has the same content."""
        return secrets.token_bytes(size)

    def clear_quietly(self) -> None:
        """Delete the probe objects of this run.

        If S3 refuses to delete an object, the sweeper deletes it later.
        """
        while self._keys:
            try:
                self.worker.delete_object(self._keys.pop())
            except StorageError:
                continue
