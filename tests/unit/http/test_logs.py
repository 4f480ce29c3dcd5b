"""Log lines of failures contain no secrets."""

from __future__ import annotations

import io
import logging
import logging.config
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client

from uploads.http.logs import logging_config


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    yield
    logging.config.dictConfig(settings.LOGGING)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_traceback_shows_no_values_of_variables(log_format: str) -> None:
    config = logging_config(level="INFO", log_format=log_format)
    logging.config.dictConfig(
        {**config, "loggers": {}, "disable_existing_loggers": False}
    )
    written = io.StringIO()
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)

    def fail() -> None:
        presigned_url = "https://bucket/key?" + "X-Amz-Signature=" + "secret"
        raise ValueError(len(presigned_url))

    try:
        fail()
    except ValueError:
        logging.getLogger("slipway.test").exception("it failed")

    assert "it failed" in written.getvalue()
    assert "ValueError" in written.getvalue()
    assert "X-Amz-Signature=secret" not in written.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize("before", ["", "/"])
def test_log_lines_mask_password_reset_links(client: Client, before: str) -> None:
    logging.config.dictConfig(logging_config(level="INFO", log_format="json"))
    written = io.StringIO()
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)

    # A mail client may include the full stop after a link in the URL.
    client.get("/accounts/reset/1/c4f1o-0123456789abcdef0123456789abcdef/).")

    assert "Not Found" in written.getvalue()
    assert "/accounts/reset/1/..." in written.getvalue()
    assert "0123456789abcdef" not in written.getvalue()
