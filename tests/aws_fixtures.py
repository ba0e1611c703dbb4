"""Fixtures for tests that run on moto; with RIALTO_TEST_AWS=simulated on the simulation's own account."""

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from threading import RLock
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest
from coverage import Coverage
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber

from chalicelib.core.sqs import sqs_client
from tests.client_faults import FAULTS, ClientFaults
from tests.moto_stack import StackOnMoto, create_stack
from tests.simulation.cloud.account import connected_account


@pytest.fixture
def client_faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[ClientFaults]:
    """Faults of AWS calls; botocore's retries follow at once instead of after a pause."""
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None, time=time.time))
    FAULTS.reset()
    yield FAULTS
    FAULTS.reset()


@pytest.fixture
def aws_parameters() -> dict[str, str]:
    """Parameters of the stack that a test file may override."""
    return {}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, aws_parameters: dict[str, str]) -> Iterator[dict[str, str]]:
    """The stack on moto and its environment, which is this process's environment during the test."""
    monkeypatch.setattr(BotocoreStubber, "process_request", _one_at_a_time)
    with _account():
        with _unmeasured():
            environment = _create(aws_parameters)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        sqs_client.cache_clear()
        yield environment
    sqs_client.cache_clear()


_answer = BotocoreStubber.process_request
_answering = RLock()


def _one_at_a_time(stubber: BotocoreStubber, request: AWSPreparedRequest) -> Any:
    """Answer as moto does, but alone: between a condition and its write it would let another thread in."""
    with _answering:
        return _answer(stubber, request)


def _is_simulated() -> bool:
    return os.environ.get("RIALTO_TEST_AWS") == "simulated"


def _account() -> AbstractContextManager[object]:
    return connected_account() if _is_simulated() else mock_aws()


def _create(parameters: dict[str, str]) -> dict[str, str]:
    return create_stack(parameters) if _is_simulated() else _on_moto(frozenset(parameters.items())).restore()


@cache
def _on_moto(parameters: frozenset[tuple[str, str]]) -> StackOnMoto:
    return StackOnMoto(dict(parameters))


@contextmanager
def _unmeasured() -> Iterator[None]:
    """Without coverage, which nearly doubles the time of everything, whether it is measured or not."""
    measuring = Coverage.current()
    if measuring:
        measuring.stop()
    try:
        yield
    finally:
        if measuring:
            measuring.start()
