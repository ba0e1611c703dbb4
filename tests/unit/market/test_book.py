"""The book of one artwork: the rules one by one, and random histories against the brute force."""

from decimal import Decimal, localcontext
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.market.book import (
    ArrivalOrderError,
    Book,
    BookOrder,
    Side,
    Trade,
    is_crossed,
    match_book,
    sides_to_read,
    to_cents,
    trade_id,
)
from tests.unit.market.brute_force import Deal, Market, Offer, any_match, deals_of

ANNE, BEN, CLEO, STRANGER = 1, 2, 3, 99
HISTORIES = 10_000


def at(moment: int) -> str:
    return f"2026-01-05T10:00:00.{moment:06d}Z"


def order(name: str, user: int, side: Side, price: str, moment: int) -> BookOrder:
    return BookOrder(name, user, side, to_cents(Decimal(price)), at(moment))


def book_order(offer: Offer) -> BookOrder:
    side: Side = "sell" if offer.direction == "sell" else "buy"
    return BookOrder(offer.name, offer.user, side, to_cents(offer.price), offer.at)


def deal(trade: Trade) -> Deal:
    return Deal(trade.maker.order_id, trade.taker.order_id, trade.price)


def by_arrival(offers: list[Offer]) -> list[Offer]:
    return sorted(offers, key=lambda offer: (offer.at, offer.name))


def random_offers(random: Random, most: int) -> list[Offer]:
    """Return offers with few users, prices and moments, so that much crosses and much is equal.

    In half of the cases, Anne has the best prices on both sides, so that her offers stand before those of the others.
    """
    users, prices, moments = random.randint(1, 4), random.randint(1, 6), random.randint(1, 2 * most)
    anne_leads = random.random() < 0.5
    offers = []
    for number in range(random.randint(0, most)):
        user, direction = random.randint(1, users), random.choice(["buy", "sell"])
        cents = 100 + random.randint(1, prices)
        if anne_leads and random.random() < 0.5:
            user, cents = ANNE, cents + (prices if direction == "buy" else -prices)
        name = f"{random.getrandbits(16):04x}-{number}"
        offers.append(Offer(name, user, direction, Decimal(cents) / 100, at(10 * random.randint(1, moments))))
    return offers


class TestWorkedCases:
    def trade(self, *arrivals: tuple[Side, str]) -> Trade:
        """Let orders arrive, each of another user, named 0, 1, 2 …; only the last may trade."""
        book = Book()
        trades = [
            book.arrive(order(str(number), number, side, price, number))
            for number, (side, price) in enumerate(arrivals)
        ]
        assert trades[:-1] == [None] * (len(arrivals) - 1)
        assert trades[-1] is not None
        return trades[-1]

    def test_sell_at_1_then_buy_at_2_trade_at_1(self) -> None:
        assert self.trade(("sell", "1"), ("buy", "2")).price == 1

    def test_buy_at_2_then_sell_at_1_trade_at_2(self) -> None:
        assert self.trade(("buy", "2"), ("sell", "1")).price == 2

    def test_buy_at_3_takes_the_first_of_the_cheapest_sells(self) -> None:
        trade = self.trade(("sell", "1"), ("sell", "1"), ("sell", "2"), ("sell", "4"), ("buy", "3"))
        assert deal(trade) == Deal("0", "4", Decimal(1))

    def test_sell_at_2_takes_the_dearest_buy_at_its_price(self) -> None:
        trade = self.trade(("buy", "1"), ("buy", "3"), ("buy", "3"), ("buy", "4"), ("sell", "2"))
        assert deal(trade) == Deal("3", "4", Decimal(4))

    def test_one_sell_and_many_buys_are_one_trade(self) -> None:
        buys = [order(str(number), number, "buy", "5", number) for number in range(2, 100)]
        trades = match_book([*buys, order("sell", ANNE, "sell", "5", 50)])
        assert [(trade.buy.order_id, trade.sell.order_id) for trade in trades] == [("2", "sell")]

    def test_canceled_order_never_matches(self) -> None:
        asks = [order("canceled", ANNE, "sell", "1", 1), order("open", CLEO, "sell", "2", 2)]
        bid = order("bid", BEN, "buy", "2", 3)
        assert [trade.maker.order_id for trade in match_book([*asks, bid])] == ["canceled"]
        assert [trade.maker.order_id for trade in match_book([asks[1], bid])] == ["open"]
        assert match_book([bid]) == []

    def test_user_does_not_trade_with_themselves(self) -> None:
        assert match_book([order("1", ANNE, "sell", "1", 1), order("2", ANNE, "buy", "2", 2)]) == []


