"""The DynamoDB items of the strategies, and how profiles and verdicts are packed into them."""

import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection
from pynamodb.models import Model

from chalicelib.core.dynamodb import TimestampAttribute
from chalicelib.core.ids import shard_of
from chalicelib.strategies.signal import ExitScope, Position, Profiles, Reason, RoundTrip, Signal, Subscribers, Terms

SHARDS = 8
"""Keys over which an instrument's positions, and each index of all signals and of the whole log, spread."""
SEPARATOR = "\x1f"
"""Between the parts of a key: the ASCII unit separator, which no name may contain."""
PART_BYTES = 256 * 1024
"""Text of one part of the profiles before it is compressed: the item stays below DynamoDB's 400 KB whatever is in."""


class PartItem(Model):
    """A part of the users who run one strategy in one generation of the profiles; they never change.

    Packed, because whole profiles are written and a whole strategy's users are read: a tenth of the cost of an item
    for each user.
    """

    generation = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    subscribers = BinaryAttribute(legacy_encoding=False)


class GenerationItem(Model):
    """A generation of the profiles. ``CURRENT`` points to the one in force, ``KNOWN`` has them all."""

    generation = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    current = UnicodeAttribute(null=True)
    users = NumberAttribute()
    rows = NumberAttribute()
    created_at = TimestampAttribute()
    retired_at = TimestampAttribute(null=True)


CURRENT = ("current", "-")
KNOWN = "known"


class ByUserIndex(GlobalSecondaryIndex[Any]):
    """The open positions of a user, by the time of their opening."""

    class Meta:
        """Names the index."""

        index_name = "by_user"
        projection = AllProjection()

    user = UnicodeAttribute(hash_key=True)
    opened_at = TimestampAttribute(range_key=True)


class PositionItem(Model):
    """An open position. The key begins with the instrument, so that one signal's positions are a few queries."""

    holding = UnicodeAttribute(hash_key=True)
    holder = UnicodeAttribute(range_key=True)
    user = UnicodeAttribute()
    strategy = UnicodeAttribute()
    instrument = UnicodeAttribute()
    opened_at = TimestampAttribute()
    signal_id = UnicodeAttribute()
    order_id = UnicodeAttribute()
    quantity = NumberAttribute()

    by_user: ClassVar = ByUserIndex()


class NewestTripIndex(GlobalSecondaryIndex[Any]):
    """The whole log by time."""

    class Meta:
        """Names the index."""

        index_name = "newest"
        projection = AllProjection()

    shard = UnicodeAttribute(hash_key=True)
    closed = UnicodeAttribute(range_key=True)


class RoundTripItem(Model):
    """A row of the order log, kept for ever."""

    user = UnicodeAttribute(hash_key=True)
    closed = UnicodeAttribute(range_key=True)
    shard = UnicodeAttribute()
    strategy = UnicodeAttribute()
    instrument = UnicodeAttribute()
    bought_at = TimestampAttribute()
    buy_signal_id = UnicodeAttribute()
    sold_at = TimestampAttribute()
    sell_signal_id = UnicodeAttribute()
    closed_by = UnicodeAttribute()
    sell_order_id = UnicodeAttribute()

    newest: ClassVar = NewestTripIndex()


class NewestSignalIndex(GlobalSecondaryIndex[Any]):
    """All signals by time, with what a list shows of them."""

    class Meta:
        """Names the index."""

        index_name = "newest"
        projection = IncludeProjection(["strategy", "instrument", "side", "is_complete", "accepted", "candidates"])

    shard = UnicodeAttribute(hash_key=True)
    created_at = TimestampAttribute(range_key=True)


class SignalItem(Model):
    """A signal: the lock of its idempotency key, and the way to finish it when its worker died."""

    signal_id = UnicodeAttribute(hash_key=True)
    shard = UnicodeAttribute()
    created_at = TimestampAttribute()
    strategy = UnicodeAttribute()
    instrument = UnicodeAttribute()
    side = UnicodeAttribute()
    scope = UnicodeAttribute()
    quantity = NumberAttribute()
    generation = UnicodeAttribute(null=True)
    leavers = BinaryAttribute(null=True, legacy_encoding=False)
    worker = UnicodeAttribute()
    leased_until = TimestampAttribute()
    is_complete = BooleanAttribute()
    accepted = NumberAttribute(null=True)
    candidates = NumberAttribute(null=True)
    reasons = BinaryAttribute(null=True, legacy_encoding=False)

    newest: ClassVar = NewestSignalIndex()


# --- Profiles ---------------------------------------------------------------------------------------------------------


def pack_profiles(profiles: Profiles) -> Iterator[tuple[str, bytes]]:
    """Yield key and content of each part. Users without any strategy are in the parts of the strategy ""."""
    by_strategy: dict[str, Subscribers] = {}
    for user, strategies in profiles.items():
        for strategy, instruments in strategies.items() or (("", []),):
            by_strategy.setdefault(strategy, {})[user] = instruments
    for strategy, subscribers in by_strategy.items():
        for number, part in enumerate(_parts(subscribers)):
            yield f"{part_prefix(strategy)}{number:04d}", pack_json(part)


