"""The site's settings, with what would only slow the tests down left out."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# Amazon's own addresses, which moto answers; tests.plugins.seaweed has set its own.
os.environ.setdefault("S3_ENDPOINT_URL", "")
os.environ.setdefault("DATA_DIR", str(Path(tempfile.gettempdir()) / "slipway-tests"))

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if os.environ.get("SLOW"):
    MIDDLEWARE.insert(0, "tests.support.slowness.SlownessMiddleware")  # noqa: F405
