"""A stock exchange on loopback that honours client order ids and misbehaves when it is told to.

``python localstack/exchange_server.py --port 8082 --journal FILE [--seed N]``
"""

import argparse
import logging
import socket
import sys
from pathlib import Path

from aiohttp import web
from exchange_faults import FaultPlan
from exchange_journal import CorruptJournalError, Journal, RecordedVenue
from exchange_routes import ExchangeRoutes

HOST = "127.0.0.1"

_log = logging.getLogger("exchange")


def build_app(journal_path: Path, seed: int) -> web.Application:
    """Return the exchange with the orders of the journal, behaving normally.

    Raises:
        CorruptJournalError: if the journal cannot be read.
    """
    journal = Journal(journal_path)
    routes = ExchangeRoutes(RecordedVenue(journal), FaultPlan(seed))

    async def close_journal(_: web.Application) -> None:
        journal.close()

    app = web.Application()
    app.add_routes(routes.definitions())
    app.on_shutdown.append(routes.drop_requests)
    app.on_cleanup.append(routes.drop_requests)
    app.on_cleanup.append(close_journal)
    return app


def main() -> None:
    """Run the exchange until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="A local stock exchange.")
    parser.add_argument("--port", type=int, default=8082, help="0 takes a free one and logs it")
    parser.add_argument("--journal", type=Path, required=True, help="keeps the orders over restarts")
    parser.add_argument("--seed", type=int, default=0, help="of the faults that happen by chance")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    # The port comes first: whoever has it owns the journal.
    listener = socket.create_server((HOST, options.port))
    try:
        app = build_app(options.journal, options.seed)
    except CorruptJournalError as error:
        raise SystemExit(str(error)) from error
    _log.info("listening on %s:%d", *listener.getsockname())
    web.run_app(app, sock=listener, access_log=None, print=None, shutdown_timeout=1.0)


if __name__ == "__main__":
    main()
