"""The whole application in this process, on an account in memory: every write is seen, and the clock is its own."""

import base64
import itertools
import logging
import os
import random
import sys
import time
import traceback
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, unquote, urlsplit

from chalice.local import RouteMatcher

import app as application
from chalicelib.core.sqs import sqs_client
from tests.environment import FUNCTION, NOBODY
from tests.fuzz.request import Request
from tests.moto_stack import create_stack
from tests.simulation.cloud.account import Account, connected_account
from tests.simulation.cloud.tables import Change
from tests.simulation.world import forget_wiring

PARAMETERS = {"Exchange": "given", "GivenFailureRate": "0", "GivenLatency": "0"}
START = datetime(2026, 11, 21, 12, tzinfo=UTC)
_CONTEXT: Any = SimpleNamespace(function_name="api_handler", memory_limit_in_mb=512)


@dataclass(frozen=True)
class Answer:
    """What came of a request: the answer, the writes and messages it caused, the processor's seconds it took."""

    status: int
    headers: dict[str, str]
    text: str
    writes: int
    seconds: float
    failure: str = ""
    """The traceback of a fault of ours."""


class Platform:
    """Requests in, answers out; :meth:`pump` does what streams, queues and the schedule would set off."""

    def __init__(self, account: Account, log: "_Log") -> None:
        self._account = account
        self._log = log
        self._matcher = RouteMatcher(list(application.app.routes))
        self._fresh: list[Change] = []
        account.dynamodb.watchers.append(self._fresh.extend)

    def send(self, request: Request) -> Answer:
        """Carry out one request."""
        event = self._event(request)
        before, sent = len(self._fresh), self._messages()
        self._log.failure = ""
        begun = time.thread_time()
        try:
            answer = application.app(event, _CONTEXT)
        except Exception:  # noqa: BLE001 - what escapes the application is what is looked for
            answer = {"statusCode": 500, "headers": {}, "multiValueHeaders": {}, "body": "escaped"}
            self._log.failure = traceback.format_exc()
        took = time.thread_time() - begun
        single = {name: values[-1] for name, values in answer["multiValueHeaders"].items()}
        writes = len(self._fresh) - before + self._messages() - sent
        return Answer(answer["statusCode"], answer["headers"] | single, answer["body"], writes, took, self._log.failure)

    def pump(self) -> None:
        """Match, hand over and place what is new."""
        fresh, self._fresh[:] = list(self._fresh), []
        changes = [(change, _record(change)) for change in fresh if change.after is not None]
        offers = [record for change, record in changes if change.table == "MarketOrders" and change.before is None]
        orders = [record for change, record in changes if change.table == "BrokerOrders" and _waits(change)]
        if offers:
            application.match_orders({"Records": offers}, None)
        if orders:
            application.hand_over_orders({"Records": orders}, None)
        queue = self._account.queue("Placements")
        while visible := queue.visible()[:10]:
            records = [queue.deliver(message) for message in visible]
            failed = application.place_orders({"Records": records}, None)["batchItemFailures"]
            kept = {entry["itemIdentifier"] for entry in failed}
            for record in records:
                if record["messageId"] not in kept:
                    queue.delete(record["receiptHandle"])
        self._fresh.clear()

    def table(self, name: str) -> list[dict[str, Any]]:
        """Return everything in a table."""
        return self._account.dynamodb.tables[name].items()

    def _messages(self) -> int:
        return sum(len(queue.messages) for queue in self._account.sqs.queues.values())

    def _event(self, request: Request) -> dict[str, Any]:
        """Return the event that API Gateway makes of a request."""
        parts = urlsplit(request.path)
        match = self._matcher.match_route(parts.path)
        body, is_encoded = _as_text(request.body)
        return {
            "httpMethod": request.method,
            "path": request.path,
            "headers": dict(request.headers),
            "multiValueQueryStringParameters": parse_qs(parts.query, keep_blank_values=True, errors="replace") or None,
            "pathParameters": {name: unquote(value) for name, value in match.captured.items()} or None,
            "stageVariables": None,
            "body": body,
            "isBase64Encoded": is_encoded,
            "requestContext": {
                "resourcePath": match.route,
                "httpMethod": request.method,
                "requestId": "r",
                "path": parts.path,
            },
        }


@contextmanager
def platform(seed: int) -> Iterator[Platform]:
    """Run the application in an empty account. The same seed gives the same ids, moments and answers."""
    log = _Log()
    ids, ticks = random.Random(f"ids {seed}"), itertools.count()
    moments = SimpleNamespace(
        now=lambda _: START + timedelta(milliseconds=next(ticks)), fromisoformat=datetime.fromisoformat
    )
    telemetry, clock = sys.modules["chalicelib.core.telemetry"], sys.modules["chalicelib.core.clock"]
    with ExitStack() as stack:
        account = stack.enter_context(connected_account())
        stack.enter_context(patch.object(telemetry, "_logger", lambda: log))
        stack.enter_context(patch.object(telemetry, "_write", lambda _: None))
        stack.enter_context(patch.object(clock, "datetime", moments))
        stack.enter_context(patch.object(uuid, "uuid4", lambda: uuid.UUID(int=ids.getrandbits(128), version=4)))
        stack.enter_context(patch.dict(os.environ, NOBODY | FUNCTION))
        stack.enter_context(patch.dict(os.environ, create_stack(PARAMETERS)))
        _forget()
        logging.disable()
        try:
            yield Platform(account, log)
        finally:
            logging.disable(logging.NOTSET)
            _forget()


def _forget() -> None:
    forget_wiring()
    sqs_client.cache_clear()


def _record(change: Change) -> dict[str, Any]:
    name = "INSERT" if change.before is None else "MODIFY"
    content = {"NewImage": change.after, "OldImage": change.before, "Keys": change.after, "SequenceNumber": "1"}
    return {"eventID": "1", "eventName": name, "eventSource": "aws:dynamodb", "dynamodb": content}


def _waits(change: Change) -> bool:
    """Tell whether the exchange has to hear of an order that changed so."""
    status = (change.after or {})["status"]["S"]
    return change.before is None or (status == "PENDING_CANCEL" and change.before["status"]["S"] != status)


def _as_text(body: bytes | None) -> tuple[str | None, bool]:
    if body is None:
        return None, False
    try:
        return body.decode() or None, False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True


class _Log:
    """Keeps what our functions log as a fault."""

    def __init__(self) -> None:
        self.failure = ""

    def info(self, message: str, extra: dict[str, Any]) -> None:
        """Keep nothing."""

    def exception(self, message: str, extra: dict[str, Any]) -> None:
        """Keep the fault that is being handled."""
        del message, extra
        self.failure = traceback.format_exc()
