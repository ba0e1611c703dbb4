"""What calls consume, as botocore and pynamodb really see the answers."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import TransactWriteError
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.core.dynamodb import bind_table
from chalicelib.core.metering import Meter
from tests.environment import NOBODY

Reply = tuple[int, dict[str, Any]]


class Row(Model):
    name = UnicodeAttribute(hash_key=True)


def consumed(units: float) -> Reply:
    return 200, {"ConsumedCapacity": {"TableName": "t", "CapacityUnits": units}}


def refused(code: str, **more: Any) -> Reply:
    return 400, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no", **more}


@pytest.fixture
def replies() -> list[Reply]:
    return []


@pytest.fixture
def rows(replies: list[Reply], monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Row]]:
    """A table whose answers are these, one after the other."""

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, content = replies.pop(0)
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Keep standard error for faults."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    for name, value in NOBODY.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    bind_table.cache_clear()
    try:
        yield bind_table(Row, "t")
    finally:
        bind_table.cache_clear()
        server.shutdown()
        thread.join()
        server.server_close()


def test_writes_and_reads_are_counted_apart(rows: type[Row], replies: list[Reply]) -> None:
    replies += [consumed(3), (200, {**consumed(0.5)[1], "Item": {"name": {"S": "a"}}})]
    meter = Meter()
    rows("a").save()
    rows.get("a")
    fields = meter.fields()
    assert (fields["write_units"], fields["read_units"]) == (3, 0.5)
    assert fields["latency_ms"] > 0
    assert "throttled" not in fields


def test_units_of_a_transaction_are_those_of_all_its_tables(rows: type[Row], replies: list[Reply]) -> None:
    replies.append((200, {"ConsumedCapacity": [{"CapacityUnits": 10.0}, {"CapacityUnits": 4.0}]}))
    meter = Meter()
    with TransactWrite(connection=rows._get_connection().connection, return_consumed_capacity="TOTAL") as write:
        write.save(rows("a"))
    assert meter.fields()["write_units"] == 14


def test_call_that_was_throttled_and_tried_again_is_told(rows: type[Row], replies: list[Reply]) -> None:
    replies += [refused("ThrottlingException"), refused("ProvisionedThroughputExceededException"), consumed(1)]
    meter = Meter()
    rows("a").save()
    assert (meter.throttled, meter.fields()["throttled"], meter.fields()["write_units"]) == (2, 2, 1)


def test_transaction_that_was_throttled_in_a_part_is_told(rows: type[Row], replies: list[Reply]) -> None:
    reasons = [{"Code": "None"}, {"Code": "ThrottlingError"}]
    replies.append(refused("TransactionCanceledException", CancellationReasons=reasons))
    meter = Meter()
    with (
        pytest.raises(TransactWriteError),
        TransactWrite(connection=rows._get_connection().connection) as write,
    ):
        write.save(rows("a"))
    assert meter.throttled == 1


def test_refusals_of_another_kind_are_not(rows: type[Row], replies: list[Reply]) -> None:
    replies.append(refused("ConditionalCheckFailedException"))
    meter = Meter()
    with pytest.raises(Exception, match="ConditionalCheckFailed"):
        rows("a").save()
    assert meter.throttled == 0


def test_a_thread_counts_its_own_and_an_invocation_those_of_all(rows: type[Row], replies: list[Reply]) -> None:
    replies += [consumed(2), consumed(5)]
    found: dict[str, float] = {}

    def save(name: str) -> None:
        meter = Meter(alone=False)
        rows(name).save()
        found[name] = meter.fields()["write_units"]

    whole = Meter()
    for name in ("a", "b"):
        thread = threading.Thread(target=save, args=(name,))
        thread.start()
        thread.join()
    assert found == {"a": 2, "b": 5}
    assert whole.fields()["write_units"] == 7
    assert Meter(alone=False).fields()["write_units"] == 0
