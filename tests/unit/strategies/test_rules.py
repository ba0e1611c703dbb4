"""Whom a signal is valid for: the worked examples, each rule by itself, and all cases against the model."""

from dataclasses import dataclass, replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.strategies.rules import Decision, decide
from chalicelib.strategies.signal import ExitScope, Position, Reason, Side, Terms
from tests.unit.strategies.model import Asked, Holding, judge
from tests.unit.strategies.signals import new_position, new_terms

A, B, D = "STRATEGY_A", "STRATEGY_B", "STRATEGY_D"
BOTH_SCOPES = pytest.mark.parametrize("scope", ExitScope)
HOLLAND = {A: ["BIRLASOFT", "GRASIM", "EICHER"], B: ["MINDA"]}
OAKLEE = {D: ["ACC"]}

OPENED, NOT_TRADED, ALREADY_HELD, NOT_HELD = map(
    Decision, (Reason.OPENED, Reason.NOT_TRADED, Reason.ALREADY_HELD, Reason.NOT_HELD)
)


def closed(position: Position) -> Decision:
    return Decision(Reason.CLOSED, position)


def meaning(
    terms: Terms, profile: dict[str, list[str]], *held: Position, scope: ExitScope = ExitScope.USER
) -> Decision:
    """Return what the signal means for a user with this profile who holds these positions."""
    in_the_instrument = [position for position in held if position.instrument == terms.instrument]
    return decide(replace(terms, scope=scope), profile.get(terms.strategy), in_the_instrument)


class TestWorkedExamples:
    """In this order: Holland holds MINDA through STRATEGY_B since the second."""

    minda = new_position("Holland Proctor", 2, B, "MINDA")

    @BOTH_SCOPES
    def test_sell_of_what_nobody_holds_is_rejected(self, scope: ExitScope) -> None:
        assert meaning(new_terms("SELL", A, "GRASIM"), HOLLAND, scope=scope) == NOT_HELD

    @BOTH_SCOPES
    def test_buy_of_what_the_strategy_trades_is_accepted(self, scope: ExitScope) -> None:
        assert meaning(new_terms("BUY", B, "MINDA"), HOLLAND, scope=scope) == OPENED

    @BOTH_SCOPES
    def test_buy_of_what_nobody_trades_there_is_rejected(self, scope: ExitScope) -> None:
        assert meaning(new_terms("BUY", D, "INFY"), OAKLEE, self.minda, scope=scope) == NOT_TRADED

    def test_sell_through_another_strategy_of_the_user_closes_the_position(self) -> None:
        assert meaning(new_terms("SELL", A, "MINDA"), HOLLAND, self.minda) == closed(self.minda)

    def test_sell_through_another_strategy_is_rejected_when_exits_are_strict(self) -> None:
        strict = ExitScope.STRATEGY
        assert meaning(new_terms("SELL", A, "MINDA"), HOLLAND, self.minda, scope=strict) == NOT_HELD


@BOTH_SCOPES
class TestBuy:
    def test_user_without_the_strategy_does_not_trade(self, scope: ExitScope) -> None:
        assert meaning(new_terms("BUY", D, "GRASIM"), HOLLAND, scope=scope) == NOT_TRADED

    def test_another_instrument_of_the_strategy_is_not_enough(self, scope: ExitScope) -> None:
        assert meaning(new_terms("BUY", A, "MINDA"), HOLLAND, scope=scope) == NOT_TRADED

    def test_strategy_with_nothing_to_trade_buys_nothing(self, scope: ExitScope) -> None:
        assert meaning(new_terms("BUY", A, "MINDA"), {A: []}, scope=scope) == NOT_TRADED

    @pytest.mark.parametrize("instrument", ["grasim", "GRASIM ", "GRASI", "GRASIMM"])
    def test_names_count_to_the_letter(self, scope: ExitScope, instrument: str) -> None:
        assert meaning(new_terms("BUY", A, instrument), HOLLAND, scope=scope) == NOT_TRADED

    def test_position_of_the_strategy_stands_in_the_way(self, scope: ExitScope) -> None:
        held = new_position(strategy=A, instrument="GRASIM")
        assert meaning(new_terms("BUY", A, "GRASIM"), HOLLAND, held, scope=scope) == ALREADY_HELD

    def test_position_of_another_strategy_does_not(self, scope: ExitScope) -> None:
        held = new_position(strategy=B, instrument="GRASIM")
        assert meaning(new_terms("BUY", A, "GRASIM"), HOLLAND, held, scope=scope) == OPENED

    def test_what_is_held_but_not_traded_any_more_is_not_traded(self, scope: ExitScope) -> None:
        held = new_position(strategy=A, instrument="MINDA")
        assert meaning(new_terms("BUY", A, "MINDA"), HOLLAND, held, scope=scope) == NOT_TRADED


