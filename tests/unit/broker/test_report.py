"""Reports of an exchange, read strictly."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.broker.order import OrderId
from chalicelib.broker.report import ExecutionReport, InvalidReportError, parse_report, parse_standing
from chalicelib.core.lifecycle import OrderStatus
from tests.unit.broker.report_json import ORDER_ID, SNAPSHOT, report_json


def without(name: str) -> dict[str, Any]:
    return {other: value for other, value in report_json().items() if other != name}


def test_report_is_read() -> None:
    report = parse_report(report_json(text="unknown", account={"nested": [1]}))
    assert report == ExecutionReport(
        order_id=ORDER_ID,
        order_seq=3,
        status=OrderStatus.PARTIALLY_FILLED,
        cum_qty=30,
        avg_px=Decimal("101.25"),
        leaves_qty=70,
        at=datetime(2026, 11, 21, 12, 0, 0, 123_456, UTC),
        exec_id="E00001207",
    )
    assert report.content == report_json()


def test_report_of_a_snapshot_has_neither_session_number_nor_id_of_its_own() -> None:
    report = parse_report(SNAPSHOT)
    assert (report.snapshot, report.exec_id, report.order_seq) == (True, None, 3)


def test_refusal_has_a_reason_and_no_id_of_the_exchange() -> None:
    rejected = {"status": "REJECTED", "cum_qty": 0, "avg_px": None, "last_qty": None, "last_px": None}
    report = parse_report(report_json(**rejected, reason="not traded", exchange_order_id=None))
    assert (report.status, report.reason, report.avg_px) == (OrderStatus.REJECTED, "not traded", None)


@pytest.mark.parametrize("price", ["0.000001", "1000000000000", "999999999999.99", "101.251234", "0.1"])
def test_price_comes_out_as_it_was_written(price: str) -> None:
    content = json.loads(json.dumps(report_json()).replace("101.25", price))
    assert parse_report(content).avg_px == Decimal(price)
    assert parse_report(json.loads(json.dumps(content))).avg_px == Decimal(price)


@pytest.mark.parametrize("content", [None, 1, "text", [], [1], True])
def test_what_is_no_object_is_no_report(content: Any) -> None:
    with pytest.raises(InvalidReportError, match="not a JSON object"):
        parse_report(content)


REQUIRED = ["seq", "exec_id", "client_order_id", "order_seq", "status", "cum_qty", "leaves_qty", "at"]


@pytest.mark.parametrize("name", REQUIRED)
def test_missing_field_is_named(name: str) -> None:
    with pytest.raises(InvalidReportError, match=f"^{name}: "):
        parse_report(without(name))


BROKEN: dict[str, list[Any]] = {
    "seq": [0, -1, True, 1.0, "1", 10**16, [], {}],
    "order_seq": [None, 0, -1, True, 1.0, "1", 10**16, [], {}],
    "cum_qty": [None, -1, True, 30.0, "30", 10**9 + 1, []],
    "leaves_qty": [None, -1, True, 30.0, "30", 10**9 + 1, []],
    "avg_px": [0, -1, True, "101.25", float("nan"), float("inf"), 1e13, 0.0000001, 1e-300, []],
    "last_px": [0, -0.5, False, "1", float("nan"), 1.0000001],
    "last_qty": [0, -1, True, 1.5, "1"],
    "status": ["new", "PENDING_NEW", "PENDING_CANCEL", "", None, 1, [], {}],
    "client_order_id": ["", "x", 1, None, "x" * 5000, ORDER_ID.upper()],
    "exec_id": ["", 1, None, "x" * 201, []],
    "exchange_order_id": ["", 1, "x" * 201],
    "at": ["", "now", "2026-11-21", "2026-11-21T12:00:00", 1, None, "9" * 300],
    "reason": ["", 1, "x" * 10_001, []],
    "snapshot": [None, 0, "true", []],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BROKEN.items() for value in values])
def test_broken_field_is_named(name: str, value: Any) -> None:
    with pytest.raises(InvalidReportError, match=f"^{name}"):
        parse_report(report_json(**{name: value}))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"avg_px": None}, "avg_px: a price if something was filled, else null"),
        ({"cum_qty": 0, "last_qty": None, "last_px": None}, "avg_px: a price if something was filled, else null"),
        ({"cum_qty": 0, "avg_px": None, "last_qty": None, "last_px": None}, "cum_qty: 0 though PARTIALLY_FILLED"),
        ({"status": "NEW"}, "cum_qty: not 0 though NEW"),
        ({"status": "REJECTED"}, "cum_qty: not 0 though REJECTED"),
        ({"last_qty": 31}, "last_qty: more than cum_qty"),
        ({"last_px": None}, "last_qty and last_px: one without the other"),
        ({"last_qty": None}, "last_qty and last_px: one without the other"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidReportError) as raised:
        parse_report(report_json(**fields))
    assert str(raised.value) == reason


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(report_json())), _json))
def test_whatever_comes_it_is_a_report_or_invalid(changes: dict[str, Any]) -> None:
    try:
        report = parse_report(report_json(**changes))
    except InvalidReportError as error:
        assert str(error)
    else:
        assert report.order_seq >= 1


class TestStanding:
    def read(self, status: OrderStatus = OrderStatus.NEW, **content: Any) -> ExecutionReport | None:
        return parse_standing(OrderId(ORDER_ID), status, content)

    def test_working_order_of_which_something_was_filled_is_partially_filled(self) -> None:
        standing = self.read(order_seq=3, cum_qty=30, avg_px=101.25)
        assert standing is not None
        assert (standing.status, standing.cum_qty) == (OrderStatus.PARTIALLY_FILLED, 30)
        assert (standing.order_seq, standing.snapshot, standing.at) == (3, True, None)

    def test_working_order_of_which_nothing_was_filled_is_new(self) -> None:
        standing = self.read(order_seq=1, cum_qty=0, avg_px=None)
        assert standing is not None
        assert standing.status is OrderStatus.NEW

    @pytest.mark.parametrize(
        "content",
        [
            {},
            {"order_seq": 0, "cum_qty": 0, "avg_px": None},
            {"order_seq": "1", "cum_qty": 0},
            {"order_seq": 1},
            {"order_seq": 1, "cum_qty": -1},
            {"order_seq": 2, "cum_qty": 3, "avg_px": None},
            {"order_seq": 2, "cum_qty": 3, "avg_px": "12"},
        ],
    )
    def test_exchange_that_tells_no_standing_or_a_broken_one_has_told_none(self, content: dict[str, Any]) -> None:
        assert self.read(**content) is None
