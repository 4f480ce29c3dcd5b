"""State of one examination: the site's origins, identities and probe objects."""

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
    """One run of the doctor. Each property is computed at its first use.

    ``origins`` are the origins of the site's pages. ``profile`` is the profile of the
    setup identity, if the operator gave one. ``failed`` has the names of failed
    families. Families that depend on a failed family are skipped.
    """

    origins: tuple[str, ...] = ()
    profile: str = ""
    is_setup_allowed: bool = False
    failed: set[str] = field(default_factory=set)
    _keys: list[str] = field(default_factory=list)

    @cached_property
    def facts(self) -> SiteFacts:
        """The facts that determine the wanted settings. Raises ValueError."""
        return facts_of_settings(self.origins)

    @cached_property
    def worker(self) -> Bucket:
        """The bucket with the worker's credentials. Raises StorageUnavailable."""
        return get_bucket()

    @property
    def signer_alias(self) -> str:
        """The name in STORAGES of the identity that signs uploads."""
        return "uploads_signer" if self.has_signer else "uploads"

    @property
    def has_signer(self) -> bool:
        """Whether uploads are signed by a separate identity."""
        return "uploads_signer" in settings.STORAGES

    @cached_property
    def signer(self) -> Bucket:
        """The bucket with the signer's credentials. Raises StorageUnavailable."""
        return Bucket(client=client_of_alias(self.signer_alias), name=self.worker.name)

    @cached_property
    def uploads(self) -> ProbePresigner:
        """The presigner of upload URLs, with the signer's identity."""
        return probe_presigner_of(self.signer_alias, self.worker.client)

    @cached_property
    def downloads(self) -> ProbePresigner:
        """The presigner of download URLs, with the worker's identity."""
        return probe_presigner_of("uploads", self.worker.client)

    @cached_property
    def server_downloads(self) -> ProbePresigner:
        """Like ``downloads``, but for the server's own endpoint."""
        return probe_presigner_of("uploads", self.worker.client, as_server=True)

    @property
    def public_url(self) -> str:
        """The endpoint that browsers reach, empty for AWS."""
        return settings.S3_PUBLIC_ENDPOINT_URL or settings.S3_ENDPOINT_URL

    def new_key(self, name: str = "probe") -> str:
        """Return a new key below the doctor's folder, which ``clear_quietly`` deletes."""
        key = new_probe_key(options().key_prefix, name)
        self._keys.append(key)
        return key

    def random_bytes(self, size: int = 48) -> bytes:
        """Return random bytes that no answer contains by chance."""
        return secrets.token_bytes(size)

    def clear_quietly(self) -> None:
        """Delete the probe objects. The sweeper deletes the rest after failures."""
        while self._keys:
            try:
                self.worker.delete_object(self._keys.pop())
            except StorageError:
                continue