@BOTH_SCOPES
class TestSellOfOwn:
    def test_own_position_is_closed(self, scope: ExitScope) -> None:
        own = new_position(strategy=A, instrument="GRASIM")
        assert meaning(new_terms("SELL", A, "GRASIM"), HOLLAND, own, scope=scope) == closed(own)

    def test_own_position_comes_before_one_that_was_opened_earlier(self, scope: ExitScope) -> None:
        earlier, own = new_position(seconds=1, strategy=B, instrument="ACC"), new_position(seconds=2, instrument="ACC")
        assert meaning(new_terms("SELL", A, "ACC"), HOLLAND, earlier, own, scope=scope) == closed(own)

    @pytest.mark.parametrize("profile", [{}, OAKLEE, {A: []}])
    def test_nobody_is_stranded_by_a_new_profile(self, scope: ExitScope, profile: dict[str, list[str]]) -> None:
        own = new_position(strategy=A, instrument="GRASIM")
        assert meaning(new_terms("SELL", A, "GRASIM"), profile, own, scope=scope) == closed(own)

    def test_holder_without_the_strategy_closes_nothing_of_others(self, scope: ExitScope) -> None:
        other = new_position(strategy=B, instrument="ACC")
        assert meaning(new_terms("SELL", A, "ACC"), OAKLEE, other, scope=scope) == NOT_HELD

    def test_who_holds_nothing_closes_nothing(self, scope: ExitScope) -> None:
        assert meaning(new_terms("SELL", A, "GRASIM"), HOLLAND, scope=scope) == NOT_HELD


class TestSellOfOthers:
    def test_strategy_that_does_not_trade_the_instrument_closes_too(self) -> None:
        other = new_position(strategy=B, instrument="ACC")
        assert meaning(new_terms("SELL", A, "ACC"), {A: []}, other) == closed(other)

    def test_one_that_was_opened_first_is_closed(self) -> None:
        held = [new_position(seconds=seconds, strategy=name) for seconds, name in ((3, "B"), (1, "D"), (2, "C"))]
        assert meaning(new_terms("SELL", A), {A: []}, *held) == closed(held[1])

    def test_of_the_same_moment_the_first_by_name_is_closed(self) -> None:
        held = [new_position(seconds=1, strategy=name) for name in ("D", "B", "C")]
        assert meaning(new_terms("SELL", A), {A: []}, *held) == closed(held[1])

    def test_time_counts_before_the_name(self) -> None:
        held = [new_position(seconds=1.000001, strategy="B"), new_position(seconds=1, strategy="C")]
        assert meaning(new_terms("SELL", A), {A: []}, *held) == closed(held[1])

    def test_none_is_closed_when_exits_are_strict(self) -> None:
        held = [new_position(strategy=name) for name in ("B", "C")]
        assert meaning(new_terms("SELL", A), {A: []}, *held, scope=ExitScope.STRATEGY) == NOT_HELD


class TestTerms:
    @pytest.mark.parametrize(
        ("side", "scope", "own_only"),
        [
            ("BUY", ExitScope.USER, True),
            ("BUY", ExitScope.STRATEGY, True),
            ("SELL", ExitScope.USER, False),
            ("SELL", ExitScope.STRATEGY, True),
        ],
    )
    def test_positions_of_others_matter_to_a_sell_for_the_user_only(
        self, side: Side, scope: ExitScope, own_only: bool
    ) -> None:
        assert new_terms(side, scope=scope).needs_own_only is own_only

    def test_two_reasons_accept(self) -> None:
        assert {reason for reason in Reason if reason.is_accepted} == {Reason.OPENED, Reason.CLOSED}


@dataclass(frozen=True)
class Case:
    """Any signal, any profile of a user, and any positions that this user can have at once."""

    terms: Terms
    profile: dict[str, list[str]]
    held: list[Position]


_strategies, _instruments = st.sampled_from("ABC"), st.sampled_from(["L&T", "ACC"])


@st.composite
def any_case(draw: st.DrawFn) -> Case:
    side: Side = draw(st.sampled_from(["BUY", "SELL"]))
    instrument = draw(_instruments)
    terms = new_terms(side, draw(_strategies), instrument, draw(st.sampled_from(ExitScope)))
    profile = draw(st.dictionaries(_strategies, st.lists(_instruments, max_size=2)))
    strategies = draw(st.lists(_strategies, unique=True))
    held = [new_position("user", draw(st.integers(0, 2)), strategy, instrument) for strategy in strategies]
    return Case(terms, profile, held)


def as_holdings(held: list[Position]) -> list[Holding]:
    return [Holding(one.user, one.strategy, one.instrument, one.opened_at, one.signal_id) for one in held]


@settings(max_examples=1_000)
@given(any_case())
def test_every_case_comes_out_as_in_the_model(case: Case) -> None:
    terms = case.terms
    decision = decide(terms, case.profile.get(terms.strategy), case.held)
    asked = Asked(terms.strategy, terms.instrument, terms.side, terms.scope is ExitScope.STRATEGY)
    reason, holding = judge(asked, case.profile, as_holdings(case.held))
    assert decision.reason.value == reason
    closes = [] if decision.closes is None else [decision.closes]
    assert as_holdings(closes) == ([] if holding is None else [holding])


@given(any_case())
def test_positions_may_come_in_any_order(case: Case) -> None:
    traded = case.profile.get(case.terms.strategy)
    for held in permutations(case.held):
        assert decide(case.terms, traded, held) == decide(case.terms, traded, case.held)


@given(any_case())
def test_positions_of_others_need_not_be_read_where_they_do_not_matter(case: Case) -> None:
    traded = case.profile.get(case.terms.strategy)
    own = [position for position in case.held if position.strategy == case.terms.strategy]
    read = own if case.terms.needs_own_only else case.held
    assert decide(case.terms, traded, read) == decide(case.terms, traded, case.held)
