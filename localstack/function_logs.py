"""What the gateway and the functions print, read from the gateway's file and from CloudWatch Logs."""

from __future__ import annotations

import time
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from cloud_session import open_session
from deployment import outputs_of
from instance import Instance
from servers import bridge, exchange, gateway

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

PAUSE = 1.0
FUNCTIONS = "/aws/lambda/"


def print_logs(instance: Instance, count: int, text: str = "") -> None:
    """Print the last lines with the text in them, of the gateway, the exchange, the bridge and of every function."""
    outputs_of(instance)
    for daemon in (gateway(instance), exchange(instance), bridge(instance)):
        if daemon.log.exists():
            with daemon.log.open(errors="replace") as log:
                for line in deque((line for line in log if text in line), count):
                    print(f"{daemon.name:12} {line.rstrip()}")
    found = [line for line in _function_lines(_client(instance), instance.stack_name, 0)[1] if text in line]
    for line in found[-count:]:
        print(line)


def follow_logs(instance: Instance, count: int, text: str = "") -> None:
    """Print the last lines with the text in them, and then what comes, until interrupted."""
    print_logs(instance, count, text)
    client, since = _client(instance), int(time.time() * 1000)
    with gateway(instance).log.open(errors="replace") as log:
        log.seek(0, 2)
        while True:
            since, lines = _function_lines(client, instance.stack_name, since)
            for line in [*(f"{'gateway':12} {line.rstrip()}" for line in log), *lines]:
                if text in line:
                    print(line, flush=True)
            time.sleep(PAUSE)


def _client(instance: Instance) -> CloudWatchLogsClient:
    client: CloudWatchLogsClient = open_session(instance).client("logs")
    return client


def _function_lines(client: CloudWatchLogsClient, stack: str, since: int) -> tuple[int, list[str]]:
    """Return the lines from a time on, in milliseconds, in order, and the time from which to ask next."""
    found: list[tuple[int, str]] = []
    try:
        prefix = f"{FUNCTIONS}{stack}-"
        groups = client.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]
        for group in groups:
            name = group["logGroupName"].removeprefix(prefix).split("-")[0]
            for page in client.get_paginator("filter_log_events").paginate(
                logGroupName=group["logGroupName"], startTime=since
            ):
                for event in page["events"]:
                    moment = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                    text = event["message"].rstrip()
                    found.append((event["timestamp"], f"{name:12} {moment:%Y-%m-%d %H:%M:%S} {text}"))
    except (BotoCoreError, ClientError):
        return since, []  # The cloud is down: the files are still worth reading.
    found.sort(key=lambda line: line[0])
    return max([since, *(stamp + 1 for stamp, _ in found)]), [text for _, text in found]
