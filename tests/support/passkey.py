"""Simulate a device with a passkey, and the JSON that a browser sends for it."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.webauthn.internal.auth import WebAuthn
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.contrib.auth.models import User
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_encode

PRESENT_AND_VERIFIED = 0x05
WITH_CREDENTIAL = 0x40


@dataclass
class Device:
    """A device with one passkey for the site ``origin``."""

    origin: str = "http://localhost"
    host: str = "localhost"
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def register(self, challenge: str) -> dict[str, Any]:
        """Return a browser's response to ``creation_options``."""
        cose: Any = ES256
        public_key = cbor.encode(cose.from_cryptography_key(self.key.public_key()))
        credential = (
            bytes(16)
            + len(self.credential_id).to_bytes(2, "big")
            + self.credential_id
            + public_key
        )
        data = self._data(PRESENT_AND_VERIFIED | WITH_CREDENTIAL) + credential
        attestation = {"fmt": "none", "attStmt": {}, "authData": data}
        return self._credential(
            clientDataJSON=self._client("webauthn.create", challenge),
            attestationObject=websafe_encode(cbor.encode(attestation)),
        )

    def confirm(self, challenge: str, user_handle: str | None = None) -> dict[str, Any]:
        """Return a browser's response to ``request_options``."""
        client = self._client_bytes("webauthn.get", challenge)
        data = self._data(PRESENT_AND_VERIFIED)
        signed = data + hashlib.sha256(client).digest()
        signature = self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return self._credential(
            clientDataJSON=websafe_encode(client),
            authenticatorData=websafe_encode(data),
            signature=websafe_encode(signature),
            userHandle=user_handle,
        )

    def _credential(self, **response: Any) -> dict[str, Any]:
        name = websafe_encode(self.credential_id)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {"credProps": {"rk": True}},
            "response": response,
        }

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + bytes(4)

    def _client(self, kind: str, challenge: str) -> str:
        return websafe_encode(self._client_bytes(kind, challenge))

    def _client_bytes(self, kind: str, challenge: str) -> bytes:
        facts = {"type": kind, "challenge": challenge, "origin": self.origin}
        return json.dumps(facts).encode()


def add_passkey(person: User) -> Device:
    """Give ``person`` a passkey of a new device."""
    device = Device()
    WebAuthn.add(person, "Phone", device.register("AAAA"))
    return device
