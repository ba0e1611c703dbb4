"""Bytes through a socket, and what comes back of them."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from random import Random

from tests.fuzz.wire import Reply, exchange, malformed


@contextmanager
def _server(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Answer one connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def _reply_to(answer: Callable[[socket.socket], None], *parts: bytes, patience: float = 10) -> Reply:
    with _server(answer) as port:
        return exchange("127.0.0.1", port, parts, patience)


def test_an_answer_is_read_to_its_end() -> None:
    def answer(connection: socket.socket) -> None:
        assert connection.recv(100) == b"GET /"
        connection.sendall(b"HTTP/1.1 404 Not Found\r\n\r\n")
        connection.sendall(b"nothing")

    reply = _reply_to(answer, b"GET /")

    assert (reply.status, reply.text) == (404, "HTTP/1.1 404 Not Found\r\n\r\nnothing")


def test_a_connection_that_is_closed_without_a_word_is_no_answer() -> None:
    assert _reply_to(lambda _: None, b"noise").status == 0


def test_a_server_that_waits_for_more_is_not_waited_for() -> None:
    def answer(connection: socket.socket) -> None:
        while connection.recv(100):
            pass

    assert _reply_to(answer, b"a beginning", patience=0.1).status == 0


def test_a_seed_means_the_same_bytes_and_each_kind_once_in_a_round() -> None:
    first, second = (list(islice(malformed(Random(3)), 40)) for _ in range(2))

    assert first == second
    assert len({one.name for one in first}) == 31
