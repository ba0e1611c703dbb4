"""GET /positions, GET /order-log and GET /signals: every filter, pages that meet, and cursors that lie."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from urllib.parse import quote, urlencode

import pytest

from chalicelib.broker.order import OrderId
from chalicelib.broker.wiring import broker
from chalicelib.core.clock import utc_now
from chalicelib.core.lifecycle import OrderStatus
from chalicelib.core.pagination import encode_cursor
from chalicelib.strategies.item import SHARDS, holder_key, holding_key
from chalicelib.strategies.listing import Filter
from tests.functional.conftest import problem_of
from tests.functional.pages import Row, flat, walk
from tests.functional.traders import BUY, EXAMPLE, HOLLAND, SELL, Profiles, Traders, order_ids
from tests.moto_stack import dynamodb

USERS = ["Anne", "Ben", "Cleo Marsh", "Dan", "Eve"]
STRATEGIES = ["A", "A B"]
INSTRUMENTS = ["L&T", "ACC", "ACCO"]
EVERYTHING: Profiles = {user: dict.fromkeys(STRATEGIES, INSTRUMENTS) for user in USERS}
FILTERS = list(product([None, "Dan", "Zoe"], [None, "A", "B"], [None, "ACC", "INFY"]))
LIMITS = [1, 2, 7, 29, 30, 100]
MOMENT = "2026-03-02T09:30:00.123456Z"
LATER = "2999-03-02T09:30:00.123456Z"
UUID = "7b7a8f8e-0000-4000-8000-000000000000"


@pytest.fixture
def traders(aws: dict[str, str]) -> Traders:
    made = Traders(aws)
    made.put_profiles(EXAMPLE)
    return made


@pytest.fixture
def busy(aws: dict[str, str]) -> Traders:
    """Thirty positions of five users, two strategies and three instruments."""
    made = Traders(aws)
    made.put_profiles(EVERYTHING)
    for strategy, instrument in product(STRATEGIES, INSTRUMENTS):
        made.signal(strategy, instrument, "BUY")
    return made


def close_all(traders: Traders) -> None:
    for strategy, instrument in product(STRATEGIES, INSTRUMENTS):
        traders.signal(strategy, instrument, "SELL")


def query_of(**only: str | None) -> str:
    """Return a query string, "?" included, with the parameters that are not None."""
    return "?" + urlencode({name: value for name, value in only.items() if value is not None}, quote_via=quote)


def with_limit(query: str, limit: int) -> str:
    return f"{query}{'' if query.endswith('?') else '&'}limit={limit}"


def by_key(rows: list[Row]) -> list[str]:
    return sorted(map(repr, rows))


class TestPositions:
    def test_list_of_nothing_is_empty(self, traders: Traders) -> None:
        for query in ("", "?user=Anne", "?strategy=A", "?instrument=ACC", "?instrument=ACC&strategy=A"):
            assert traders.gateway.get(f"/positions{query}").content == {"positions": [], "next_cursor": None}

    def test_position_has_exactly_these_members(self, traders: Traders) -> None:
        signal = traders.signal(*BUY)
        answer = traders.gateway.get("/positions")
        (position,) = answer.content["positions"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert position == {
            "user": HOLLAND,
            "strategy": "STRATEGY_B",
            "instrument": "MINDA",
            "opened_at": traders.order(position["order_id"])["created_at"],
            "signal_id": signal["signal_id"],
            "order_id": order_ids(signal)[HOLLAND],
            "order_status": "PENDING_NEW",
        }

    @pytest.mark.parametrize("query", ["", query_of(user=HOLLAND), "?strategy=STRATEGY_B", "?instrument=MINDA"])
    @pytest.mark.parametrize("status", [OrderStatus.NEW, OrderStatus.FILLED, OrderStatus.REJECTED])
    def test_position_tells_how_its_order_does(self, traders: Traders, query: str, status: OrderStatus) -> None:
        order_id = OrderId(order_ids(traders.signal(*BUY))[HOLLAND])
        order = broker().store.get(order_id)
        assert order is not None
        broker().store.save(replace(order, status=status, placed_at=utc_now()))
        assert [position["order_status"] for position in traders.positions(query)] == [status.value]

    def test_position_without_its_order_is_shown_all_the_same(self, traders: Traders, aws: dict[str, str]) -> None:
        order_id = order_ids(traders.signal(*BUY))[HOLLAND]
        dynamodb().delete_item(TableName=aws["BROKER_ORDERS_TABLE"], Key={"order_id": {"S": order_id}})
        assert [position["order_status"] for position in traders.positions()] == [None]

    def test_closed_position_is_gone(self, traders: Traders) -> None:
        traders.signal(*BUY)
        traders.signal(*SELL)
        for query in ("", query_of(user=HOLLAND), "?instrument=MINDA"):
            assert traders.positions(query) == []

    @pytest.mark.no_cover
    def test_every_combination_of_filters_finds_exactly_its_positions(self, busy: Traders) -> None:
        everything = busy.positions()
        assert len(everything) == 30
        for user, strategy, instrument in FILTERS:
            only = {"user": user, "strategy": strategy, "instrument": instrument}
            wanted = [row for row in everything if all(value in (None, row[name]) for name, value in only.items())]
            for limit in (2, 100):
                found = busy.positions(with_limit(query_of(**only), limit))
                assert by_key(found) == by_key(wanted), (only, limit)

    @pytest.mark.no_cover
    def test_pages_meet_without_gap_or_repetition(self, busy: Traders) -> None:
        expected = by_key(busy.positions())
        for limit in LIMITS:
            pages = walk(busy.gateway, f"/positions?limit={limit}", "positions")
            assert by_key(flat(pages)) == expected
            assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
            assert 0 < len(pages[-1]) <= limit

    def test_positions_of_a_user_come_in_the_order_of_their_opening(self, busy: Traders) -> None:
        for limit in (1, 2, 5, 6, 100):
            found = busy.positions(f"?user=Dan&limit={limit}")
            assert [(row["strategy"], row["instrument"]) for row in found] == list(product(STRATEGIES, INSTRUMENTS))
            moments = [row["opened_at"] for row in found]
            assert moments == sorted(moments)

    def test_position_that_opens_while_paging_shifts_nothing(self, busy: Traders) -> None:
        first = busy.gateway.get("/positions?user=Dan&limit=4").content
        busy.put_profiles({"Dan": {"Z": ["ACC"]}})
        busy.signal("Z", "ACC", "BUY")
        second = busy.gateway.get(f"/positions?user=Dan&limit=4&cursor={first['next_cursor']}").content
        assert len(first["positions"] + second["positions"]) == 7
        assert second["positions"][-1]["strategy"] == "Z"

    @pytest.mark.parametrize("query", ["", "?user=Dan", "?instrument=ACC", "?instrument=ACC&strategy=A"])
    def test_position_that_closes_while_paging_leaves_no_gap(self, busy: Traders, query: str) -> None:
        path = f"/positions{query}{'&' if query else '?'}limit=2"
        expected = busy.positions(query)
        first = busy.gateway.get(path).content
        for row in first["positions"]:
            key = {"holding": holding_of(row), "holder": holder_key(row["strategy"], row["user"])}
            dynamodb().delete_item(TableName="Positions", Key={name: {"S": text} for name, text in key.items()})
        second = flat(walk(busy.gateway, f"{path}&cursor={first['next_cursor']}", "positions")[:1])
        assert second == expected[2:4]

    def test_default_page_has_50_positions(self, traders: Traders) -> None:
        profiles = {f"User {number}": {"S": ["ACC"]} for number in range(51)}
        traders.put_profiles(profiles)
        traders.signal("S", "ACC", "BUY")
        for query in ("", "?instrument=ACC", "?strategy=S"):
            assert [len(page) for page in walk(traders.gateway, f"/positions{query}", "positions")] == [50, 1]

    @pytest.mark.parametrize("name", ["é" * 64, "策" * 64, "😀" * 64], ids=["2 bytes", "3 bytes", "4 bytes"])
    def test_pages_meet_whatever_the_names(self, traders: Traders, name: str) -> None:
        traders.put_profiles({name: {name: [name]}, "Anne": {name: [name]}})
        traders.signal(name, name, "BUY")
        rows = flat(walk(traders.gateway, f"/positions{query_of(strategy=name, instrument=name)}&limit=1", "positions"))
        assert sorted(row["user"] for row in rows) == sorted(["Anne", name])


def holding_of(row: Row) -> str:
    """Return the key of the shard that a position lies in."""
    items = dynamodb().scan(TableName="Positions")["Items"]
    (found,) = [item["holding"]["S"] for item in items if item["order_id"]["S"] == row["order_id"]]
    return found


class TestOrderLog:
    def test_list_of_nothing_is_empty(self, traders: Traders) -> None:
        for query in ("", "?user=Anne", "?strategy=A", "?user=Anne&strategy=A"):
            assert traders.gateway.get(f"/order-log{query}").content == {"entries": [], "next_cursor": None}

    def test_every_close_is_in_the_log_newest_first(self, traders: Traders) -> None:
        sales = []
        for _ in range(3):
            traders.signal(*BUY)
            sales.append(traders.signal("STRATEGY_A", "MINDA", "SELL")["signal_id"])
        for query in ("", query_of(user=HOLLAND), "?strategy=STRATEGY_B"):
            assert [trip["sell_signal_id"] for trip in traders.log(query)] == sales[::-1]
        assert traders.log("?strategy=STRATEGY_A") == []

    @pytest.mark.no_cover
    def test_every_combination_of_filters_finds_exactly_its_round_trips(self, busy: Traders) -> None:
        close_all(busy)
        everything = busy.log()
        assert len(everything) == 30
        for user, strategy in product([None, "Dan", "Zoe"], [None, "A", "B"]):
            only = {"user": user, "strategy": strategy}
            wanted = [row for row in everything if all(value in (None, row[name]) for name, value in only.items())]
            for limit in (4, 100):
                assert busy.log(with_limit(query_of(**only), limit)) == wanted, (only, limit)

    @pytest.mark.no_cover
    def test_pages_meet_without_gap_or_repetition(self, busy: Traders) -> None:
        # Five users close at the same moment.
        close_all(busy)
        for limit in LIMITS:
            pages = walk(busy.gateway, f"/order-log?limit={limit}", "entries")
            rows = flat(pages)
            assert len({repr(row) for row in rows}) == len(rows) == 30
            moments = [row["sold_at"] for row in rows]
            assert (len(set(moments)), moments) == (6, sorted(moments, reverse=True))
            assert max(map(len, pages)) == min(limit, 30)

    def test_close_that_comes_while_paging_shifts_nothing(self, busy: Traders) -> None:
        for instrument in ("L&T", "ACC"):
            busy.signal("A", instrument, "SELL")
        expected = busy.log()
        first = busy.gateway.get("/order-log?limit=4").content
        busy.signal("A B", "ACC", "SELL")
        second = busy.gateway.get(f"/order-log?limit=100&cursor={first['next_cursor']}").content
        assert first["entries"] + second["entries"] == expected


class TestSignalList:
    def test_list_of_nothing_is_empty(self, traders: Traders) -> None:
        assert traders.gateway.get("/signals").content == {"signals": [], "next_cursor": None}

    def test_row_has_exactly_these_members(self, traders: Traders) -> None:
        traders.put_profiles({"Anne": {"S": ["ACC"]}, "Ben": {"S": ["ACC"]}, "Cleo": {"S": []}})
        content = traders.signal("S", "ACC", "BUY")
        assert traders.gateway.get("/signals").content["signals"] == [
            {
                "signal_id": content["signal_id"],
                "created_at": content["created_at"],
                "strategy": "S",
                "instrument": "ACC",
                "position": "BUY",
                "status": "ACCEPTED",
                "accepted": 2,
                "rejected": 1,
            }
        ]

    def test_signals_come_newest_first_in_pages_that_meet(self, traders: Traders) -> None:
        sent = [traders.signal("STRATEGY_X", f"I{number}", "SELL")["signal_id"] for number in range(23)]
        for limit in (1, 5, 22, 23, 100):
            pages = walk(traders.gateway, f"/signals?limit={limit}", "signals")
            assert [row["signal_id"] for row in flat(pages)] == sent[::-1]
            assert max(map(len, pages)) == min(limit, 23)

    def test_signal_that_comes_while_paging_shifts_nothing(self, traders: Traders) -> None:
        sent = [traders.signal(*SELL)["signal_id"] for _ in range(4)]
        first = traders.gateway.get("/signals?limit=2").content
        traders.signal(*SELL)
        second = traders.gateway.get(f"/signals?limit=2&cursor={first['next_cursor']}").content
        assert [row["signal_id"] for row in first["signals"] + second["signals"]] == sent[::-1]


POSITIONS = ["/positions?", "/positions?user=Dan&", "/positions?strategy=A&", "/positions?instrument=ACC&"]
POSITIONS += ["/positions?user=Dan&strategy=A&instrument=ACC&", "/positions?instrument=ACC&strategy=A&"]
LOGS = ["/order-log?", "/order-log?user=Dan&", "/order-log?strategy=A&", "/order-log?user=Dan&strategy=A&"]
PATHS = [*POSITIONS, *LOGS, "/signals?"]
TAMPERED = ["/positions?", "/positions?user=Dan&", "/positions?instrument=L%26T&strategy=A%20B&"]
TAMPERED += ["/order-log?", "/order-log?user=Dan&", "/signals?"]


class TestBrokenQueries:
    @pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1.5", "+1", "%20", "%C2%B2", "9" * 1_000])
    def test_limit_out_of_range_is_refused(self, traders: Traders, limit: str) -> None:
        for path in PATHS:
            answer = traders.gateway.get(f"{path}limit={limit}")
            assert (answer.status, problem_of(answer.content)) == (422, {(("query", "limit"), "limit")})

    @pytest.mark.parametrize(
        ("path", "name"),
        [(f"/positions?{name}=", name) for name in ("user", "strategy", "instrument")]
        + [(f"/order-log?{name}=", name) for name in ("user", "strategy")],
    )
    @pytest.mark.parametrize(
        ("value", "rule"),
        [
            ("", "string_too_short"),
            ("%20", "string_blank"),
            ("%09", "string_blank"),
            ("%00", "string_characters"),
            ("a%1Fb", "string_characters"),
            ("a%0A", "string_characters"),
            ("x" * 65, "string_too_long"),
            ("x" * 5_000, "string_too_long"),
        ],
    )  # fmt: skip
    def test_filter_that_is_no_name_is_refused(
        self, traders: Traders, path: str, name: str, value: str, rule: str
    ) -> None:
        answer = traders.gateway.get(path + value)
        assert (answer.status, problem_of(answer.content)) == (422, {(("query", name), rule)})

    def test_parameters_that_are_not_known_are_ignored(self, busy: Traders) -> None:
        for path in ("/positions", "/order-log", "/signals"):
            assert busy.gateway.get(f"{path}?colour=red&limit=5").status == 200
        # The log knows no instrument.
        assert busy.gateway.get("/order-log?instrument=").status == 200


def position_cursor(place: tuple[str, ...], **only: str) -> str:
    return encode_cursor(f"positions:{Filter(**only)}", place)


def log_cursor(place: tuple[str, ...], **only: str) -> str:
    return encode_cursor(f"order-log:{Filter(**only)}", place)


def only_page(traders: Traders, path: str) -> list[Row]:
    """Return the rows of a list of one page."""
    content = traders.gateway.get(path).content
    assert content.pop("next_cursor") is None
    (rows,) = content.values()
    found: list[Row] = rows
    return found


PLACE = (MOMENT, holding_key("ACC", 0), holder_key("A", "Dan"))
TRIP = (f"{MOMENT}#{UUID}", "Dan")
LYING_CURSORS: list[tuple[str, str, str]] = [
    *[
        (f"{path[1:-1]} {name}", path, cursor)
        for path in PATHS
        for name, cursor in [
            ("empty", ""),
            ("not base64", "%25%25%25"),
            ("no JSON", "AAAA"),
            ("long", "A" * 5_000),
            ("of the broker", encode_cursor("orders:", (MOMENT, UUID))),
        ]
    ],
    ("positions: the signals'", "/positions?", encode_cursor("signals", (MOMENT, UUID))),
    ("positions: the log's", "/positions?", log_cursor(TRIP)),
    ("log: the signals'", "/order-log?", encode_cursor("signals", (MOMENT, UUID))),
    ("log: the positions'", "/order-log?", position_cursor(PLACE)),
    ("signals: the log's", "/signals?", log_cursor(TRIP)),
    ("signals: the positions'", "/signals?", position_cursor(PLACE)),
    ("positions: of a user in all", "/positions?", position_cursor(PLACE, user="Dan")),
    ("positions: of all in a user", "/positions?user=Dan&", position_cursor(PLACE)),
    ("positions: of another user", "/positions?user=Dan&", position_cursor(PLACE, user="Eve")),
    ("positions: of one filter more", "/positions?user=Dan&", position_cursor(PLACE, user="Dan", strategy="A")),
    ("positions: of another filter", "/positions?strategy=A&", position_cursor(PLACE, instrument="A")),
    ("log: of a user in all", "/order-log?", log_cursor(TRIP, user="Dan")),
    ("log: of another strategy", "/order-log?strategy=A&", log_cursor(TRIP, strategy="B")),
    *[
        (f"{path[1:-1]}: {name}", path, position_cursor(place, **only))
        for path, only in [
            ("/positions?user=Dan&", {"user": "Dan"}),
            ("/positions?instrument=ACC&", {"instrument": "ACC"}),
        ]
        for name, place in [
            ("too short", PLACE[:2]),
            ("too long", (*PLACE, "x")),
            ("no holding", (MOMENT, "", PLACE[2])),
            ("no holder", (MOMENT, PLACE[1], "")),
            ("holder a surrogate", (MOMENT, PLACE[1], "\ud800")),
            ("holder huge", (MOMENT, PLACE[1], "x" * 1_025)),
        ]
    ],
    *[
        (f"positions: {name}", "/positions?user=Dan&", position_cursor((moment, *PLACE[1:]), user="Dan"))
        for name, moment in [
            ("no moment", ""),
            ("moment a word", "yesterday"),
            ("moment without offset", "2026-03-02T09:30:00"),
            ("moment out of range", "0001-01-01T00:00:00+14:00"),
        ]
    ],
    *[
        (f"positions: {name}", "/positions?instrument=ACC&", position_cursor((MOMENT, holding, "A"), instrument="ACC"))
        for name, holding in [
            ("of another instrument", holding_key("ACCO", 0)),
            ("of no shard", holding_key("ACC", SHARDS)),
            ("holding a word", "x"),
        ]
    ],
    ("positions: no holding in all", "/positions?", position_cursor((MOMENT, "", "x"))),
    ("positions: no holder in all", "/positions?", position_cursor((MOMENT, "x", ""))),
    *[
        (f"{path[1:-1]} {name}", path, log_cursor(place, **only))
        for path, only in [("/order-log?", {}), ("/order-log?user=Dan&", {"user": "Dan"})]
        for name, place in [
            ("nothing", ("", "")),
            ("no moment", ("", "Dan")),
            ("no user", (TRIP[0], "")),
            ("user a surrogate", (TRIP[0], "\ud800")),
            ("moment huge", ("2" * 1_025, "Dan")),
            ("too short", TRIP[:1]),
            ("too long", (*TRIP, "x")),
        ]
    ],
    *[
        (f"signals: {name}", "/signals?", encode_cursor("signals", place))
        for name, place in [
            ("no moment", ("", UUID)),
            ("moment a word", ("yesterday", UUID)),
            ("moment without offset", ("2026-03-02T09:30:00", UUID)),
            ("moment out of range", ("0001-01-01T00:00:00+14:00", UUID)),
            ("signal a surrogate", (MOMENT, "\ud800")),
            ("too short", (MOMENT,)),
            ("too long", (MOMENT, UUID, "x")),
        ]
    ],
]  # fmt: skip


class TestCursors:
    def test_cursor_that_is_broken_or_forged_or_of_another_list_is_refused(self, busy: Traders) -> None:
        close_all(busy)
        busy.signal("A", "ACC", "BUY")
        for name, path, cursor in LYING_CURSORS:
            answer = busy.gateway.get(f"{path}cursor={cursor}")
            assert (answer.status, answer.content["code"]) == (400, "invalid_cursor"), (name, answer.text)

    def test_cursor_with_a_position_of_another_strategy_is_refused(self, busy: Traders) -> None:
        cursor = position_cursor(
            (MOMENT, holding_key("ACC", 0), holder_key("B", "Dan")), instrument="ACC", strategy="A"
        )
        answer = busy.gateway.get(f"/positions?instrument=ACC&strategy=A&cursor={cursor}")
        assert (answer.status, answer.content["code"]) == (400, "invalid_cursor")

    @pytest.mark.parametrize(
        ("path", "cursor", "found"),
        [
            ("/positions?", position_cursor(PLACE), range(1, 15)),
            ("/positions?user=Dan&", position_cursor(PLACE, user="Dan"), [3]),
            ("/positions?instrument=ACC&", position_cursor(PLACE, instrument="ACC"), range(1, 5)),
            (
                "/positions?instrument=ACC&strategy=A&",
                position_cursor(PLACE, instrument="ACC", strategy="A"),
                range(1, 5),
            ),
            ("/order-log?", log_cursor(TRIP), [0]),
            ("/order-log?", log_cursor((f"{LATER}#{UUID}", "Dan")), [15]),
            ("/order-log?user=Dan&", log_cursor(TRIP, user="Dan"), [0]),
            ("/order-log?user=Dan&", log_cursor(("x", "x"), user="Dan"), [3]),
            ("/signals?", encode_cursor("signals", (MOMENT, UUID)), [0]),
            ("/signals?", encode_cursor("signals", (LATER, "")), [9]),
        ],
    )
    def test_cursor_behind_an_item_that_is_gone_goes_on_behind_its_place(
        self, busy: Traders, path: str, cursor: str, found: Iterable[int]
    ) -> None:
        for instrument in INSTRUMENTS:
            busy.signal("A B", instrument, "SELL")
        whole, rest = (only_page(busy, f"{path}limit=100{after}") for after in ("", f"&cursor={cursor}"))
        assert len(rest) in found
        assert rest == whole[len(whole) - len(rest) :]

    @pytest.mark.parametrize("path", TAMPERED)
    @pytest.mark.no_cover
    def test_cursor_of_which_any_one_letter_is_changed_is_never_a_fault(self, busy: Traders, path: str) -> None:
        busy.signal("A", "ACC", "SELL")
        busy.signal("A", "L&T", "SELL")
        cursor = busy.gateway.get(f"{path}limit=1").content["next_cursor"]
        for at, letter in enumerate(cursor):
            changed = cursor[:at] + ("A" if letter != "A" else "B") + cursor[at + 1 :]
            answer = busy.gateway.get(f"{path}limit=1&cursor={changed}")
            assert answer.status in (200, 400), (changed, answer.text)
            assert answer.status == 200 or answer.content["code"] == "invalid_cursor"
