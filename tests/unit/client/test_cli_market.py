"""`rialto market`: what is for sale, books, orders, transactions."""

import json

import pytest

from tests.unit.client.command import assert_explains_itself, assert_fits, rialto, words
from tests.unit.client.market_server import MOMENT, MarketServer, answers, resets

COMMANDS = ["browse", "show", "sell", "buy", "cancel", "orders", "transactions"]
LARGE = 2**53 - 1


def _for_sale(number: int, **changes: object) -> dict[str, object]:
    row = {"artwork_id": number, "price": 120.5, "order_id": f"{number}-o", "user_id": 1, "listed_at": MOMENT}
    return {**row, "title": "Nocturne", "artist": "A. Painter", **changes}


def _trade(number: int = 42) -> dict[str, object]:
    trade = {"transaction_id": "t", "artwork_id": number, "price": 99.9, "executed_at": MOMENT}
    return {**trade, "buy_order_id": f"{number}-b", "sell_order_id": f"{number}-s"}


def _send(market: MarketServer, *arguments: str) -> str:
    result = rialto("market", *arguments, "--json", url=market.url)
    assert result.exit_code == 0, result.output
    order_id: str = json.loads(result.stdout)["order_id"]
    return order_id


def test_what_is_for_sale(market: MarketServer) -> None:
    market.lists["artworks"] = [_for_sale(42), _for_sale(7, price=80, title=None)]

    (headings, nocturne, untitled) = words(rialto("market", "browse", "--sort", "price_desc", url=market.url))
    as_json = rialto("market", "browse", "--json", url=market.url).stdout.splitlines()

    assert headings == ["artwork", "price", "title", "artist", "listed", "seller", "order"]
    assert nocturne[:5] + nocturne[-2:] == ["42", "120.50", "Nocturne", "A.", "Painter", "1", "42-o"]
    assert untitled[:4] == ["7", "80.00", "A.", "Painter"]
    assert market.seen[0].query["sort"] == "price_desc"
    assert [json.loads(row)["listed_at"] for row in as_json] == ["2026-11-21T12:00:00.250000Z"] * 2


def test_nothing_for_sale(market: MarketServer) -> None:
    result = rialto("market", "browse", url=market.url)

    assert result.stdout.startswith("Nothing is for sale. `rialto market sell")
    assert rialto("market", "browse", "--json", url=market.url).stdout == ""


def test_a_book_shows_offers_bids_and_what_was_sold(market: MarketServer) -> None:
    market.artworks[42] = {"title": "Nocturne", "artist": "A. \x1b[2JPainter", "description": "In blue."}
    offer = _send(market, "sell", "42", "120.50", "--user", "1")
    bid = _send(market, "buy", "42", "100", "--user", "2")
    market.lists["transactions"] = [_trade()]

    result = rialto("market", "show", "42", url=market.url)
    book = json.loads(rialto("market", "show", "42", "--json", url=market.url).stdout)

    lines = words(result)
    assert result.stdout.startswith("Artwork 42: Nocturne, by A.  [2JPainter\n")
    assert ["In", "blue."] in lines
    asks, bids = lines[lines.index(["For", "sale:"]) + 2], lines[lines.index(["Wanted:"]) + 2]
    assert (asks[:2], asks[-1], bids[:2], bids[-1]) == (["120.50", "1"], offer, ["100.00", "2"], bid)
    assert lines[lines.index(["Sold", "last:"]) + 2][0] == "99.90"
    assert (book["title"], book["asks"][0]["order_id"]) == ("Nocturne", offer)
    assert book["last_transactions"][0]["executed_at"] == "2026-11-21T12:00:00.250000Z"


def test_an_empty_book(market: MarketServer) -> None:
    told = rialto("market", "show", "43", url=market.url).stdout

    assert told.splitlines()[0] == "Artwork 43: Untitled, by an unknown artist"
    assert "For sale: nothing" in told
    assert "Sold last: never" in told


def test_an_offer_and_a_bid(market: MarketServer) -> None:
    sell = rialto("market", "sell", "42", "120.50", "--user", "1", url=market.url)
    buy = rialto("market", "buy", "42", "130", url=market.url, user="2")

    assert words(sell)[:2] == [["User", "1", "asks", "120.50", "for", "artwork", "42."], ["order", "order-0"]]
    assert words(buy)[0] == ["User", "2", "bids", "130.00", "for", "artwork", "42."]
    assert [request.body for request in market.seen] == [
        {"user_id": 1, "artwork_id": 42, "price": 120.5, "direction": "sell"},
        {"user_id": 2, "artwork_id": 42, "price": 130.0, "direction": "buy"},
    ]


def test_the_option_wins_over_the_environment(market: MarketServer) -> None:
    rialto("market", "buy", "42", "130", "--user", "3", url=market.url, user="2")

    assert market.seen[0].body["user_id"] == 3