class CountingUser(int):
    """A user who counts how often they are compared."""

    comparisons = 0

    def __eq__(self, other: object) -> bool:
        CountingUser.comparisons += 1
        return int(self) == other

    __hash__ = int.__hash__


class TestArrival:
    def test_same_price_matches(self) -> None:
        assert match_book([order("1", ANNE, "sell", "1.01", 1), order("2", BEN, "buy", "1.01", 2)])

    def test_a_cent_apart_does_not_match(self) -> None:
        assert not match_book([order("1", ANNE, "sell", "1.02", 1), order("2", BEN, "buy", "1.01", 2)])

    def test_a_cent_counts_at_the_highest_price(self) -> None:
        sells = [order("1", ANNE, "sell", "1000000000000", 1), order("2", BEN, "sell", "999999999999.99", 2)]
        (trade,) = match_book([*sells, order("3", CLEO, "buy", "1000000000000", 3)])
        assert trade.price == Decimal("999999999999.99")

    def test_own_order_is_passed_over_for_a_worse_one(self) -> None:
        book = Book()
        book.arrive(order("own", ANNE, "sell", "1", 1))
        book.arrive(order("other", BEN, "sell", "2", 2))
        trade = book.arrive(order("buy", ANNE, "buy", "3", 3))
        assert trade is not None
        assert deal(trade) == Deal("other", "buy", Decimal(2))

    def test_order_that_was_passed_over_is_still_the_best_for_others(self) -> None:
        book = Book()
        book.arrive(order("passed over", ANNE, "sell", "1", 1))
        book.arrive(order("anne's", ANNE, "buy", "3", 2))
        book.arrive(order("worse", BEN, "sell", "5", 3))
        trade = book.arrive(order("cleo's", CLEO, "buy", "9", 4))
        assert trade is not None
        assert trade.maker.order_id == "passed over"

    def test_orders_of_one_moment_arrive_by_their_ids(self) -> None:
        (trade,) = match_book([order("b", ANNE, "sell", "1", 1), order("a", BEN, "buy", "2", 1)])
        assert deal(trade) == Deal("a", "b", Decimal(2))

    @pytest.mark.parametrize("late", [order("1", BEN, "buy", "1", 5), order("9", BEN, "buy", "1", 4)])
    def test_order_must_not_arrive_late(self, late: BookOrder) -> None:
        book = Book()
        book.arrive(order("2", ANNE, "sell", "2", 5))
        with pytest.raises(ArrivalOrderError):
            book.arrive(late)

    def test_order_must_not_arrive_before_one_that_traded(self) -> None:
        book = Book()
        for arriving in (order("1", ANNE, "sell", "1", 1), order("3", BEN, "buy", "1", 3)):
            book.arrive(arriving)
        for late in (order("2", CLEO, "buy", "1", 2), order("3", BEN, "buy", "1", 3)):
            with pytest.raises(ArrivalOrderError, match=f"^{late.order_id}$"):
                book.arrive(late)

    def test_order_must_not_arrive_twice(self) -> None:
        twice = order("1", ANNE, "sell", "1", 1)
        with pytest.raises(ArrivalOrderError):
            match_book([twice, twice])

    def test_arrivals_pass_over_their_users_orders_only_once(self) -> None:
        size = 500
        book = Book()
        CountingUser.comparisons = 0
        for number in range(size):
            book.arrive(BookOrder(f"ask {number}", CountingUser(ANNE), "sell", 100 + number, at(number)))
        for number in range(size):
            assert book.arrive(BookOrder(f"bid {number}", CountingUser(ANNE), "buy", 999, at(size + number))) is None
        assert CountingUser.comparisons < 10 * size

    def test_orders_are_passed_over_only_once_while_others_take_them(self) -> None:
        size = 500
        book = Book()
        CountingUser.comparisons = 0
        for number in range(size):
            book.arrive(BookOrder(f"ask {number}", CountingUser(ANNE), "sell", 100 + number, at(number)))
        for number in range(size):
            moment = size + 2 * number
            assert book.arrive(BookOrder(f"own {number}", CountingUser(ANNE), "buy", 999, at(moment))) is None
            trade = book.arrive(BookOrder(f"bid {number}", CountingUser(CLEO), "buy", 999, at(moment + 1)))
            assert trade is not None
            assert trade.maker.order_id == f"ask {number}"
        assert CountingUser.comparisons < 20 * size


