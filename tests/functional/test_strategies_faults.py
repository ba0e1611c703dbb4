"""Faults of ours: the producer reads ERROR, with the ORDER_ID of what may have happened, which is then completed."""

from datetime import timedelta

import pytest

from chalicelib.core.clock import format_timestamp, parse_timestamp, utc_now
from tests.client_faults import ClientFaults, read_timeout
from tests.functional.events import schedule_event
from tests.functional.gateway import REQUEST_ID, Answer
from tests.functional.lambdas import invoke
from tests.functional.traders import BUY, EXAMPLE, HOLLAND, NOT_TRADED, SELL, Signal, Traders, order_ids, reasons

GET, QUERY, PUT = "dynamodb.GetItem", "dynamodb.Query", "dynamodb.PutItem"
TRANSACT, BATCH_GET = "dynamodb.TransactWriteItems", "dynamodb.BatchGetItem"
FAULT = {"RESPONSE": "ERROR", "REASON": "A fault of ours. It is logged."}
UNFINISHED = "The signal has not come to its end. If it was begun, it is completed by itself: look at it by its id."
SALE: Signal = ("STRATEGY_A", "MINDA", "SELL")


@pytest.fixture
def traders(aws: dict[str, str], client_faults: ClientFaults) -> Traders:
    made = Traders(aws)
    made.put_profiles(EXAMPLE)
    client_faults.reset()
    return made


def assert_fault(answer: Answer) -> None:
    assert (answer.status, answer.content) == (500, FAULT)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-Id"] == REQUEST_ID


def unfinished(answer: Answer) -> str:
    """Return the signal that an answer tells to be unfinished."""
    signal_id: str = answer.content["ORDER_ID"]
    assert (answer.status, answer.content) == (
        503,
        {"RESPONSE": "ERROR", "ORDER_ID": signal_id, "REASON": UNFINISHED},
    )
    return signal_id


