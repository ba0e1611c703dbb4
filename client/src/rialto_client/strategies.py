"""What goes into the functions of the strategies and what comes out. Names are Rialto's to check."""

from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias

from pydantic import ConfigDict, JsonValue, RootModel

from rialto_client.values import PageRequest, PageResponse, Value

SignalId: TypeAlias = str


class Position(StrEnum):
    """What a signal asks for: to open a position, or to close it."""

    BUY = "BUY"
    SELL = "SELL"


class SignalRequest(Value):
    """The signal to send: what a strategy wants to be done with an instrument, for every user it is valid for."""

    strategy: str
    instrument: str
    position: Position


class UserVerdict(Value):
    """What became of a signal for one user: accepted with an order, or rejected with a reason."""

    user: str
    verdict: str
    reason: str | None = None
    order_id: str | None = None


class SignalResponse(Value):
    """What became of a signal, and of it for each user. ``signal_id`` may be missing after a dry run."""

    status: str
    users: list[UserVerdict]
    signal_id: SignalId | None = None


class Signal(SignalResponse):
    """A signal that was sent, and what came of it. OPEN: it is still being carried out."""

    strategy: str
    instrument: str
    position: Position
    created_at: datetime


class SignalRow(Value):
    """A signal as a list shows it; ``accepted`` and ``rejected`` count users, None while it is carried out."""

    signal_id: SignalId
    created_at: datetime
    strategy: str
    instrument: str
    position: Position
    status: str
    accepted: int | None = None
    rejected: int | None = None


class SignalViewRequest(PageRequest):
    """A page of the signals."""


class SignalViewResponse(PageResponse):
    """A page of signals, newest first."""

    signals: list[SignalRow]


class OpenPosition(Value):
    """A position that is open, with the signal and the order that bought. ``order_status`` may not be known."""

    user: str
    strategy: str
    instrument: str
    opened_at: datetime
    signal_id: SignalId
    order_id: str
    order_status: str | None = None


class PositionViewRequest(PageRequest):
    """A page of the open positions, of all or of a user, a strategy, an instrument."""

    user: str | None = None
    strategy: str | None = None
    instrument: str | None = None


class PositionViewResponse(PageResponse):
    """A page of open positions."""

    positions: list[OpenPosition]


class RoundTrip(Value):
    """A position that was closed: a row of the order log. ``closed_by`` is the strategy that sold."""

    user: str
    strategy: str
    instrument: str
    bought_at: datetime
    buy_signal_id: SignalId
    sold_at: datetime
    sell_signal_id: SignalId
    closed_by: str


class OrderLogViewRequest(PageRequest):
    """A page of the order log, of all or of a user, a strategy."""

    user: str | None = None
    strategy: str | None = None


class OrderLogViewResponse(PageResponse):
    """A page of the order log, newest first."""

    entries: list[RoundTrip]


class Profiles(RootModel[dict[str, dict[str, list[str]]]]):
    """The instruments that each user trades by each strategy: ``{user: {strategy: [instrument, …]}}``."""

    model_config = ConfigDict(frozen=True)


class ProfileCounts(RootModel[dict[str, JsonValue]]):
    """What there is after a replacement of the profiles, counted, by the name of what is counted."""

    model_config = ConfigDict(frozen=True)


class CreateOrderResponse(Value):
    """What the route of the older producers answers: ``users`` are those for whom the signal was valid."""

    model_config = ConfigDict(alias_generator=str.upper, populate_by_name=True)

    response: Literal["ACCEPTED", "REJECTED", "ERROR"]
    order_id: str | None = None
    reason: str | None = None
    users: list[str] = []


class CreateOrderBody(Value):
    """A signal in the words of the older producers."""

    model_config = ConfigDict(alias_generator=str.upper, populate_by_name=True)

    strategy: str
    instrument: str
    position: Position
