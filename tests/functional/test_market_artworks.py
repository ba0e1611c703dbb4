"""Browsing what is for sale, and the page of one artwork."""

import json
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.market.order import Direction, MarketOrder
from chalicelib.market.service import BOOK_DEPTH
from chalicelib.market.store import LAST_TRANSACTIONS
from tests.functional.conftest import problem_of
from tests.functional.gateway import Answer
from tests.functional.market import BUY, SELL, ArtMarket, put, trade
from tests.functional.pages import flat
from tests.unit.market.orders import new_order

DETAILS = {
    "title": "Nighthawks",
    "artist": "Edward Hopper",
    "description": "Oil on canvas, 1942",
    "image_url": "https://example.com/nighthawks.jpg",
}
BARE = {"title": "Nighthawks", "artist": "Edward Hopper"}
LONG = "x" * 10_000
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE artworks; --",
    "{{7*7}}${7*7}",
    "../../etc/passwd",
    "\u202egnp.exe",
    "a\u0000b",
    "a\nb\tc",
    "Zażółć gęślą jaźń",
    "東京 😀 👩‍👩‍👧",
    '=HYPERLINK("http://x")',
    "null",
    "0",
]


@pytest.fixture
def art(aws: dict[str, str]) -> ArtMarket:
    return ArtMarket(aws)


def put_details(art: ArtMarket, details: Any, artwork_id: int | str = 7) -> Answer:
    return art.gateway.send("PUT", f"/market/artworks/{artwork_id}", details)


