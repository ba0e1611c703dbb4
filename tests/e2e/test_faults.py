"""Faults of ours: the exact answers of the contract, and nothing half done."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.stack import ISIN, Stack

FAULT = {"message": "Internal server error while placing the order"}
GATEWAY_FAULT = {**FAULT, "RESPONSE": "ERROR"}
ORDER = {"type": "market", "side": "buy", "instrument": ISIN, "quantity": 1}


@pytest.fixture
def deaf_server() -> Iterator[socket.socket]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        server.settimeout(30)
        yield server


@pytest.fixture
def deaf_endpoint(deaf_server: socket.socket) -> str:
    """The address of the server that never answers."""
    return f"http://127.0.0.1:{deaf_server.getsockname()[1]}"


@pytest.fixture
def closed_endpoint() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_missing_table_gives_the_exact_500(stack: Stack) -> None:
    with stack.environment("APIHandlerName", BROKER_ORDERS_TABLE="no-such-table"):
        response = stack.http.post("/orders", json=ORDER)

    assert (response.status_code, response.json()) == (500, FAULT)
    assert response.headers["content-type"] == "application/json"


def test_a_table_that_cannot_be_reached_gives_the_exact_500(stack: Stack, closed_endpoint: str) -> None:
    with stack.environment("APIHandlerName", AWS_ENDPOINT_URL_DYNAMODB=closed_endpoint):
        response = stack.http.post("/orders", json=ORDER)

    assert (response.status_code, response.json()) == (500, FAULT)


def test_a_table_that_hangs_gives_the_exact_500(stack: Stack, deaf_endpoint: str) -> None:
    with stack.environment("APIHandlerName", AWS_ENDPOINT_URL_DYNAMODB=deaf_endpoint):
        response = stack.http.post("/orders", json=ORDER)

    assert (response.status_code, response.json()) == (500, FAULT)


def test_a_function_that_dies_gives_the_gateways_500(
    stack: Stack, deaf_server: socket.socket, deaf_endpoint: str
) -> None:
    with stack.environment("APIHandlerName", AWS_ENDPOINT_URL_DYNAMODB=deaf_endpoint), ThreadPoolExecutor(1) as pool:
        pending = pool.submit(stack.http.post, "/orders", json=ORDER)
        connection, _ = deaf_server.accept()  # The function is in the middle of its write.
        with connection:
            assert stack.kill_workers("APIHandlerName") >= 1
            response = pending.result()

    assert (response.status_code, response.json()) == (500, GATEWAY_FAULT)


def test_bad_health_is_told(stack: Stack) -> None:
    with stack.environment("APIHandlerName", OPERATIONS_TABLE="no-such-table"):
        response = stack.http.get("/health")

    assert response.status_code == 503
    assert response.json()["tables"]["broker_orders"] == "ok"
    assert response.json()["tables"]["operations"] != "ok"


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("DELETE", "/orders"), ("POST", "/")])
def test_an_unknown_route_is_a_problem(stack: Stack, method: str, path: str) -> None:
    response = stack.http.request(method, path)

    assert response.status_code in (404, 405)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"]
