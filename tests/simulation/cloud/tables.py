"""The tables: items, indexes that lag behind, and the stream of the changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import Any, TypeVar
from zlib import crc32

from tests.simulation.cloud.expressions import Item, sort_value

_S = TypeVar("_S", bound="Shelf")
Key = tuple[Any, Any]
"""An item's primary key by which it sorts; the second is None where a table has no sort key."""
Properties = Mapping[str, Any]
"""Of a table, as CloudFormation and CreateTable have them."""


@dataclass(frozen=True)
class Change:
    """One item before and after a write: None where there was, or is, nothing."""

    table: str
    key: Key
    before: Item | None
    after: Item | None


@dataclass(frozen=True)
class KeySchema:
    """The names of the key attributes of a table or an index."""

    hash: str
    range: str | None

    @classmethod
    def read(cls, properties: Properties) -> "KeySchema":
        """Return the schema that the properties of a table or an index have."""
        names = {part["KeyType"]: part["AttributeName"] for part in properties["KeySchema"]}
        return cls(names["HASH"], names.get("RANGE"))

    @property
    def names(self) -> list[str]:
        """Both names, or the one."""
        return [self.hash] if self.range is None else [self.hash, self.range]

    def key_of(self, item: Item) -> Key:
        """Return the key of an item."""
        return sort_value(item[self.hash]), None if self.range is None else sort_value(item[self.range])


class Shelf:
    """Items by the keys of a table or of an index; those without the keys are not in it, which makes it sparse."""

    def __init__(self, schema: KeySchema, primary: KeySchema, kept: frozenset[str] | None) -> None:
        self.schema = schema
        self._primary = primary
        self._kept = kept
        self._items: dict[Any, dict[Key, Item]] = {}
        self._places: dict[Key, Any] = {}

    def put(self, key: Key, item: Item | None) -> None:
        """Have the item, or none, under the primary key."""
        place = self._places.pop(key, None)
        if place is not None:
            del self._items[place][key]
        if item is None or any(name not in item for name in self.schema.names):
            return
        place = sort_value(item[self.schema.hash])
        self._places[key] = place
        kept = item if self._kept is None else {name: item[name] for name in item if name in self._kept}
        self._items.setdefault(place, {})[key] = kept

    def get(self, key: Key) -> Item | None:
        """Return the item with the primary key."""
        place = self._places.get(key)
        return None if place is None else self._items[place][key]

    def partition(self, place: Any) -> list[tuple[Any, Item]]:
        """Return the items of a partition with what they are sorted by, in that order."""
        return sorted(((self._rank(item), item) for item in self._items.get(place, {}).values()), key=_first)

    def segment(self, segment: int, segments: int) -> list[tuple[Any, Item]]:
        """Return the items of one of several equal parts, in the one order that scans have."""
        places = sorted((crc32(repr(place).encode()), place) for place, items in self._items.items() if items)
        return [
            ((number, rank), item)
            for number, place in places
            if number % segments == segment
            for rank, item in self.partition(place)
        ]

    def rank_of_start(self, start: Item) -> Any:
        """Return the rank of the item that an ExclusiveStartKey names."""
        return self._rank(start)

    def scan_rank_of_start(self, start: Item) -> Any:
        """Return the same for a scan."""
        return crc32(repr(sort_value(start[self.schema.hash])).encode()), self._rank(start)

    def _rank(self, item: Item) -> Any:
        own = () if self.schema.range is None else (sort_value(item[self.schema.range]),)
        # DynamoDB promises no order among items with equal keys of an index: any but that of their primary keys.
        primary = tuple(sort_value(item[name]) for name in self._primary.names)
        return *own, crc32(repr(primary).encode()), primary


class LaggingShelf(Shelf):
    """Changes show up some time after they were made; those of one item in their order."""

    def __init__(self, schema: KeySchema, primary: KeySchema, kept: frozenset[str] | None) -> None:
        super().__init__(schema, primary, kept)
        self._coming: list[tuple[float, int, Key, Item | None]] = []
        self._last: dict[Key, float] = {}
        self._numbers = count()

    def put_later(self, key: Key, item: Item | None, at: float) -> None:
        """Have the item from some moment on."""
        at = self._last[key] = max(at, self._last.get(key, at))
        heappush(self._coming, (at, next(self._numbers), key, item))

    def catch_up(self, now: float) -> None:
        """Show everything that is due."""
        while self._coming and self._coming[0][0] <= now:
            _, _, key, item = heappop(self._coming)
            self.put(key, item)

    @property
    def is_behind(self) -> bool:
        """Whether changes are still to come."""
        return bool(self._coming)


class Table:
    """One table with its indexes. ``lag`` gives the seconds by which an index or a replica is behind."""

    def __init__(
        self, name: str, properties: Properties, clock: Callable[[], float], lag: Callable[[str], float]
    ) -> None:
        self.name = name
        self.schema = KeySchema.read(properties)
        self.types = {one["AttributeName"]: one["AttributeType"] for one in properties["AttributeDefinitions"]}
        self.has_stream = "StreamSpecification" in properties
        self._clock = clock
        self._lag = lag
        self._items = Shelf(self.schema, self.schema, None)
        self._replica = LaggingShelf(self.schema, self.schema, None)
        local = properties.get("LocalSecondaryIndexes", [])
        self._local = {index["IndexName"]: self._shelf(Shelf, index) for index in local}
        lagging = [*local, *properties.get("GlobalSecondaryIndexes", [])]
        self._lagging = {index["IndexName"]: self._shelf(LaggingShelf, index) for index in lagging}

    def key_of(self, item: Item) -> Key:
        """Return the primary key of an item, or of a key."""
        return self.schema.key_of(item)

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """Return the item with the key."""
        return self.shelf(None, consistent=consistent).get(key)

    def shelf(self, index: str | None, *, consistent: bool) -> Shelf:
        """Return what a read sees of the table or of an index."""
        if index is None and consistent:
            return self._items
        if index in self._local and consistent:
            return self._local[index]
        shelf = self._replica if index is None else self._lagging[index]
        shelf.catch_up(self._clock())
        return shelf

    def may_be_read(self, index: str | None, *, consistent: bool) -> bool:
        """Tell whether DynamoDB has such a read: global indexes cannot be read consistently."""
        return index is None or index in self._local or (index in self._lagging and not consistent)

    def write(self, key: Key, item: Item | None) -> Change:
        """Put the item, or take it out."""
        change = Change(self.name, key, self._items.get(key), item)
        self._items.put(key, item)
        for local in self._local.values():
            local.put(key, item)
        now = self._clock()
        for name, shelf in (("", self._replica), *self._lagging.items()):
            shelf.put_later(key, item, now + self._lag(name))
        return change

    def items(self) -> list[Item]:
        """Return everything, as it is now."""
        return [item for _, item in self._items.segment(0, 1)]

    @property
    def is_behind(self) -> bool:
        """Whether an index or the replica does not show everything yet."""
        shelves = (self._replica, *self._lagging.values())
        for shelf in shelves:
            shelf.catch_up(self._clock())
        return any(shelf.is_behind for shelf in shelves)

    def _shelf(self, kind: type[_S], index: Properties) -> _S:
        schema = KeySchema.read(index)
        projection = index["Projection"]
        kept = None
        if projection["ProjectionType"] != "ALL":
            kept = frozenset([*self.schema.names, *schema.names, *projection.get("NonKeyAttributes", [])])
        return kind(schema, self.schema, kept)


def _first(pair: tuple[Any, Item]) -> Any:
    return pair[0]
