"""Read environment variables with secrets from AWS, before Django reads its settings.

The variable ``SLIPWAY_SECRETS`` names the place of the secrets:

- ``secretsmanager:NAME`` or ``secretsmanager:ARN``: a secret whose value is a JSON
  object of variables;
- ``ssm:/PATH/``: parameters of Parameter Store, each named after its variable.

If a variable is already set, it keeps its value. So an operator can override a secret.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

VARIABLE = "SLIPWAY_SECRETS"


def load_secrets(*, session: Any = None) -> None:
    """Put the secret variables into the environment of this process.

    ``session`` is a boto3 session. The default session has the role of the Lambda
    function. Raises ImproperlyConfigured if ``SLIPWAY_SECRETS`` is set but AWS does not
    return the secrets, because the site must not start with development values.
    """
    place = os.environ.get(VARIABLE, "").strip()
    if not place:
        return
    for name, value in _read(place, session or _new_session()).items():
        os.environ.setdefault(name, value)


def _new_session() -> Any:
    import boto3  # This import takes 0.1 s, and sites without secrets do not need it.

    return boto3.session.Session()


def _read(place: str, session: Any) -> Mapping[str, str]:
    service, _, name = place.partition(":")
    if service not in {"secretsmanager", "ssm"} or not name:
        raise ImproperlyConfigured(
            f"{VARIABLE} is {place!r}. Write secretsmanager:NAME or ssm:/PATH/."
        )
    try:
        if service == "ssm":
            return _parameters(name, session.client("ssm"))
        return _secret(name, session.client("secretsmanager"))
    except ImproperlyConfigured:
        raise
    except Exception as error:
        raise ImproperlyConfigured(
            f"{VARIABLE} is {place!r}, which cannot be read: {error}. Check the name, "
            "the region and the permissions of the function's role."
        ) from error


def _secret(name: str, client: Any) -> Mapping[str, str]:
    text = client.get_secret_value(SecretId=name)["SecretString"]
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(
        isinstance(value, str) for value in found.values()
    ):
        raise ImproperlyConfigured(
            f"The secret {name} must be a JSON object of strings, such as "
            '{"SECRET_KEY": "...", "DATABASE_URL": "..."}.'
        )
    return found


def _parameters(path: str, client: Any) -> Mapping[str, str]:
    pages = client.get_paginator("get_parameters_by_path").paginate(
        Path=path, WithDecryption=True
    )
    found = {
        parameter["Name"].rpartition("/")[2]: parameter["Value"]
        for page in pages
        for parameter in page["Parameters"]
    }
    if not found:
        raise ImproperlyConfigured(
            f"Parameter Store has no parameters below {path}. Check {VARIABLE} and the "
            "region."
        )
    return found
