"""The command line of the demo site. `make run` and `make manage` call it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from uploads.dev.demo_site import DemoSite
from uploads.dev.s3_server import S3ServerError
from uploads.dev.supervisor import Supervisor, SupervisorError, manage


def main() -> int:
    """Run the demo site or one of its management commands. Return the exit status."""
    options = _parser().parse_args()
    site = DemoSite(
        options.port,
        options.s3_port,
        options.data_dir.resolve(),
        reloads=options.reloads,
    )
    try:
        if options.action == "manage":
            return manage(site, options.command)
        Supervisor(site).run()
    except (S3ServerError, SupervisorError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--port", type=int, default=8000)
    shared.add_argument("--s3-port", type=int, default=8333)
    shared.add_argument("--data-dir", type=Path, default=Path("var"))
    parser = argparse.ArgumentParser(prog="python -m uploads.dev")
    parser.set_defaults(reloads=True)
    actions = parser.add_subparsers(dest="action", required=True)
    run = actions.add_parser("run", parents=[shared], help="serve the demo site")
    run.add_argument(
        "--no-reload",
        dest="reloads",
        action="store_false",
        help="do not look for changed code",
    )
    command = actions.add_parser(
        "manage", parents=[shared], help="run a management command on the demo site"
    )
    command.add_argument("command", nargs="+")
    return parser


if __name__ == "__main__":
    sys.exit(main())
