"""Run the bridge until SIGTERM or SIGINT: ``python -m bridge``."""

import asyncio
import os
import signal
import sys

import boto3
from botocore.config import Config

from bridge.bridge import Bridge
from bridge.lease import LeaseTable
from bridge.publisher import LANES, SqsQueue
from bridge.settings import Settings, SettingsError, read_settings

# The bridge tries again by itself, as long as it may. A renewal that takes longer than this is of no use; a call of the
# queue that was given up, and carried out all the same, is a duplicate, and known as one by its deduplication id.
TABLE_CONFIG = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
QUEUE_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}, max_pool_connections=LANES)


def main() -> int:
    """Return the exit code: 0 after a signal, 2 for settings that make no sense."""
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    asyncio.run(_run(settings))
    return 0


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    queue = SqsQueue(boto3.client("sqs", config=QUEUE_CONFIG), settings.queue_url)
    client = boto3.client("dynamodb", config=TABLE_CONFIG)
    leases = LeaseTable(client, settings.table, settings.holder, settings.lease)
    await Bridge(settings.feed_url, queue, leases).run(stop)


if __name__ == "__main__":
    sys.exit(main())
