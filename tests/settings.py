"""The site's settings, with changes that make the tests faster."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# Use the URLs of AWS, which moto intercepts, unless tests.plugins.seaweed has set
# another URL.
os.environ.setdefault("S3_ENDPOINT_URL", "")
os.environ.setdefault("DATA_DIR", str(Path(tempfile.gettempdir()) / "slipway-tests"))

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if os.environ.get("SLOW"):
    MIDDLEWARE.insert(0, "tests.support.slowness.SlownessMiddleware")  # noqa: F405