def part_prefix(strategy: str) -> str:
    """Return how the keys of a strategy's parts begin."""
    return f"{strategy}{SEPARATOR}"


def strategy_of_part(part: str) -> str:
    """Return the strategy of a part's key."""
    return part.rsplit(SEPARATOR, 1)[0]


def _parts(subscribers: Subscribers) -> Iterator[Subscribers]:
    part: Subscribers = {}
    size = 0
    for user, instruments in subscribers.items():
        needed = len(_to_json([user, instruments]))
        if part and size + needed > PART_BYTES:
            yield part
            part, size = {}, 0
        part[user] = instruments
        size += needed
    yield part


def pack_json(content: Any) -> bytes:
    """Return the content as compressed JSON."""
    return zlib.compress(_to_json(content))


def unpack_json(packed: bytes) -> Any:
    """Return what :func:`pack_json` packed."""
    return json.loads(zlib.decompress(packed))


def _to_json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


# --- Positions and log ------------------------------------------------------------------------------------------------


def holding_key(instrument: str, shard: int) -> str:
    """Return the key of one shard of an instrument's positions."""
    return f"{instrument}{SEPARATOR}{shard}"


def holder_key(strategy: str, user: str) -> str:
    """Return the key of a position within its shard."""
    return f"{strategy}{SEPARATOR}{user}"


def position_key(position: Position | RoundTrip) -> tuple[str, str]:
    """Return the key of a position, or of the one that a round trip closed."""
    shard = shard_of(position.user, SHARDS)
    return holding_key(position.instrument, shard), holder_key(position.strategy, position.user)


def pack_position(position: Position) -> dict[str, Any]:
    """Return the item's attributes."""
    holding, holder = position_key(position)
    return {"holding": holding, "holder": holder, **{name: getattr(position, name) for name in Position.__slots__}}


def unpack_position(item: PositionItem) -> Position:
    """Return the position of an item."""
    return Position(**{name: getattr(item, name) for name in Position.__slots__})


def pack_round_trip(trip: RoundTrip) -> dict[str, Any]:
    """Return the item's attributes."""
    closed = f"{TimestampAttribute().serialize(trip.sold_at)}#{trip.sell_signal_id}"
    shard = str(shard_of(trip.sell_order_id, SHARDS))
    return {"closed": closed, "shard": shard, **{name: getattr(trip, name) for name in RoundTrip.__slots__}}


def unpack_round_trip(item: RoundTripItem) -> RoundTrip:
    """Return the round trip of an item."""
    return RoundTrip(**{name: getattr(item, name) for name in RoundTrip.__slots__})


# --- Signals ----------------------------------------------------------------------------------------------------------


def pack_signal(signal: Signal) -> dict[str, Any]:
    """Return the item's attributes."""
    terms = signal.terms
    attributes: dict[str, Any] = {
        "signal_id": signal.signal_id,
        "shard": str(shard_of(signal.signal_id, SHARDS)),
        "created_at": signal.created_at,
        "strategy": terms.strategy,
        "instrument": terms.instrument,
        "side": terms.side,
        "scope": terms.scope.value,
        "quantity": terms.quantity,
        "generation": signal.generation,
        "leavers": pack_json(signal.leavers) if signal.leavers else None,
        "worker": signal.worker,
        "leased_until": signal.leased_until,
        "is_complete": signal.is_complete,
    }
    if signal.is_complete:
        attributes["accepted"] = sum(reason.is_accepted for reason in signal.reasons)
        attributes["candidates"] = len(signal.reasons)
        attributes["reasons"] = _pack_reasons(signal.reasons) or None
    return attributes


def unpack_signal(item: SignalItem) -> Signal:
    """Return the signal of an item."""
    side: Any = item.side
    return Signal(
        signal_id=item.signal_id,
        created_at=item.created_at,
        terms=Terms(item.strategy, item.instrument, side, ExitScope(item.scope), int(item.quantity)),
        generation=item.generation,
        leavers=tuple(unpack_json(item.leavers)) if item.leavers else (),
        worker=item.worker,
        leased_until=item.leased_until,
        is_complete=bool(item.is_complete),
        reasons=_unpack_reasons(item.reasons or b"", int(item.candidates or 0), side),
    )


# Two bits for each candidate, so that 4,000 of them take 1 KB, and thus 1 write unit. What is stored: never change it.
_CODES = {
    Reason.OPENED: 0,
    Reason.CLOSED: 0,
    Reason.NOT_TRADED: 1,
    Reason.ALREADY_HELD: 2,
    Reason.NOT_HELD: 3,
}


def _pack_reasons(reasons: Sequence[Reason]) -> bytes:
    packed = bytearray((len(reasons) + 3) // 4)
    for place, reason in enumerate(reasons):
        packed[place // 4] |= _CODES[reason] << 2 * (place % 4)
    return bytes(packed)


def _unpack_reasons(packed: bytes, count: int, side: str) -> tuple[Reason, ...]:
    accepted = Reason.OPENED if side == "BUY" else Reason.CLOSED
    by_code = (accepted, Reason.NOT_TRADED, Reason.ALREADY_HELD, Reason.NOT_HELD)
    return tuple(by_code[packed[place // 4] >> 2 * (place % 4) & 3] for place in range(count))