def some_for_sale() -> list[MarketOrder]:
    """Store sell orders of which many share a price, a moment or both, among buy orders."""
    orders = [new_order("sell", 1 + n % 3, n // 4, artwork_id=n % 5) for n in range(30)]
    put(*orders, *(new_order("buy", "0.5", n) for n in range(3)))
    return orders


ORDERS: dict[str, Any] = {
    "newest": (lambda order: (order.created_at, order.order_id), True),
    "price_asc": (lambda order: (order.price, order.created_at, order.order_id), False),
    "price_desc": (lambda order: (order.price, order.created_at, order.order_id), True),
}


class TestBrowsing:
    def test_empty_market_has_nothing_for_sale(self, art: ArtMarket) -> None:
        assert art.get("/artworks").content == {"artworks": [], "next_cursor": None}

    def test_row_shows_the_offer(self, art: ArtMarket) -> None:
        order = art.post(SELL).content
        expected = {
            "artwork_id": 7,
            "price": 10.25,
            "order_id": order["order_id"],
            "user_id": 1,
            "listed_at": order["created_at"],
        }
        assert art.get("/artworks").content == {"artworks": [expected], "next_cursor": None}

    @pytest.mark.parametrize("details", [DETAILS, BARE])
    def test_row_shows_what_is_known_of_the_artwork(self, art: ArtMarket, details: dict[str, str]) -> None:
        put_details(art, details)
        art.offer(SELL)
        art.offer({**SELL, "artwork_id": 8})
        rows = {row.pop("artwork_id"): row for row in art.get("/artworks").content["artworks"]}
        own = {"price", "order_id", "user_id", "listed_at"}
        known = {name: value for name, value in rows[7].items() if name not in own}
        assert known == {name: value for name, value in details.items() if name != "description"}
        assert set(rows[8]) == own

    def test_every_open_sell_order_is_a_row(self, art: ArtMarket) -> None:
        ids = [art.offer({**SELL, "user_id": user}) for user in (1, 1, 2)]
        art.offer(BUY, price=1)
        assert sorted(row["order_id"] for row in art.get("/artworks").content["artworks"]) == sorted(ids)

    @pytest.mark.parametrize("sort", ORDERS)
    def test_filled_and_canceled_offers_are_gone(self, art: ArtMarket, sort: str) -> None:
        art.offer(SELL)
        art.offer(BUY)
        art.match()
        art.cancel(art.offer(SELL))
        left = art.offer({**SELL, "price": 99})
        rows = art.get(f"/artworks?sort={sort}").content["artworks"]
        assert [row["order_id"] for row in rows] == [left]

    @pytest.mark.parametrize("sort", ORDERS)
    @pytest.mark.parametrize("limit", [1, 4, 7, 29, 30, 100])
    @pytest.mark.no_cover
    def test_pages_of_every_sort_meet_without_gap_or_repetition(self, art: ArtMarket, sort: str, limit: int) -> None:
        orders = some_for_sale()
        key, reverse = ORDERS[sort]
        pages = art.walk(f"/artworks?sort={sort}&limit={limit}", "artworks")
        expected = [order.order_id for order in sorted(orders, key=key, reverse=reverse)]
        assert [row["order_id"] for row in flat(pages)] == expected
        assert max(map(len, pages)) == min(limit, 30)

    def test_newest_is_the_default(self, art: ArtMarket) -> None:
        some_for_sale()
        assert art.get("/artworks").text == art.get("/artworks?sort=newest").text

    def test_default_page_has_50_rows(self, art: ArtMarket) -> None:
        put(*(new_order("sell", 1, n) for n in range(51)))
        assert [len(page) for page in art.walk("/artworks", "artworks")] == [50, 1]

    def test_prices_sort_as_numbers(self, art: ArtMarket) -> None:
        prices = ["0.01", "2", "9.99", "10", "10.01", "100", "999999999999.99", "1000000000000"]
        put(*(new_order("sell", price, n) for n, price in enumerate(reversed(prices))))
        for sort, expected in (("price_asc", prices), ("price_desc", prices[::-1])):
            rows = json.loads(art.get(f"/artworks?sort={sort}").text, parse_float=Decimal)["artworks"]
            assert [row["price"] for row in rows] == [Decimal(price) for price in expected]

    @pytest.mark.parametrize("sort", ORDERS)
    def test_offers_that_come_and_go_while_paging_leave_no_gap(self, art: ArtMarket, sort: str) -> None:
        orders = some_for_sale()
        key, reverse = ORDERS[sort]
        expected = sorted(orders, key=key, reverse=reverse)
        first = art.get(f"/artworks?sort={sort}&limit=10").content
        art.cancel(expected[9].order_id)
        put(new_order("sell", "0.01" if sort == "price_asc" else 99, 999))
        second = art.get(f"/artworks?sort={sort}&limit=10&cursor={first['next_cursor']}").content
        assert [row["order_id"] for row in second["artworks"]] == [order.order_id for order in expected[10:20]]


class TestBook:
    def test_artwork_that_nobody_offered_has_an_empty_book(self, art: ArtMarket) -> None:
        answer = art.get("/artworks/7")
        assert answer.status == 200
        assert answer.content == {
            "artwork_id": 7,
            "title": None,
            "artist": None,
            "asks": [],
            "bids": [],
            "last_transactions": [],
        }

    def test_book_shows_both_sides_best_first(self, art: ArtMarket) -> None:
        asks = [art.post({**SELL, "price": price}).content for price in (30, 20, 20)]
        bids = [art.post({**BUY, "price": price}).content for price in (5, 10, 10)]
        art.offer({**SELL, "artwork_id": 8})
        content = art.get("/artworks/7").content
        assert content["asks"] == [asks[1], asks[2], asks[0]]
        assert content["bids"] == [bids[1], bids[2], bids[0]]

    def test_book_shows_last_transactions_newest_first_and_what_is_left(self, art: ArtMarket) -> None:
        transactions = []
        for _ in range(2):
            sell = art.offer(SELL)
            art.offer(BUY)
            art.match()
            transactions.append(art.order(sell)["transaction"])
        content = art.get("/artworks/7").content
        assert content["last_transactions"] == transactions[::-1]
        assert (content["asks"], content["bids"]) == ([], [])

    def test_book_is_shown_to_a_limited_depth(self, art: ArtMarket) -> None:
        for n in range(LAST_TRANSACTIONS + 1):
            sell, buy = new_order("sell", 1, n), new_order("buy", 1, n)
            put(sell, buy)
            trade(sell, buy)
        put(*(new_order("sell", 100 + n) for n in range(BOOK_DEPTH + 1)))
        put(*(new_order("buy", 1 + n) for n in range(BOOK_DEPTH + 1)))
        content = art.get("/artworks/7").content
        assert [order["price"] for order in content["asks"]] == list(range(100, 100 + BOOK_DEPTH))
        assert [order["price"] for order in content["bids"]] == list(range(BOOK_DEPTH + 1, 1, -1))
        assert len(content["last_transactions"]) == LAST_TRANSACTIONS

    def test_book_has_what_is_known_of_the_artwork(self, art: ArtMarket) -> None:
        put_details(art, DETAILS)
        content = art.get("/artworks/7").content
        assert {name: content[name] for name in DETAILS} == DETAILS

    @pytest.mark.parametrize("side", ["sell", "buy"])
    def test_canceled_order_leaves_the_book(self, art: ArtMarket, side: Direction) -> None:
        art.cancel(art.offer({**SELL, "direction": side}))
        content = art.get("/artworks/7").content
        assert (content["asks"], content["bids"]) == ([], [])


BAD_IDS = ["x", "-1", "1.5", "1e3", str(2**53), "9" * 10_000, "%00", quote("²"), quote("' OR 1=1"), "%20", "7-7", LONG]


@pytest.mark.parametrize("artwork_id", BAD_IDS, ids=lambda text: text[:20])
def test_artwork_by_no_id_is_not_found(art: ArtMarket, artwork_id: str) -> None:
    for answer in (art.get(f"/artworks/{artwork_id}"), put_details(art, DETAILS, artwork_id)):
        assert (answer.status, answer.content["code"]) == (404, "unknown_artwork")
        assert len(answer.text) < 500
    assert art.stored() == 0


@pytest.mark.parametrize("artwork_id", [0, 2**53 - 1])
def test_artwork_ids_at_the_limits_are_taken(art: ArtMarket, artwork_id: int) -> None:
    assert put_details(art, BARE, artwork_id).status == 200
    assert art.get(f"/artworks/{artwork_id}").content["title"] == "Nighthawks"


class TestDetails:
    @pytest.mark.parametrize("details", [DETAILS, BARE])
    def test_put_answers_with_what_is_known_now(self, art: ArtMarket, details: dict[str, str]) -> None:
        answer = put_details(art, details)
        assert (answer.status, answer.content) == (200, {"artwork_id": 7, **details})

    def test_put_replaces_everything(self, art: ArtMarket) -> None:
        put_details(art, DETAILS)
        put_details(art, {"title": "Gas", "artist": "E. Hopper", "image_url": None})
        content = art.get("/artworks/7").content
        assert (content["title"], content["artist"]) == ("Gas", "E. Hopper")
        assert not {"description", "image_url"} & set(content)

    def test_put_leaves_the_book_alone(self, art: ArtMarket) -> None:
        order = art.post(SELL).content
        put_details(art, DETAILS)
        assert art.get("/artworks/7").content["asks"] == [order]

    @pytest.mark.parametrize("text", HOSTILE)
    def test_hostile_text_is_stored_as_given(self, art: ArtMarket, text: str) -> None:
        art.offer(SELL)
        assert put_details(art, {"title": text, "artist": text, "description": text}).status == 200
        (row,) = art.get("/artworks").content["artworks"]
        content = art.get("/artworks/7").content
        assert (row["title"], row["artist"]) == (text, text)
        assert (content["title"], content["artist"], content["description"]) == (text, text, text)

    def test_blanks_around_title_and_artist_are_dropped(self, art: ArtMarket) -> None:
        content = put_details(art, {"title": "  Nighthawks\n", "artist": "\tEdward Hopper "}).content
        assert content == {"artwork_id": 7, **BARE}

    def test_longest_details_are_taken(self, art: ArtMarket) -> None:
        url = "https://example.com/" + "x" * 1_980
        details = {"title": "😀" * 200, "artist": "€" * 200, "description": "é" * 5_000, "image_url": url}
        assert put_details(art, details).content == {"artwork_id": 7, **details}

    @pytest.mark.parametrize(
        ("field", "value", "rule"),
        [
            *[
                (field, value, rule)
                for field in ("title", "artist")
                for value, rule in [
                    ("", "string_too_short"),
                    ("  \n", "string_too_short"),
                    ("x" * 201, "string_too_long"),
                    (LONG, "string_too_long"),
                    (None, "string_type"),
                    (1, "string_type"),
                    (True, "string_type"),
                    (["Nighthawks"], "string_type"),
                    ("\ud800", "string_unicode"),
                ]
            ],
            ("description", "x" * 5_001, "string_too_long"),
            ("description", LONG, "string_too_long"),
            ("description", 1, "string_type"),
            ("description", "\udfff", "string_unicode"),
            *[
                ("image_url", url, "string_pattern_mismatch")
                for url in [
                    "",
                    "nighthawks.jpg",
                    "/nighthawks.jpg",
                    "//example.com/n.jpg",
                    "javascript:alert(1)",
                    "JavaScript:alert(1)",
                    " javascript:alert(1)",
                    "java\nscript:alert(1)",
                    "javascript:alert(1)//https://x",
                    "javascript:alert(1)\nhttps://x",
                    "data:text/html,<script>alert(1)</script>",
                    "vbscript:msgbox(1)",
                    "file:///etc/passwd",
                    "blob:https://example.com/1",
                    "ftp://example.com/n.jpg",
                    "https://",
                    "https:example.com",
                    "https://example.com/a b.jpg",
                    "https://example.com/n.jpg\n",
                    "https://example.com/n.jpg\njavascript:alert(1)",
                ]
            ],
            ("image_url", "https://example.com/" + LONG, "string_too_long"),
            ("image_url", 1, "string_type"),
            ("image_url", ["https://example.com"], "string_type"),
        ],
    )
    def test_field_that_breaks_a_rule_is_named_with_the_rule(
        self, art: ArtMarket, field: str, value: Any, rule: str
    ) -> None:
        answer = put_details(art, {**DETAILS, field: value})
        assert answer.status == 422, answer.text
        assert answer.content["code"] == "validation_failed"
        assert problem_of(answer.content) == {(("body", field), rule)}
        assert art.stored() == 0

    @pytest.mark.parametrize("field", ["title", "artist"])
    def test_title_and_artist_are_required(self, art: ArtMarket, field: str) -> None:
        answer = put_details(art, {name: value for name, value in DETAILS.items() if name != field})
        assert (answer.status, problem_of(answer.content)) == (422, {(("body", field), "missing")})

    @pytest.mark.parametrize(
        ("body", "rule"), [(b"", "json_invalid"), (b"[]", "object_type"), (b'{"title": NaN}', "json_invalid")]
    )
    def test_body_that_is_no_json_object_is_refused(self, art: ArtMarket, body: bytes, rule: str) -> None:
        answer = put_details(art, body)
        assert (answer.status, problem_of(answer.content)) == (422, {(("body",), rule)})

    def test_body_over_64_kilobytes_is_too_large(self, art: ArtMarket) -> None:
        assert put_details(art, json.dumps(DETAILS).encode() + b" " * 1024 * 1024).status == 413

    def test_refused_details_leave_the_old_ones(self, art: ArtMarket) -> None:
        put_details(art, DETAILS)
        put_details(art, {**DETAILS, "title": ""})
        assert art.get("/artworks/7").content["title"] == "Nighthawks"
