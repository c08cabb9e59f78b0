"""Run the sandbox alone: ``python -m leadgen_project.sandbox --port 0``.

Prints one line of JSON with the addresses and serves until it is interrupted or terminated.
"""

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from leadgen_project.sandbox.expectations import TRAPS
from leadgen_project.sandbox.server import Sandbox
from leadgen_project.sandbox.vendors.catalogue import VENDORS


def main() -> None:
    parser = argparse.ArgumentParser(description="A made-up register and web on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=400, help="entities in the first release")
    parser.add_argument("--folder", type=Path, help="where to leave the register's files")
    parser.add_argument("--slow-seconds", type=float, default=20.0, help="how long traps last")
    parser.add_argument("--no-traps", action="store_true", help="ordinary sites only")
    parser.add_argument(
        "--vendors", nargs="*", choices=sorted(VENDORS), metavar="NAME",
        help=f"stand-ins for paid vendors, all without a name: {', '.join(sorted(VENDORS))}",
    )  # fmt: skip
    asked = parser.parse_args()
    vendors = () if asked.vendors is None else asked.vendors or sorted(VENDORS)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with Sandbox(
        seed=asked.seed,
        count=asked.count,
        port=asked.port,
        folder=asked.folder,
        slow_seconds=asked.slow_seconds,
        traps=() if asked.no_traps else tuple(TRAPS),
        vendors=vendors,
    ) as sandbox:
        told = {
            **sandbox.environment,
            "environment": sandbox.environment,
            "catalog": sandbox.register.catalog_url,
            "download": sandbox.register.download_url,
            "ckan": sandbox.register.ckan_url,
            "truth": sandbox.proxy_url + "/_sandbox/truth",
            "journal": sandbox.proxy_url + "/_sandbox/journal",
            "vendors": sandbox.proxy_url + "/_sandbox/vendors",
            "mail": sandbox.proxy_url + "/_sandbox/mail",
            "register_folder": str(sandbox.register_folder),
            "companies": len(sandbox.companies),
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        ended.wait()


if __name__ == "__main__":
    main()
