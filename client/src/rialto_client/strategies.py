"""What goes into the functions of the strategies and what comes out. Names are Rialto's to check."""

from enum import StrEnum
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, JsonValue, RootModel

SignalId: TypeAlias = str


class Position(StrEnum):
    """What a signal asks for: to open a position, or to close it."""

    BUY = "BUY"
    SELL = "SELL"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class SignalRequest(_Value):
    """The signal to send: what a strategy wants to be done with an instrument, for every user it is valid for."""

    strategy: str
    instrument: str
    position: Position


class UserVerdict(_Value):
    """What became of a signal for one user: accepted with an order, or rejected with a reason."""

    user: str
    verdict: str
    reason: str | None = None
    order_id: str | None = None


class SignalResponse(_Value):
    """What became of a signal, and of it for each user. ``signal_id`` may be missing after a dry run."""

    status: str
    users: list[UserVerdict]
    signal_id: SignalId | None = None


class Profiles(RootModel[dict[str, dict[str, list[str]]]]):
    """The instruments that each user trades by each strategy: ``{user: {strategy: [instrument, …]}}``."""

    model_config = ConfigDict(frozen=True)


class ProfileCounts(RootModel[dict[str, JsonValue]]):
    """What there is after a replacement of the profiles, counted, by the name of what is counted."""

    model_config = ConfigDict(frozen=True)


class CreateOrderResponse(_Value):
    """What the route of the older producers answers: ``users`` are those for whom the signal was valid."""

    model_config = ConfigDict(alias_generator=str.upper, populate_by_name=True)

    response: Literal["ACCEPTED", "REJECTED", "ERROR"]
    order_id: str | None = None
    reason: str | None = None
    users: list[str] = []


class CreateOrderBody(_Value):
    """A signal in the words of the older producers."""

    model_config = ConfigDict(alias_generator=str.upper, populate_by_name=True)

    strategy: str
    instrument: str
    position: Position
