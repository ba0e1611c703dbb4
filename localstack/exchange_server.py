"""A stock exchange on loopback that honours client order ids and misbehaves when it is told to.

``python localstack/exchange_server.py --port 8082 --journal FILE [--seed N] [--trading open|closed] [--keep N]``
"""

import argparse
import logging
import socket
import sys
from pathlib import Path

from aiohttp import web
from exchange_faults import FaultPlan
from exchange_feed import Feed
from exchange_floor import TradingFloor
from exchange_journal import CorruptJournalError, Journal
from exchange_record import RecordedVenue
from exchange_routes import ExchangeRoutes
from exchange_session import KEEP
from exchange_switches import ExchangeSwitches
from exchange_trading import Trading

HOST = "127.0.0.1"

_log = logging.getLogger("exchange")


def build_app(journal_path: Path, seed: int, *, is_open: bool = True, keep: int = KEEP) -> web.Application:
    """Return the exchange with the orders of the journal and the last ``keep`` reports of them, behaving normally.

    Raises:
        CorruptJournalError: if the journal cannot be read.
    """
    journal = Journal(journal_path)
    try:
        venue = RecordedVenue(journal, keep)
    except CorruptJournalError:
        journal.close()
        raise
    floor = TradingFloor(venue, Trading(open=is_open))
    feed = Feed(venue)
    routes = ExchangeRoutes(venue, floor, FaultPlan(seed))

    async def close_journal(_: web.Application) -> None:
        journal.close()

    app = web.Application()
    app.add_routes(routes.definitions())
    app.add_routes(ExchangeSwitches(venue, floor, feed).definitions())
    app.on_shutdown.append(routes.drop_requests)
    app.on_shutdown.append(feed.drop_connections)
    app.on_cleanup.append(routes.drop_requests)
    app.cleanup_ctx.append(floor.run)
    app.on_cleanup.append(close_journal)
    return app


def main() -> None:
    """Run the exchange until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="A local stock exchange.")
    parser.add_argument("--port", type=int, default=8082, help="0 takes a free one and logs it")
    parser.add_argument("--journal", type=Path, required=True, help="keeps the orders over restarts")
    parser.add_argument("--seed", type=int, default=0, help="of the faults that happen by chance")
    parser.add_argument("--trading", choices=("open", "closed"), default="open", help="closed: orders rest")
    parser.add_argument("--keep", type=int, default=KEEP, help="reports of the session that can be read again")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    # The port comes first: whoever has it owns the journal.
    listener = socket.create_server((HOST, options.port))
    try:
        is_open = options.trading == "open"
        app = build_app(options.journal, options.seed, is_open=is_open, keep=options.keep)
    except CorruptJournalError as error:
        raise SystemExit(str(error)) from error
    _log.info("listening on %s:%d", *listener.getsockname())
    web.run_app(app, sock=listener, access_log=None, print=None, shutdown_timeout=1.0)


if __name__ == "__main__":
    main()
