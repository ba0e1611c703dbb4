"""Faults at the AWS clients' own boundary: a call fails before it is sent, or its answer is lost afterwards.

botocore tells handlers about every request just before it is sent; moto answers there. A handler in front of moto
that raises is a request that never arrived; one behind it is an answer that was lost. botocore's retries are real.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import moto.core.models  # noqa: F401 - its handler must be registered before ours
from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError
from botocore.handlers import BUILTIN_HANDLERS

URL = "https://aws.test"


def connection_closed() -> HTTPClientError:
    """Return what botocore raises when the connection breaks."""
    return ConnectionClosedError(endpoint_url=URL)


def read_timeout() -> HTTPClientError:
    """Return what botocore raises when there is no answer in time."""
    return ReadTimeoutError(endpoint_url=URL)


@dataclass
class Fault:
    """A fault of the next ``times`` calls of an operation, e.g. "dynamodb.PutItem"."""

    operation: str
    times: int
    error: Callable[[], Exception] = connection_closed
    then: Callable[[], None] = lambda: None
    """What happens elsewhere just before the fault shows."""


@dataclass
class ClientFaults:
    """The faults to come, and the calls that were made."""

    before: list[Fault] = field(default_factory=list)
    after: list[Fault] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def reset(self) -> None:
        """Forget all of them."""
        self.before.clear()
        self.after.clear()
        self.calls.clear()

    def never_arrives(
        self,
        operation: str,
        times: int = 1,
        error: Callable[[], Exception] = connection_closed,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Let the next calls fail before they take effect."""
        self.before.append(Fault(operation, times, error, then))

    def loses_answer(self, operation: str, times: int = 1, then: Callable[[], None] = lambda: None) -> None:
        """Let the next calls take effect and their answers be lost."""
        self.after.append(Fault(operation, times, then=then))


FAULTS = ClientFaults()


def before_send(event_name: str, **_: Any) -> None:
    """Raise the fault of a request that never arrives, if there is one to come."""
    FAULTS.calls.append(event_name.removeprefix("before-send."))
    _raise_next(FAULTS.before, event_name)


def after_send(event_name: str, **_: Any) -> None:
    """Raise the fault of an answer that is lost, if there is one to come."""
    _raise_next(FAULTS.after, event_name)


def _raise_next(faults: list[Fault], event_name: str) -> None:
    for fault in faults:
        if fault.times and event_name == f"before-send.{fault.operation}":
            fault.times -= 1
            fault.then()
            raise fault.error()


BUILTIN_HANDLERS.insert(0, ("before-send", before_send))
BUILTIN_HANDLERS.append(("before-send", after_send))