class TestBeforeTheFirstWrite:
    @pytest.mark.parametrize("table", ["SUBSCRIPTIONS_TABLE", "POSITIONS_TABLE"])
    def test_table_that_is_gone_is_a_fault(self, traders: Traders, table: str) -> None:
        traders.drop(table)
        before = traders.everything()
        assert_fault(traders.create_order(BUY))
        assert traders.everything() == before

    @pytest.mark.parametrize("operation", [GET, QUERY])
    def test_table_that_hangs_is_a_fault(self, traders: Traders, client_faults: ClientFaults, operation: str) -> None:
        before = traders.everything()
        client_faults.never_arrives(operation, times=100, error=read_timeout)
        assert_fault(traders.create_order(BUY))
        client_faults.reset()
        assert traders.everything() == before

    def test_key_that_cannot_be_looked_up_is_a_fault(self, traders: Traders, client_faults: ClientFaults) -> None:
        client_faults.never_arrives(GET, times=3)
        assert_fault(traders.create_order(BUY, Idempotency_Key="a-key"))
        assert traders.signals() == []

    @pytest.mark.parametrize("variable", ["SIGNALS_TABLE", "EXIT_SCOPE", "SIGNAL_QUANTITY", "SIGNAL_LEASE"])
    def test_setting_that_is_missing_is_a_fault(
        self, traders: Traders, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        monkeypatch.delenv(variable)
        assert_fault(traders.create_order(BUY))

    def test_request_that_is_wrong_is_still_told_what_is_wrong(self, traders: Traders) -> None:
        traders.drop("SIGNALS_TABLE")
        answer = traders.gateway.post("/create_order", {})
        assert (answer.status, answer.content["RESPONSE"]) == (422, "REJECTED")

    def test_signal_of_the_other_route_is_a_problem(self, traders: Traders) -> None:
        traders.drop("POSITIONS_TABLE")
        answer = traders.post_signal(BUY)
        assert (answer.status, answer.content["code"]) == (500, "internal_error")
        assert answer.headers["Content-Type"] == "application/problem+json"

    def test_one_broken_connection_is_survived(self, traders: Traders, client_faults: ClientFaults) -> None:
        for operation in (GET, QUERY, PUT, TRANSACT):
            client_faults.never_arrives(operation, times=2)
        assert traders.create_order(BUY).content["RESPONSE"] == "ACCEPTED"


class TestAfterTheFirstWrite:
    @pytest.mark.parametrize("signal", [BUY, NOT_TRADED])
    def test_write_that_may_have_happened_is_never_told_as_rejected(
        self, traders: Traders, client_faults: ClientFaults, signal: Signal
    ) -> None:
        client_faults.never_arrives(PUT, times=3)
        signal_id = unfinished(traders.create_order(signal))
        assert traders.gateway.get(f"/signals/{signal_id}").status == 404

    @pytest.mark.parametrize("table", ["SIGNALS_TABLE", "ORDER_LOG_TABLE", "BROKER_ORDERS_TABLE"])
    def test_table_that_is_gone_is_unfinished(self, traders: Traders, table: str) -> None:
        traders.signal(*BUY)
        traders.drop(table)
        unfinished(traders.create_order(SALE))

    def test_signal_that_is_not_carried_out_is_open_and_changes_nothing_yet(
        self, traders: Traders, client_faults: ClientFaults
    ) -> None:
        client_faults.never_arrives(TRANSACT, times=3)
        signal_id = unfinished(traders.create_order(BUY))
        content = traders.view(signal_id)
        assert (content["status"], content["users"]) == ("OPEN", [])
        (row,) = traders.signals()
        assert (row["status"], row["accepted"], row["rejected"]) == ("OPEN", None, None)
        assert (traders.positions(), traders.orders()) == ([], [])

    def test_signal_that_is_carried_out_and_not_completed_is_open(
        self, traders: Traders, client_faults: ClientFaults
    ) -> None:
        client_faults.loses_answer(TRANSACT, then=lambda: client_faults.never_arrives(PUT, times=3))
        signal_id = unfinished(traders.create_order(BUY))
        assert traders.view(signal_id)["status"] == "OPEN"
        assert [position["signal_id"] for position in traders.positions()] == [signal_id]

    def test_other_route_names_the_signal_in_a_problem(self, traders: Traders, client_faults: ClientFaults) -> None:
        client_faults.never_arrives(TRANSACT, times=3)
        answer = traders.post_signal(BUY)
        assert (answer.status, answer.content["code"], answer.content["detail"]) == (
            503,
            "signal_unfinished",
            UNFINISHED,
        )
        assert traders.view(answer.content["signal_id"])["status"] == "OPEN"

    @pytest.mark.parametrize("operation", [PUT, TRANSACT])
    @pytest.mark.parametrize("times", [1, 2])
    def test_answer_that_is_lost_changes_nothing_in_ours(
        self, traders: Traders, client_faults: ClientFaults, operation: str, times: int
    ) -> None:
        client_faults.loses_answer(operation, times=times)
        answer = traders.create_order(BUY)
        assert (answer.status, answer.content["RESPONSE"], answer.content["USERS"]) == (200, "ACCEPTED", [HOLLAND])
        assert "Idempotency-Replayed" not in answer.headers
        assert (len(traders.positions()), len(traders.orders()), len(traders.signals())) == (1, 1, 1)

    def test_answer_to_the_completion_that_is_lost_changes_nothing_in_ours(
        self, traders: Traders, client_faults: ClientFaults
    ) -> None:
        client_faults.loses_answer(TRANSACT, then=lambda: client_faults.loses_answer(PUT))
        assert traders.create_order(BUY).content["RESPONSE"] == "ACCEPTED"
        assert [row["status"] for row in traders.signals()] == ["ACCEPTED"]


class TestCompletion:
    @pytest.fixture(params=["nothing", "all"])
    def interrupted(self, request: pytest.FixtureRequest, traders: Traders, client_faults: ClientFaults) -> str:
        """A signal whose worker died before it did anything, or when only the completion was left."""
        if request.param == "nothing":
            client_faults.never_arrives(TRANSACT, times=3)
        else:
            client_faults.loses_answer(TRANSACT, then=lambda: client_faults.never_arrives(PUT, times=3))
        return unfinished(traders.create_order(BUY, Idempotency_Key="a-key"))

    def test_sweep_leaves_a_signal_alone_whose_worker_may_be_alive(self, traders: Traders, interrupted: str) -> None:
        invoke("sweep", schedule_event())
        assert traders.view(interrupted)["status"] == "OPEN"

    def test_sweep_completes_a_signal_whose_worker_is_dead(self, traders: Traders, interrupted: str) -> None:
        traders.expire_lease(interrupted)
        invoke("sweep", schedule_event())
        content = traders.view(interrupted)
        assert (content["status"], reasons(content)) == ("ACCEPTED", {HOLLAND: "opened"})
        assert [position["order_id"] for position in traders.positions()] == [order_ids(content)[HOLLAND]]
        assert len(traders.orders()) == 1

    def test_signal_is_completed_on_the_profiles_that_it_began_with(self, traders: Traders, interrupted: str) -> None:
        traders.put_profiles({"Zoe": {"STRATEGY_B": ["MINDA"]}})
        traders.expire_lease(interrupted)
        invoke("sweep", schedule_event())
        assert reasons(traders.view(interrupted)) == {HOLLAND: "opened"}

    def test_repeated_request_completes_it_when_its_worker_is_dead(self, traders: Traders, interrupted: str) -> None:
        traders.expire_lease(interrupted)
        answer = traders.create_order(BUY, Idempotency_Key="a-key")
        assert (answer.status, answer.headers["Idempotency-Replayed"]) == (200, "true")
        assert answer.content == {
            "RESPONSE": "ACCEPTED",
            "ORDER_ID": interrupted,
            "REASON": "Valid for 1 user.",
            "USERS": [HOLLAND],
        }
        assert (len(traders.positions()), len(traders.orders())) == (1, 1)

    def test_repeated_request_waits_for_the_worker_and_then_tells_that_it_is_unfinished(
        self, traders: Traders, interrupted: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # A request that has less than half a second.
        monkeypatch.setenv("SIGNAL_LEASE", "4.4")
        assert unfinished(traders.create_order(BUY, Idempotency_Key="a-key")) == interrupted

    def test_completion_that_fails_again_is_still_open(
        self, traders: Traders, interrupted: str, client_faults: ClientFaults
    ) -> None:
        traders.expire_lease(interrupted)
        client_faults.never_arrives(BATCH_GET, times=3)
        assert unfinished(traders.create_order(BUY, Idempotency_Key="a-key")) == interrupted
        assert traders.view(interrupted)["status"] == "OPEN"

    def test_sweep_that_fails_with_one_signal_completes_the_others(
        self, traders: Traders, interrupted: str, client_faults: ClientFaults
    ) -> None:
        client_faults.never_arrives(TRANSACT, times=3)
        traders.put_profiles({"Ben": {"S": ["ACC"]}})
        other = unfinished(traders.create_order(("S", "ACC", "BUY")))
        for signal_id in (interrupted, other):
            traders.expire_lease(signal_id)
        client_faults.never_arrives(BATCH_GET, times=3)
        invoke("sweep", schedule_event())
        assert sorted(traders.view(signal_id)["status"] for signal_id in (interrupted, other)) == ["ACCEPTED", "OPEN"]
        invoke_with_expired_lease(traders, interrupted, other)
        assert {traders.view(signal_id)["status"] for signal_id in (interrupted, other)} == {"ACCEPTED"}

    def test_sale_that_is_completed_later_closes_what_is_there_then(
        self, traders: Traders, client_faults: ClientFaults
    ) -> None:
        traders.signal(*BUY)
        client_faults.never_arrives(TRANSACT, times=3)
        signal_id = unfinished(traders.create_order(SALE))
        sold = traders.signal(*SELL)
        traders.expire_lease(signal_id)
        invoke("sweep", schedule_event())
        assert traders.view(signal_id)["status"] == "REJECTED"
        assert [trip["sell_signal_id"] for trip in traders.log()] == [sold["signal_id"]]


def invoke_with_expired_lease(traders: Traders, *signals: str) -> None:
    """Let the sweep look at signals again whose last worker is dead, too."""
    for signal_id in signals:
        if traders.view(signal_id)["status"] == "OPEN":
            traders.expire_lease(signal_id)
    invoke("sweep", schedule_event())


def test_lease_of_a_signal_is_the_deployments(traders: Traders, client_faults: ClientFaults) -> None:
    client_faults.never_arrives(TRANSACT, times=3)
    earliest = utc_now()
    signal_id = unfinished(traders.create_order(BUY))
    (item,) = traders.items("SIGNALS_TABLE")
    assert item["signal_id"] == {"S": signal_id}
    leased_for = parse_timestamp(item["leased_until"]["S"]) - earliest
    assert timedelta(seconds=26) <= leased_for < timedelta(seconds=30)
    assert item["created_at"]["S"] >= format_timestamp(earliest)


@pytest.mark.parametrize("path", ["/signals", "/signals/7b7a8f8e-0000-4000-8000-000000000000", "/positions?user=x"])
def test_fault_of_a_list_is_a_problem(traders: Traders, path: str, client_faults: ClientFaults) -> None:
    for operation in (GET, QUERY):
        client_faults.never_arrives(operation, times=100)
    answer = traders.gateway.get(path)
    assert (answer.status, answer.content["code"]) == (500, "internal_error")