class TestCrossedBook:
    def test_own_orders_do_not_cross(self) -> None:
        assert not is_crossed([order("1", ANNE, "sell", "1", 1), order("2", ANNE, "buy", "2", 2)])

    @pytest.mark.parametrize("hidden", [order("3", BEN, "buy", "1.50", 3), order("3", BEN, "sell", "1.50", 3)])
    def test_order_behind_own_orders_crosses(self, hidden: BookOrder) -> None:
        assert is_crossed([order("1", ANNE, "sell", "1", 1), order("2", ANNE, "buy", "2", 2), hidden])

    def test_book_is_crossed_if_any_two_orders_match(self) -> None:
        for seed in range(HISTORIES):
            offers = random_offers(Random(seed), 8)
            assert is_crossed(map(book_order, offers)) == any_match(offers), seed

    @pytest.mark.parametrize("sides", [[], ["buy"], ["sell"]])
    def test_without_a_bid_and_an_ask_nothing_crosses(self, sides: list[Side]) -> None:
        assert not is_crossed(order(side, ANNE, side, "1", 1) for side in sides)


class TestPrice:
    @given(st.decimals("0.01", 10**12, places=2))
    def test_price_is_exact(self, price: Decimal) -> None:
        with localcontext(prec=28):
            assert BookOrder("1", ANNE, "buy", to_cents(price), at(1)).price == price

    @pytest.mark.parametrize("price", ["0.001", "1.005", "999999999999.999"])
    def test_parts_of_a_cent_are_refused(self, price: str) -> None:
        with pytest.raises(ValueError, match="Not a whole number of cents"):
            to_cents(Decimal(price))

    def test_price_has_two_decimals(self) -> None:
        assert str(order("1", ANNE, "buy", "1E+3", 1).price) == "1000.00"


class TestTradeId:
    def test_id_is_the_later_moment_then_the_buy_then_the_sell(self) -> None:
        buy, sell = order("b", ANNE, "buy", "1", 1), order("s", BEN, "sell", "1", 2)
        assert trade_id(Trade(buy, sell)) == f"{at(2)}#b#s"

    def test_id_is_the_later_moment_when_the_sell_rested(self) -> None:
        sell, buy = order("s", BEN, "sell", "1", 1), order("b", ANNE, "buy", "1", 2)
        assert trade_id(Trade(sell, buy)) == f"{at(2)}#b#s"


