"""Distinguish the worker processes of pytest-xdist from the controlling process."""

from __future__ import annotations

import os

import pytest


def runs_tests_itself(config: pytest.Config) -> bool:
    """Return whether this process runs tests itself, without workers."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return True
    return not getattr(config.known_args_namespace, "numprocesses", None)