def test_a_key_makes_one_order(market: MarketServer) -> None:
    ids = {_send(market, "sell", "42", "120.50", "--user", "1", "--key", "monday") for _ in range(2)}

    assert len(ids) == len(market.orders) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sell", "42", "120.505", "--user", "1"], "'120.505' is no price: a number above 0 with at most 2 decimals"),
        (["buy", "42", "0", "--user", "1"], "'0' is no price"),
        (["buy", "x", "1", "--user", "1"], "'ARTWORK': Input should be a valid integer"),
        (["buy", "42", "1"], "Missing option '--user'"),
        (["buy", "42", "1", "--user", str(LARGE + 1)], "'RIALTO_USER'): Input should be less than or equal to"),
        (["transactions"], "Missing option '--user'"),
        (["browse", "--sort", "dearest"], "'dearest' is not one of 'newest', 'price_asc', 'price_desc'."),
    ],
)
def test_wrong_usage_is_one_line_and_2(market: MarketServer, arguments: list[str], told: str) -> None:
    result = rialto("market", *arguments, url=market.url)

    assert (result.exit_code, result.stdout, market.seen) == (2, "", [])
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def test_after_lost_answers_the_key_is_told(market: MarketServer) -> None:
    market.faults.extend([resets] * 3)

    result = rialto("market", "buy", "42", "130", "--user", "2", url=market.url)

    assert result.exit_code == 1
    assert f"--key {market.keys[0]} asks for it again without doing it twice." in result.stderr


def test_an_order_is_canceled_unless_it_was_filled(market: MarketServer) -> None:
    canceled, filled = _send(market, "sell", "42", "1", "--user", "1"), _send(market, "sell", "42", "2", "--user", "1")
    market.filled.add(filled)

    done = rialto("market", "cancel", canceled, url=market.url)
    late = rialto("market", "cancel", filled, url=market.url)
    late_json = rialto("market", "cancel", filled, "--json", url=market.url)

    assert (done.exit_code, done.stdout) == (0, "Canceled: it will never trade.\n")
    assert (late.exit_code, late.stdout) == (1, "")
    assert late.stderr == "Too late: the order was filled. `rialto market transactions` has it.\n"
    assert (late_json.exit_code, json.loads(late_json.stdout), late_json.stderr) == (1, {"is_canceled": False}, "")


def test_an_unknown_order_is_not_found(market: MarketServer) -> None:
    result = rialto("market", "cancel", "unknown", url=market.url)

    assert (result.exit_code, result.stderr) == (1, "Refused, 404: There is no order 'unknown' (request r-1).\n")


def test_open_orders_of_everybody_or_of_one(market: MarketServer) -> None:
    for user in ("1", "2"):
        _send(market, "sell", "42", "120.50", "--user", user)

    everybody = words(rialto("market", "orders", url=market.url))
    mine = words(rialto("market", "orders", url=market.url, user="2"))

    assert [line[-1] for line in everybody] == ["order", "order-0", "order-1"]
    assert [line[-1] for line in mine] == ["order", "order-1"]
    assert mine[1][:4] == ["sell", "42", "120.50", "2"]
    (row,) = rialto("market", "orders", "--user", "1", "--json", url=market.url).stdout.splitlines()
    assert json.loads(row)["status"] == "open"
    assert "no open orders" in rialto("market", "orders", "--user", "3", url=market.url).stdout


def test_transactions_name_both_orders(market: MarketServer) -> None:
    market.lists["transactions"] = [_trade()]

    (headings, trade) = words(rialto("market", "transactions", "--user", "2", url=market.url))
    (row,) = rialto("market", "transactions", "--user", "2", "--json", url=market.url).stdout.splitlines()

    assert headings == ["executed", "artwork", "price", "buy", "order", "sell", "order"]
    assert trade[2:] == ["42", "99.90", "42-b", "42-s"]
    assert json.loads(row)["transaction_id"] == "t"
    assert market.seen[0].query["user_id"] == "2"


def test_what_the_market_refuses_is_told_field_by_field(market: MarketServer) -> None:
    error = {"loc": ["body", "price"], "msg": "Input should be less than or equal to 1000000000000", "type": "t"}
    content = {"status": 422, "code": "validation_failed", "detail": "Not valid.", "errors": [error]}
    market.faults.append(answers(422, content))

    result = rialto("market", "buy", "42", "1000000000000.01", "--user", "2", url=market.url)

    assert result.exit_code == 1
    assert result.stderr.splitlines()[1] == f"  body.price: {error['msg']}"


def test_help_has_examples_and_80_columns_suffice(market: MarketServer) -> None:
    for name in COMMANDS:
        assert_explains_itself("market", name)
    order_id = f"{LARGE}-0193a1c0-0000-7000-8000-000000000001"
    market.lists["artworks"] = [_for_sale(LARGE, price=10**12, title="N" * 90, user_id=LARGE)]
    market.lists["transactions"] = [{**_trade(LARGE), "price": 10**12, "buy_order_id": order_id}]
    _send(market, "sell", str(LARGE), "1000000000000", "--user", str(LARGE))
    market.orders[market.keys[0]]["order_id"] = order_id

    shown = [["browse"], ["show", str(LARGE)], ["orders"], ["transactions", "--user", "1"]]
    for command in [*shown, ["sell", str(LARGE), "1000000000000", "--user", str(LARGE)]]:
        result = rialto("market", *command, url=market.url, columns=80)
        assert result.exit_code == 0
        assert_fits(result)
        assert command[0] in ("browse", "sell") or order_id in result.stdout
