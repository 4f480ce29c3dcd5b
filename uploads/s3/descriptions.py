"""botocore's data about S3: operations, endpoints, regions. Loaded before any fork."""

from __future__ import annotations

import os
from functools import cache

import botocore.session
from botocore.loaders import Loader, create_loader

from uploads import __version__

USER_AGENT = f"slipway/{__version__}"

_OF_S3 = ("service-2", "endpoint-rule-set-1", "paginators-1")
_OF_ALL = ("endpoints", "partitions", "sdk-default-configuration")


@cache
def read() -> Loader:
    """Return a loader with the data for an S3 client; reading takes a tenth of a second.

    A server calls this function before it forks, so that its web processes share the
    data. The loader holds no credentials and no connections.
    """
    loader = create_loader(os.environ.get("AWS_DATA_PATH"))
    for name in _OF_S3:
        loader.load_service_model("s3", name)
    for name in _OF_ALL:
        loader.load_data(name)
    return loader


def session() -> botocore.session.Session:
    """Return a new session that uses the loaded data.

    The User-Agent of its clients contains slipway and its version.
    """
    made = botocore.session.get_session()
    made.user_agent_extra = USER_AGENT
    made.register_component("data_loader", read())
    return made