class History:
    """A book and the brute force side by side: they must agree after each step."""

    def __init__(self, label: object) -> None:
        self.label = label
        self.book, self.market = Book(), Market()
        self.resting: dict[str, BookOrder] = {}

    def come(self, offer: Offer) -> None:
        known = len(self.market.deals)
        self.market.come(offer)
        arriving = book_order(offer)
        trade = self.book.arrive(arriving)
        assert ([] if trade is None else [deal(trade)]) == self.market.deals[known:], self.label
        if trade is None:
            self.resting[arriving.order_id] = arriving
        else:
            assert (self.resting.pop(trade.maker.order_id), arriving) == (trade.maker, trade.taker), self.label
        self.check()

    def cancel(self, offer: Offer) -> None:
        """Cancel an offer: it is not read any more, so that the book is one of those that are left."""
        self.market.cancel(offer.name)
        del self.resting[offer.name]
        self.book = Book()
        for resting in self.resting.values():
            assert self.book.arrive(resting) is None, self.label
        self.check()

    def check(self) -> None:
        assert list(self.resting.values()) == [book_order(offer) for offer in self.market.waiting], self.label
        assert not is_crossed(self.resting.values()), self.label

    def run(self, random: Random, offers: list[Offer], cancels: float) -> None:
        for offer in by_arrival(offers):
            self.come(offer)
            while self.market.waiting and random.random() < cancels:
                self.cancel(random.choice(self.market.waiting))
        self.empty(random)

    def empty(self, random: Random) -> None:
        """Let a stranger take all that waits: it must be in the book, best first, whomever it was set aside for."""
        bids = sum(offer.direction == "buy" for offer in self.market.waiting)
        directions = ["sell"] * bids + ["buy"] * (len(self.market.waiting) - bids)
        random.shuffle(directions)
        for number, direction in enumerate(directions):
            price = Decimal(1000) if direction == "buy" else Decimal("0.01")
            self.come(Offer(f"last {number}", STRANGER, direction, price, at(500_000 + number)))
        assert (self.market.waiting, self.resting) == ([], {}), self.label
        for side in ("buy", "sell"):
            limit = "1000" if side == "buy" else "0.01"
            nobody = order(side, STRANGER, side, limit, 900_000 + (side == "sell"))
            assert self.book.arrive(nobody) is None, self.label


def check_trades(offers: list[Offer], trades: list[Trade]) -> None:
    """Check what holds for any trades, without a second way to find them."""
    taking_part = [side.order_id for trade in trades for side in (trade.buy, trade.sell)]
    assert len(taking_part) == len(set(taking_part))
    assert not any_match(offer for offer in offers if offer.name not in taking_part)
    for trade in trades:
        assert (trade.buy.side, trade.sell.side) == ("buy", "sell")
        assert trade.buy.user_id != trade.sell.user_id
        earlier = min(trade.buy, trade.sell, key=lambda side: (side.created_at, side.order_id))
        assert trade.sell.price <= trade.price == earlier.price <= trade.buy.price


class TestHistories:
    def test_every_step_is_that_of_the_brute_force(self) -> None:
        for seed in range(HISTORIES):
            random = Random(seed)
            History(seed).run(random, random_offers(random, 12), random.choice([0, 0.2, 0.4]))

    def test_long_histories_are_those_of_the_brute_force(self) -> None:
        for seed in range(60):
            random = Random(seed)
            offers = [offer for _ in range(20) for offer in random_offers(random, 30)]
            unique = list({offer.name: offer for offer in offers}.values())
            History(seed).run(random, unique, random.choice([0, 0.3, 0.45]))

    @given(
        st.lists(
            st.tuples(st.integers(1, 4), st.sampled_from(["buy", "sell"]), st.integers(1, 4), st.integers(0, 4)),
            max_size=12,
        )
    )
    @settings(max_examples=500)
    def test_trades_are_those_of_the_brute_force(self, rows: list[tuple[int, str, int, int]]) -> None:
        offers = [
            Offer(str(number), user, direction, Decimal(price), at(moment))
            for number, (user, direction, price, moment) in enumerate(rows)
        ]
        assert [deal(trade) for trade in match_book(map(book_order, offers))] == deals_of(offers)

    def test_trades_obey_the_rules_in_whatever_order_the_orders_are_given(self) -> None:
        for seed in range(HISTORIES):
            random = Random(seed)
            offers = random_offers(random, 12)
            trades = match_book(map(book_order, offers))
            check_trades(offers, trades)
            random.shuffle(offers)
            assert match_book(map(book_order, offers)) == trades, seed

    def test_batching_does_not_change_who_trades_with_whom(self) -> None:
        for seed in range(HISTORIES):
            random = Random(seed)
            offers = by_arrival(random_offers(random, 16))
            one_by_one, in_batches = Market(), Batches(random)
            while offers:
                size = random.randint(1, len(offers))
                for offer in offers[:size]:
                    one_by_one.come(offer)
                in_batches.match(offers[:size])
                offers = offers[size:]
                if one_by_one.waiting and random.random() < 0.5:
                    name = random.choice(one_by_one.waiting).name
                    one_by_one.cancel(name)
                    del in_batches.open[name]
            assert in_batches.deals == one_by_one.deals, seed


