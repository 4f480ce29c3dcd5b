"""The site reads secret variables from Secrets Manager and Parameter Store."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any
from unittest import mock

import boto3
import pytest
from django.core.exceptions import ImproperlyConfigured
from moto import mock_aws

from config.serverless.secrets import VARIABLE, load_secrets


@pytest.fixture
def session() -> Iterator[Any]:
    with mock_aws(), mock.patch.dict(os.environ):
        yield boto3.session.Session(
            aws_access_key_id="a", aws_secret_access_key="b", region_name="eu-west-1"
        )


def test_no_secret_is_read_without_the_variable() -> None:
    with mock.patch.dict(os.environ):
        os.environ.pop(VARIABLE, None)
        load_secrets(session=None)


def test_secret_becomes_environment_variables(session: Any) -> None:
    session.client("secretsmanager").create_secret(
        Name="site", SecretString=json.dumps({"ONE": "1", "TWO": "2"})
    )
    os.environ |= {VARIABLE: "secretsmanager:site", "TWO": "by hand"}

    load_secrets(session=session)

    assert os.environ["ONE"] == "1"
    assert os.environ["TWO"] == "by hand"


def test_parameters_become_environment_variables(session: Any) -> None:
    client = session.client("ssm")
    for number in range(12):  # more parameters than one page has
        client.put_parameter(Name=f"/site/V{number}", Value="x", Type="SecureString")
    os.environ[VARIABLE] = "ssm:/site/"

    load_secrets(session=session)

    assert all(os.environ[f"V{number}"] == "x" for number in range(12))


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("vault:site", "Write secretsmanager:NAME or ssm:/PATH/"),
        ("secretsmanager:", "Write secretsmanager:NAME or ssm:/PATH/"),
        ("secretsmanager:missing", "Check the name"),
        ("secretsmanager:text", "must be a JSON object of strings"),
        ("secretsmanager:list", "must be a JSON object of strings"),
        ("secretsmanager:numbers", "must be a JSON object of strings"),
        ("ssm:/empty/", "has no parameters below /empty/"),
    ],
)
def test_unreadable_secret_stops_the_start(
    session: Any, place: str, words: str
) -> None:
    client = session.client("secretsmanager")
    for name, text in (("text", "x"), ("list", "[1]"), ("numbers", '{"A": 1}')):
        client.create_secret(Name=name, SecretString=text)
    os.environ[VARIABLE] = place

    with pytest.raises(ImproperlyConfigured) as caught:
        load_secrets(session=session)

    assert words in str(caught.value)
