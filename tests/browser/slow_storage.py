"""Delay requests to S3 as tests.support.slowness delays requests to the site."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.faults.faults import Action, Delay
from tests.faults.http_messages import Head
from tests.faults.proxy import FaultProxy
from tests.support.slowness import random_delay


class SlowStorage(FaultProxy):
    """Delays each request before S3 gets it, and each answer after S3 has sent it."""

    def _choose(self, head: Head) -> Action:
        return Delay(random_delay())

    async def _return(self, *args: Any, **named: Any) -> bool:
        await asyncio.sleep(random_delay())
        return await super()._return(*args, **named)