class Batches:
    """Open orders that are matched batch by batch, from a book built anew each time."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.open: dict[str, Offer] = {}
        self.deals: list[Deal] = []

    def match(self, batch: list[Offer]) -> None:
        """Add the batch and commit all trades; sometimes the matching dies after a few and starts anew."""
        self.open.update((offer.name, offer) for offer in batch)
        while trades := match_book(map(book_order, self.open.values())):
            for trade in trades[: self._random.randint(1, len(trades))]:
                self.deals.append(deal(trade))
                del self.open[trade.buy.order_id], self.open[trade.sell.order_id]


class Reader:
    """Reads a whole book page by page, only as far as it has to."""

    def __init__(self, whole: list[Offer], page: int) -> None:
        orders = [book_order(offer) for offer in by_arrival(whole)]
        self._asks = sorted((o for o in orders if o.side == "sell"), key=lambda ask: ask.cents)
        self._bids = sorted((o for o in orders if o.side == "buy"), key=lambda bid: -bid.cents)
        self._page = page
        self.asks, self.bids = self._asks[:page], self._bids[:page]
        # As DynamoDB tells it: a full page may have been the last.
        self.more_asks, self.more_bids = len(self.asks) == page, len(self.bids) == page

    def sides(self) -> frozenset[Side]:
        return sides_to_read(self.asks, self.bids, more_asks=self.more_asks, more_bids=self.more_bids)

    def read_on(self, sides: frozenset[Side]) -> None:
        if "sell" in sides:
            page = self._asks[len(self.asks) :][: self._page]
            self.asks, self.more_asks = [*self.asks, *page], len(page) == self._page
        if "buy" in sides:
            page = self._bids[len(self.bids) :][: self._page]
            self.bids, self.more_bids = [*self.bids, *page], len(page) == self._page

    def trades(self) -> list[Trade]:
        while sides := self.sides():
            self.read_on(sides)
        return match_book([*self.asks, *self.bids])


def random_book(random: Random) -> list[Offer]:
    """Return open orders: none matched yet; or all but the latest; or with some older ones that came too late."""
    offers = by_arrival(random_offers(random, 20))
    kind = random.choice(["unmatched", "matched", "late"])
    if kind == "unmatched":
        return offers
    if kind == "late":
        random.shuffle(offers)
    new = random.randint(0, 4)
    market = Market()
    for offer in by_arrival(offers[new:]):
        market.come(offer)
    return [*market.waiting, *offers[:new]]


class TestReading:
    def test_what_was_read_gives_the_trades_of_the_whole_book(self) -> None:
        for seed in range(2 * HISTORIES):
            random = Random(seed)
            whole = random_book(random)
            reader = Reader(whole, random.randint(1, 5))
            assert [deal(trade) for trade in reader.trades()] == deals_of(whole), seed

    def test_nothing_is_read_in_vain(self) -> None:
        for seed in range(HISTORIES // 2):
            random = Random(seed)
            reader = Reader(random_book(random), random.randint(1, 5))
            while sides := reader.sides():
                assert all(self.may_change(reader, side) for side in sides), seed
                reader.read_on(sides)

    def may_change(self, reader: Reader, side: Side) -> bool:
        """Tell whether an unread order of the side could change the trades, if need be with one of the other side."""
        read = [*reader.asks, *reader.bids]
        last = {"sell": reader.asks[-1].cents, "buy": reader.bids[-1].cents}
        other: Side = "buy" if side == "sell" else "sell"
        if last["sell"] <= last["buy"] and reader.more_asks and reader.more_bids:
            unread = [BookOrder(f"new {s}", STRANGER + (s == "buy"), s, last["sell"], at(999)) for s in (side, other)]
            return match_book([*read, *unread]) != match_book(read)
        takers = {trade.taker.order_id for trade in match_book(read)}
        limits = {o.cents for o in read if o.side == other and o.order_id not in takers}
        if not any(limit > last["sell"] if side == "sell" else limit < last["buy"] for limit in limits):
            # They only touch: the one case in which a page may be read that could have been spared.
            return last[side] in limits
        step = 1 if side == "sell" else -1
        candidates = [
            BookOrder("new", STRANGER, side, last[side] + step * worse, at(moment))
            for worse in (0, 1)
            for moment in range(5, 999, 10)
            if worse or moment > 900
        ]
        return any(match_book([*read, candidate]) != match_book(read) for candidate in candidates)

    def test_one_page_is_enough_for_an_order_that_crosses_everything(self) -> None:
        asks = [order(str(number), number + 2, "sell", "5", number) for number in range(10)]
        bid = order("bid", ANNE, "buy", "1000000", 99)
        assert not sides_to_read(asks, [bid], more_asks=True, more_bids=False)

    def test_book_that_does_not_cross_is_not_read_on(self) -> None:
        ask, bid = order("ask", ANNE, "sell", "5", 1), order("bid", BEN, "buy", "4", 2)
        assert not sides_to_read([ask], [bid], more_asks=True, more_bids=True)

    def test_sides_that_touch_are_both_read_on(self) -> None:
        ask, bid = order("ask", ANNE, "sell", "5", 1), order("bid", BEN, "buy", "5", 2)
        assert sides_to_read([ask], [bid], more_asks=True, more_bids=True) == {"buy", "sell"}

    def test_own_asks_are_read_through_for_those_behind_them(self) -> None:
        own, bid = order("own", ANNE, "sell", "1", 1), order("bid", ANNE, "buy", "2", 2)
        assert sides_to_read([own], [bid], more_asks=True, more_bids=False) == {"sell"}

    def test_own_bids_are_read_through_for_those_behind_them(self) -> None:
        own, ask = order("own", ANNE, "buy", "2", 1), order("ask", ANNE, "sell", "1", 2)
        assert sides_to_read([ask], [own], more_asks=False, more_bids=True) == {"buy"}

    def test_bid_that_rested_first_needs_older_asks_behind_the_one_that_takes_it(self) -> None:
        bid, ask = order("bid", ANNE, "buy", "9", 5), order("ask", BEN, "sell", "1", 6)
        assert sides_to_read([ask], [bid], more_asks=True, more_bids=False) == {"sell"}
        older = order("older", CLEO, "sell", "2", 4)
        assert [trade.maker.order_id for trade in match_book([bid, ask, older])] == ["older"]

    def test_nothing_read_means_that_all_sides_with_more_are_to_be_read(self) -> None:
        assert sides_to_read([], [], more_asks=True, more_bids=True) == {"buy", "sell"}

    def test_side_without_any_order_needs_nothing_of_the_other(self) -> None:
        assert not sides_to_read([], [], more_asks=True, more_bids=False)
        assert not sides_to_read([], [], more_asks=False, more_bids=True)
