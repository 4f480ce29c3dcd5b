"""Fixtures of the race tests: a real PostgreSQL and a real S3.

Run with `-p tests.plugins.postgres -p tests.plugins.seaweed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.core.management.color import no_style
from django.db import connection

from tests.faults.site import Site
from tests.races.consistency import assert_consistent
from uploads.s3.bucket import Bucket

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

    from uploads.dev.s3_server import S3Server

SIZE = 700
"""The size of a file. Ten such files fit into the default quota of `four_workers`."""

_KEPT = {"django_content_type", "auth_permission", "django_migrations"}


@pytest.fixture(autouse=True)
def db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Use a real PostgreSQL without transactions around tests.

    Empty the tables after each test.

    Unlike pytest-django's `transactional_db`, this fixture keeps content types and
    permissions. Creating them again would take longer than most tests.
    """
    assert connection.vendor == "postgresql", (
        "The database is not PostgreSQL. Run with -p tests.plugins.postgres."
    )
    with django_db_blocker.unblock():
        yield
        tables = set(connection.introspection.django_table_names(include_views=False))
        connection.ops.execute_sql_flush(
            connection.ops.sql_flush(no_style(), sorted(tables - _KEPT))
        )


@pytest.fixture
def bucket(seaweed_bucket: Bucket) -> Bucket:
    """Return the real bucket, with a separate key prefix for this test."""
    return seaweed_bucket


@pytest.fixture
def alice(db: None) -> Any:
    return User.objects.create_user("alice")


@pytest.fixture
def check_consistency(bucket: Bucket) -> Iterator[None]:
    """Check after the test that rows, quotas, events and bucket agree."""
    yield
    assert_consistent(bucket)


@pytest.fixture(scope="session")
def four_workers(
    s3_server: S3Server,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """Return the URL of a site with four processes on PostgreSQL, shared by all tests.

    The site has all limits, with such values that each test reaches only one limit.
    Rate limits recover in steps of many minutes, so no step happens during a test on a
    slow machine.
    """
    with django_db_blocker.unblock():
        facts = connection.get_connection_params()
    site = Site(
        tmp_path_factory.mktemp("site"),
        {
            **s3_server.environment(),
            "DATABASE_URL": f"postgresql://postgres:@/{facts['dbname']}"
            f"?host={facts['host']}",
            "UPLOADS_DEFAULT_QUOTA_BYTES": str(10 * SIZE),
            "UPLOADS_MAX_OPEN": "70",
            "UPLOADS_RATE_START": "60/day",
            "UPLOADS_RATE_START_PER_ADDRESS": "90/day",
            "UPLOADS_RATE_LOGIN": "5/day",
            "UPLOADS_RATE_LOGIN_PER_ADDRESS": "20/day",
        },
        workers=4,
    )
    site.start()
    yield site.url
    site.stop()
