"""The fuzzer itself: it notices what it looks for, and does the same thing again when it is told to."""

import json
import subprocess
from dataclasses import replace

import pytest

from tests.fuzz.growth import Growth
from tests.fuzz.platform import Answer, Platform, platform
from tests.fuzz.request import Request
from tests.fuzz.session import Figures, faults_of, run
from tests.fuzz.wire import encode

ORDER = {"type": "market", "side": "buy", "instrument": "DE0007664039", "quantity": 1}
CREATE = Request("POST", "/orders", "/orders", (("content-type", "application/json"),), json.dumps(ORDER).encode())
READ = Request("GET", "/orders", "/orders")


def _answer_to(request: Request) -> Answer:
    with platform(1) as application:
        return application.send(request)


def _rules(request: Request, answer: Answer) -> set[str]:
    return {rule for rule, _ in faults_of(request, answer)}


def _told(figures: Figures) -> tuple[object, ...]:
    return figures.statuses, figures.writes, figures.findings


def test_a_few_hundred_hostile_requests_find_nothing() -> None:
    with platform(7) as application:
        figures = run(application, 7, 400)

    assert figures.findings == []
    assert figures.refused > 100
    assert figures.writes > 50


def test_a_seed_means_the_same_requests_and_answers() -> None:
    runs = []
    for _ in range(2):
        with platform(3) as application:
            runs.append(_told(run(application, 3, 150)))

    assert runs[0] == runs[1]


def test_nothing_is_wrong_with_what_is_right() -> None:
    created = _answer_to(CREATE)

    assert (created.status, created.writes) == (201, 1)
    assert _rules(CREATE, created) == set()


def test_a_refused_request_that_writes_is_found() -> None:
    refused = _answer_to(replace(CREATE, body=b"{"))

    assert (refused.status, refused.writes) == (422, 0)
    assert _rules(CREATE, replace(refused, writes=1)) == {"what is refused has no effect"}


def test_a_reading_that_writes_is_found() -> None:
    assert _rules(READ, replace(_answer_to(READ), writes=1)) == {"reading changes nothing"}


def test_a_fault_is_found_even_behind_a_good_answer() -> None:
    answer = _answer_to(READ)

    assert "no request makes a fault of ours" in _rules(READ, replace(answer, status=500))
    assert _rules(READ, replace(answer, failure="Traceback ...")) == {"no request makes a fault of ours"}


def test_an_answer_that_is_not_described_is_found() -> None:
    answer = _answer_to(READ)

    assert _rules(READ, replace(answer, status=418)) == {"every answer is as described"}
    assert _rules(READ, replace(answer, text='{"orders": []}')) == {"every answer is as described"}


def test_a_message_that_is_sent_counts_as_an_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([0, 2])
    monkeypatch.setattr(Platform, "_messages", lambda _: next(counts))

    assert _answer_to(READ).writes == 2


@pytest.mark.parametrize(("power", "is_steep"), [(1.0, False), (1.2, False), (2.0, True)])
def test_a_path_is_slow_when_its_time_grows_faster_than_its_size(power: float, is_steep: bool) -> None:
    times = tuple((size, 1e-8 * size**power) for size in (1_024, 2_048, 4_096, 8_192, 1_048_576))

    assert Growth("a path", times).is_steep is is_steep


def test_what_takes_no_time_is_not_slow_however_it_grows() -> None:
    assert not Growth("a path", ((1, 1e-6), (2, 4e-6), (4, 16e-6))).is_steep


def test_a_curl_line_carries_every_byte() -> None:
    body = bytes(range(256)) + b"%d \\n'"
    line = Request("POST", "/orders", "/orders?a=%00", (("x-a", "it's"),), body).curl("http://127.0.0.1:9")
    printed = line.split(" | ")[0]

    assert subprocess.run(["sh", "-c", printed], capture_output=True, check=True).stdout == body
    assert line.endswith("'http://127.0.0.1:9/orders?a=%00' --data-binary @-")


def test_over_http_a_request_has_its_length_and_closes() -> None:
    head, _, body = encode(CREATE).partition(b"\r\n\r\n")

    assert body == CREATE.body
    assert head.splitlines()[0] == b"POST /orders HTTP/1.1"
    assert f"Content-Length: {len(body)}".encode() in head.splitlines()
