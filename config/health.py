"""Test whether the site on this machine answers: ``python -m config.health``.

Containers use this command as their health check. The Host header of its request is the
first host in ALLOWED_HOSTS, because the site refuses other hosts.
"""

from __future__ import annotations

import http.client
import os
import sys

SECONDS = 4


def host() -> str:
    """Return a host name that ALLOWED_HOSTS permits."""
    first = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip().lstrip(".")
    return first if first not in {"", "*"} else "localhost"


def main() -> int:
    """Return 0 if ``/healthz`` answers 200, else 1 with the reason on stderr."""
    port = int(os.environ.get("PORT") or 8000)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", "/healthz", headers={"Host": host()})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        print(f"The site does not answer: {error}", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        connection.close()
    if status != 200:
        print(f"/healthz answered {status}.", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
