"""GET /market/orders and GET /market/transactions: who sees what, in pages that meet, and cursors that lie."""

import pytest

from chalicelib.core.pagination import encode_cursor
from chalicelib.market.order import MarketOrder
from tests.functional.conftest import problem_of
from tests.functional.market import BUY, SELL, ArtMarket, put, trade
from tests.functional.pages import flat
from tests.unit.market.orders import at, new_order

MOMENT = "2026-03-02T09:30:00.123456Z"
UUID = "7b7a8f8e-0000-4000-8000-000000000000"
ORDER = f"7-{UUID}"
HUGE = "9" * 1_000


@pytest.fixture
def art(aws: dict[str, str]) -> ArtMarket:
    return ArtMarket(aws)


def ids(orders: list[MarketOrder]) -> list[str]:
    return [order.order_id for order in orders]


class TestOpenOrders:
    def test_list_of_nothing_is_empty(self, art: ArtMarket) -> None:
        assert art.get("/orders").content == {"orders": [], "next_cursor": None}
        assert art.get("/orders?user_id=1").content == {"orders": [], "next_cursor": None}

    def test_user_sees_own_orders_of_every_artwork_earliest_first(self, art: ArtMarket) -> None:
        mine = [art.post(order).content for order in (SELL, {**SELL, "direction": "buy"}, {**SELL, "artwork_id": 8})]
        art.offer(BUY)
        answer = art.get("/orders?user_id=1")
        assert answer.status == 200
        assert answer.content == {"orders": mine, "next_cursor": None}

    def test_everybody_sees_all_open_orders(self, art: ArtMarket) -> None:
        expected = {art.offer({**SELL, "user_id": user, "artwork_id": user % 3}) for user in range(5)}
        content = art.get("/orders").content
        assert {order["order_id"] for order in content["orders"]} == expected
        assert content["next_cursor"] is None

    def test_filled_and_canceled_orders_are_gone(self, art: ArtMarket) -> None:
        art.offer(SELL)
        art.offer(BUY)
        art.match()
        art.cancel(art.offer(SELL))
        left = art.offer({**SELL, "price": 99})
        for query in ("", "?user_id=1"):
            assert [order["order_id"] for order in art.get(f"/orders{query}").content["orders"]] == [left]
        assert art.get("/orders?user_id=2").content["orders"] == []

    @pytest.mark.parametrize("limit", [1, 2, 5, 22, 23, 100])
    def test_pages_of_a_user_meet_without_gap_or_repetition(self, art: ArtMarket, limit: int) -> None:
        # Some share a microsecond.
        mine = [new_order("sell", 1 + n % 2, n // 4, user_id=1, artwork_id=n % 3) for n in range(23)]
        put(*mine, *(new_order("sell", 1, n, user_id=2) for n in range(3)))
        pages = art.walk(f"/orders?user_id=1&limit={limit}", "orders")
        found = [row["order_id"] for row in flat(pages)]
        assert sorted(found) == sorted(ids(mine))
        moments = [row["created_at"] for row in flat(pages)]
        assert moments == sorted(moments)
        assert max(map(len, pages)) == min(limit, 23)

    @pytest.mark.parametrize("limit", [1, 2, 5, 100])
    def test_pages_of_everybody_meet_without_gap_or_repetition(self, art: ArtMarket, limit: int) -> None:
        made = [new_order("sell" if n % 2 else "buy", 1, n // 4, user_id=n % 5, artwork_id=n % 3) for n in range(23)]
        put(*made)
        pages = art.walk(f"/orders?limit={limit}", "orders")
        assert sorted(row["order_id"] for row in flat(pages)) == sorted(ids(made))
        assert max(map(len, pages)) == min(limit, 23)

    def test_default_page_has_50_orders(self, art: ArtMarket) -> None:
        put(*(new_order("sell", 1, n, user_id=1) for n in range(51)))
        for path in ("/orders", "/orders?user_id=1"):
            assert [len(page) for page in art.walk(path, "orders")] == [50, 1]

    def test_order_that_comes_while_paging_shifts_nothing(self, art: ArtMarket) -> None:
        made = [new_order("sell", 1, n, user_id=1) for n in range(4)]
        put(*made)
        first = art.get("/orders?user_id=1&limit=2").content
        put(new_order("sell", 1, -5, user_id=1))
        second = art.get(f"/orders?user_id=1&limit=2&cursor={first['next_cursor']}").content
        assert [row["order_id"] for page in (first, second) for row in page["orders"]] == ids(made)

    def test_order_that_goes_while_paging_leaves_no_gap(self, art: ArtMarket) -> None:
        made = [new_order("sell", 1, n, user_id=1) for n in range(4)]
        put(*made)
        first = art.get("/orders?user_id=1&limit=2").content
        art.cancel(made[1].order_id)
        second = art.get(f"/orders?user_id=1&limit=2&cursor={first['next_cursor']}").content
        assert [row["order_id"] for row in second["orders"]] == ids(made[2:])

    def test_parameters_that_are_not_known_are_ignored(self, art: ArtMarket) -> None:
        assert art.get("/orders?colour=red&limit=5").status == 200


class TestTransactions:
    def test_user_has_to_be_named(self, art: ArtMarket) -> None:
        answer = art.get("/transactions")
        assert (answer.status, problem_of(answer.content)) == (422, {(("query", "user_id"), "missing")})

    def test_list_of_nothing_is_empty(self, art: ArtMarket) -> None:
        assert art.get("/transactions?user_id=1").content == {"transactions": [], "next_cursor": None}

    def test_buyer_and_seller_see_the_same_transaction_and_nobody_else_does(self, art: ArtMarket) -> None:
        sell, buy = art.offer(SELL), art.offer(BUY)
        art.match()
        transaction = art.order(sell)["transaction"]
        assert transaction["buy_order_id"] == buy
        for user in (1, 2):
            expected = {"transactions": [transaction], "next_cursor": None}
            assert art.get(f"/transactions?user_id={user}").content == expected
        assert art.get("/transactions?user_id=3").content["transactions"] == []

    def test_purchases_and_sales_come_together_newest_first(self, art: ArtMarket) -> None:
        executed = [10, 30, 20, 40]
        for n, seconds in enumerate(executed):
            seller, buyer = (1, 2) if n % 2 else (3, 1)
            sell, buy = new_order("sell", 1, n, user_id=seller), new_order("buy", 1, n, user_id=buyer)
            put(sell, buy)
            trade(sell, buy, executed_at=at(seconds))
        rows = art.get("/transactions?user_id=1").content["transactions"]
        assert [row["executed_at"][17:19] for row in rows] == ["40", "30", "20", "10"]

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 20, 21, 100])
    @pytest.mark.no_cover
    def test_pages_meet_without_gap_or_repetition(self, art: ArtMarket, limit: int) -> None:
        made = []
        for n in range(21):
            seller, buyer = (1, 2) if n % 2 else (3, 1)
            sell, buy = new_order("sell", 1, 0, seller, artwork_id=n % 2), new_order("buy", 1, n % 4, buyer, n % 2)
            put(sell, buy)
            # Six share each moment.
            trade(sell, buy, executed_at=at(100 + n // 6))
            made.append(sell.order_id)
        pages = art.walk(f"/transactions?user_id=1&limit={limit}", "transactions")
        rows = flat(pages)
        assert sorted(row["sell_order_id"] for row in rows) == sorted(made)
        moments = [row["executed_at"] for row in rows]
        assert moments == sorted(moments, reverse=True)
        assert max(map(len, pages)) == min(limit, 21)

    def test_transaction_that_comes_while_paging_shifts_nothing(self, art: ArtMarket) -> None:
        def deal(seconds: float) -> str:
            sell, buy = new_order("sell", 1, user_id=1), new_order("buy", 1, user_id=2)
            put(sell, buy)
            trade(sell, buy, executed_at=at(seconds))
            return sell.order_id

        made = [deal(seconds) for seconds in range(4)]
        first = art.get("/transactions?user_id=1&limit=2").content
        deal(60)
        second = art.get(f"/transactions?user_id=1&limit=2&cursor={first['next_cursor']}").content
        rows = first["transactions"] + second["transactions"]
        assert [row["sell_order_id"] for row in rows] == made[::-1]


RANK = f"A000000000001025#{MOMENT}#{ORDER}"

LYING_CURSORS: list[tuple[str, str, str]] = [
    ("not base64", "/orders?", "%%%"),
    ("empty", "/orders?", ""),
    ("no JSON", "/orders?", "AAAA"),
    ("long", "/orders?", "A" * 5_000),
    ("one user's in everybody's", "/orders?", encode_cursor("market-orders:1", ("1", MOMENT, ORDER))),
    ("everybody's in one user's", "/orders?user_id=1&", encode_cursor("market-orders:", ("1", MOMENT, ORDER))),
    ("another user's", "/orders?user_id=1&", encode_cursor("market-orders:2", ("2", MOMENT, ORDER))),
    ("of the broker", "/orders?", encode_cursor("orders:", (MOMENT, UUID))),
    ("of the sales", "/orders?", encode_cursor("for-sale:newest", (MOMENT, ORDER))),
    ("too short", "/orders?", encode_cursor("market-orders:", ("1", MOMENT))),
    ("too long", "/orders?", encode_cursor("market-orders:", ("1", MOMENT, ORDER, ORDER))),
    *[
        (f"orders: {name}", path, encode_cursor(f"market-orders:{owner}", position))
        for path, owner in (("/orders?", ""), ("/orders?user_id=1&", "1"))
        for name, position in [
            ("no user", ("", MOMENT, ORDER)),
            ("user a word", ("x", MOMENT, ORDER)),
            ("user negative", ("-1", MOMENT, ORDER)),
            ("user a fraction", ("1.5", MOMENT, ORDER)),
            ("user a superscript", ("\u00b2", MOMENT, ORDER)),
            ("user with a line break", ("1\n", MOMENT, ORDER)),
            ("user of 1,000 digits", (HUGE, MOMENT, ORDER)),
            ("no moment", ("1", "", ORDER)),
            ("moment a word", ("1", "yesterday", ORDER)),
            ("moment without offset", ("1", "2026-03-02T09:30:00.123456", ORDER)),
            ("moment in other words", ("1", "2026-03-02T09:30:00.123456+00:00", ORDER)),
            ("moment too long", ("1", MOMENT + "0" * 1_300, ORDER)),
            ("moment a surrogate", ("1", "\ud800", ORDER)),
            ("no order", ("1", MOMENT, "")),
            ("order without artwork", ("1", MOMENT, UUID)),
            ("order a surrogate", ("1", MOMENT, "7-" + "\ud800" * 36)),
            ("order of nonsense", ("1", MOMENT, "7-" + "x" * 36)),
            ("order too long", ("1", MOMENT, "7-" + "x" * 1_300)),
        ]
    ],
    ("orders: of another user within", "/orders?user_id=1&", encode_cursor("market-orders:1", ("2", MOMENT, ORDER))),
    ("transactions: another user's", "/transactions?user_id=1&", encode_cursor("transactions:2", (MOMENT, "x"))),
    ("transactions: of orders", "/transactions?user_id=1&", encode_cursor("market-orders:1", ("1", MOMENT, ORDER))),
    *[
        (f"transactions: {name}", "/transactions?user_id=1&", encode_cursor("transactions:1", position))
        for name, position in [
            ("no moment", ("", "x")),
            ("moment a word", ("yesterday", "x")),
            ("moment without offset", ("2026-03-02T09:30:00", "x")),
            ("moment out of range", ("0001-01-01T00:00:00+14:00", "x")),
            ("trade a surrogate", (MOMENT, "\ud800")),
            ("too short", (MOMENT,)),
        ]
    ],
    ("sales: of another sort", "/artworks?sort=price_asc&", encode_cursor("for-sale:price_desc", (RANK, ORDER))),
    ("sales: newest of price", "/artworks?sort=newest&", encode_cursor("for-sale:newest", (RANK, ORDER))),
    ("sales: newest with a surrogate", "/artworks?", encode_cursor("for-sale:newest", (MOMENT, "\ud800"))),
    ("sales: newest in other words", "/artworks?", encode_cursor("for-sale:newest", ("2026-03-02T09:30Z", ORDER))),
    *[
        (f"sales: {sort} {name}", f"/artworks?sort={sort}&", encode_cursor(f"for-sale:{sort}", (rank, ORDER)))
        for sort in ("price_asc", "price_desc")
        for name, rank in [
            ("nothing", ""),
            ("a word", "cheap"),
            ("a moment", MOMENT),
            ("a bid", RANK.replace("A", "B", 1)),
            ("a price without zeros", f"A1025#{MOMENT}#{ORDER}"),
            ("other digits", RANK.replace("0", "\u0660", 15)),
            ("a surrogate", "A\ud800"),
            ("too long", RANK + "0" * 1_100),
            ("no moment", f"A000000000001025#yesterday#{ORDER}"),
            ("no order", f"A000000000001025#{MOMENT}#x"),
            ("a line break", RANK + "\n"),
        ]
    ],
]


@pytest.mark.parametrize(
    ("path", "cursor"), [row[1:] for row in LYING_CURSORS], ids=[row[0].replace(" ", "-") for row in LYING_CURSORS]
)
def test_cursor_that_is_broken_or_forged_or_of_another_list_is_refused(art: ArtMarket, path: str, cursor: str) -> None:
    put(*(new_order("sell", 1, n, user_id=1) for n in range(3)))
    answer = art.get(f"{path}cursor={cursor}")
    assert (answer.status, answer.content["code"]) == (400, "invalid_cursor"), answer.text


@pytest.mark.parametrize(
    ("path", "cursor", "found"),
    [
        ("/orders?", encode_cursor("market-orders:", ("1", MOMENT, ORDER)), 2),
        ("/orders?user_id=1&", encode_cursor("market-orders:1", ("1", MOMENT, ORDER)), 2),
        ("/transactions?user_id=1&", encode_cursor("transactions:1", (MOMENT, "x")), 1),
        ("/artworks?", encode_cursor("for-sale:newest", (MOMENT, ORDER)), 1),
        ("/artworks?sort=price_asc&", encode_cursor("for-sale:price_asc", (RANK, ORDER)), 2),
        ("/artworks?sort=price_desc&", encode_cursor("for-sale:price_desc", (RANK, "")), 1),
    ],
)
def test_cursor_behind_an_item_that_is_gone_goes_on_behind_its_place(
    art: ArtMarket, path: str, cursor: str, found: int
) -> None:
    # One before the place, and two behind it.
    for price, seconds in ((10, -1), (11, 1), (12, 2)):
        sell, buy = new_order("sell", price, user_id=1), new_order("buy", price, user_id=2)
        put(new_order("sell", price, seconds, user_id=1), sell, buy)
        trade(sell, buy, executed_at=at(seconds))
    (whole,), (rest,) = (
        [rows for name, rows in art.get(path + after).content.items() if name != "next_cursor"]
        for after in ("", f"cursor={cursor}")
    )
    assert (len(whole), rest) == (3, whole[-found:])
