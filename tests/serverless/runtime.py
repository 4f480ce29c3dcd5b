"""Simulates Lambda's runtime.

Each line of stdin is an event. Each line of stdout is an answer.

`python runtime.py config.serverless.web.handler`
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time


def main() -> None:
    started = time.perf_counter()
    # Printed text goes to the log, as on Lambda. Answers use a separate file
    # descriptor.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    module, _, name = sys.argv[1].rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    for line in sys.stdin:
        try:
            answer = {"answer": handler(json.loads(line), None)}
        except Exception as error:  # noqa: BLE001  as Lambda reports it
            answer = {"error": repr(error)}
        answer["seconds"] = time.perf_counter() - started
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
