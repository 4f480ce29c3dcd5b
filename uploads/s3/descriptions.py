"""Loads botocore's data about S3: its operations, endpoints and regions."""

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
    """Return a botocore loader that has read the data for an S3 client.

    The first call takes a tenth of a second. The web server makes this call before it
    forks, so that its processes share the data. This is safe, because the loader has no
    credentials and no connections.
    """
    loader = create_loader(os.environ.get("AWS_DATA_PATH"))
    for name in _OF_S3:
        loader.load_service_model("s3", name)
    for name in _OF_ALL:
        loader.load_data(name)
    return loader


def session() -> botocore.session.Session:
    """Return a new botocore session that uses the loaded data.

    Its clients send a User-Agent with the name and the version of this software.
    """
    made = botocore.session.get_session()
    made.user_agent_extra = USER_AGENT
    made.register_component("data_loader", read())
    return made
