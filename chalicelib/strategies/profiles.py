"""The profiles in DynamoDB: who runs which strategy with which instruments.

They are replaced as a whole: written under a new generation that nobody reads yet, then one conditional write puts it
in force. A signal keeps the generation it began with, so it sees the old profiles or the new, never a mixture.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pynamodb.exceptions import PutError

from chalicelib.core.dynamodb import bind_table, is_condition_failure
from chalicelib.strategies.item import (
    CURRENT,
    KNOWN,
    GenerationItem,
    PartItem,
    pack_profiles,
    part_prefix,
    strategy_of_part,
    unpack_json,
)
from chalicelib.strategies.signal import Profiles, Subscribers


@dataclass(frozen=True)
class Generation:
    """One state of all profiles. ``rows`` counts the pairs of user and strategy."""

    generation_id: str
    created_at: datetime
    users: int
    rows: int
    retired_at: datetime | None = None
    """When it was first seen to be out of force."""


class ReplacedMeanwhileError(Exception):
    """Raised when other profiles came into force since the present ones were read."""


class ProfileStore(Protocol):
    """Where profiles are kept."""

    def current(self) -> Generation | None:
        """Return the generation in force, read consistently, None before the first."""

    def subscribers(self, generation_id: str, strategy: str) -> Subscribers:
        """Return the users who run the strategy, read consistently."""

    def profiles(self, generation_id: str) -> Profiles:
        """Return all profiles of a generation, read consistently."""

    def replace(self, profiles: Profiles, generation: Generation, before: Generation | None) -> None:
        """Put the profiles in force in the place of ``before``. Raises ReplacedMeanwhileError."""

    def known(self) -> list[Generation]:
        """Return every generation of which anything may be stored."""

    def mark_retired(self, generation: Generation, at: datetime) -> None:
        """Remember since when a generation is out of force. None comes into force a second time."""

    def delete(self, generation: Generation) -> None:
        """Delete all that is stored of a generation."""


class DynamoProfileStore:
    """Profiles in the table ``subscriptions``."""

    def __init__(self, table: str) -> None:
        self._parts = bind_table(PartItem, table)
        self._generations = bind_table(GenerationItem, table)

    def current(self) -> Generation | None:
        """Get the pointer consistently."""
        try:
            pointer = self._generations.get(*CURRENT, consistent_read=True)
        except self._generations.DoesNotExist:
            return None
        return Generation(str(pointer.current), pointer.created_at, int(pointer.users), int(pointer.rows))

    def subscribers(self, generation_id: str, strategy: str) -> Subscribers:
        """Query the strategy's parts."""
        starts_so = PartItem.part.startswith(part_prefix(strategy))
        found: Subscribers = {}
        for part in self._parts.query(generation_id, starts_so, consistent_read=True):
            found.update(unpack_json(part.subscribers))
        return found

    def profiles(self, generation_id: str) -> Profiles:
        """Query all parts."""
        found: Profiles = {}
        for part in self._parts.query(generation_id, consistent_read=True):
            strategy = strategy_of_part(part.part)
            for user, instruments in unpack_json(part.subscribers).items():
                strategies = found.setdefault(user, {})
                if strategy:
                    strategies[strategy] = instruments
        return found

    def replace(self, profiles: Profiles, generation: Generation, before: Generation | None) -> None:
        """Make the generation known, write its parts, then move the pointer.

        After a crash in between, the known generation is one that never came into force: the sweep deletes it.
        """
        self._item(KNOWN, generation.generation_id, generation).save()
        with self._parts.batch_write() as batch:
            for part, content in pack_profiles(profiles):
                batch.save(self._parts(generation.generation_id, part, subscribers=content))
        pointer = self._item(*CURRENT, generation)
        pointer.current = generation.generation_id
        condition = (
            GenerationItem.generation.does_not_exist()
            if before is None
            else GenerationItem.current == before.generation_id
        )
        try:
            pointer.save(condition=condition)
        except PutError as error:
            if not is_condition_failure(error):
                raise
            now_current = self.current()
            # Our own generation in force: the write took effect, and its answer was lost.
            if now_current is None or now_current.generation_id != generation.generation_id:
                raise ReplacedMeanwhileError(generation.generation_id) from None

    def known(self) -> list[Generation]:
        """Query the known generations."""
        return [
            Generation(item.part, item.created_at, int(item.users), int(item.rows), item.retired_at)
            for item in self._generations.query(KNOWN, consistent_read=True)
        ]

    def mark_retired(self, generation: Generation, at: datetime) -> None:
        """Put the known generation with the mark."""
        item = self._item(KNOWN, generation.generation_id, generation)
        item.retired_at = at
        item.save()

    def delete(self, generation: Generation) -> None:
        """Delete the parts, then what makes the generation known: a crash in between leaves it to the next sweep."""
        keys = self._parts.query(generation.generation_id, attributes_to_get=["generation", "part"])
        with self._parts.batch_write() as batch:
            for part in keys:
                batch.delete(part)
        self._item(KNOWN, generation.generation_id, generation).delete()

    def _item(self, hash_key: str, range_key: str, generation: Generation) -> GenerationItem:
        item: GenerationItem = self._generations(
            hash_key,
            range_key,
            users=generation.users,
            rows=generation.rows,
            created_at=generation.created_at,
            retired_at=generation.retired_at,
        )
        return item
