"""Profiles in memory."""

import json
from dataclasses import replace
from datetime import datetime

from chalicelib.strategies.profiles import Generation, ReplacedMeanwhileError
from chalicelib.strategies.signal import Profiles, Subscribers
from tests.unit.broker.fakes.faults import Hook, nothing

IN_FORCE = "in force"


class MemoryProfileStore:
    """Keeps generations, their profiles as JSON, and which of them is in force."""

    def __init__(self) -> None:
        self.generations: dict[str, Generation] = {}
        self.contents: dict[str, str] = {}
        self.pointer: dict[str, Generation] = {}

    def current(self) -> Generation | None:
        return self.pointer.get(IN_FORCE)

    def subscribers(self, generation_id: str, strategy: str) -> Subscribers:
        return {
            user: strategies[strategy]
            for user, strategies in self.profiles(generation_id).items()
            if strategy in strategies
        }

    def profiles(self, generation_id: str) -> Profiles:
        found: Profiles = json.loads(self.contents.get(generation_id, "{}"))
        return found

    def replace(self, profiles: Profiles, generation: Generation, before: Generation | None) -> None:
        self._pass("before make known")
        self.generations[generation.generation_id] = generation
        self._pass("before write profiles")
        self.contents[generation.generation_id] = json.dumps(profiles)
        self._pass("before switch")
        current = self.pointer.get(IN_FORCE)
        if _id(current) == _id(before):
            self.pointer[IN_FORCE] = generation
        elif _id(current) != generation.generation_id:
            raise ReplacedMeanwhileError(generation.generation_id)
        self._pass("after switch")

    def known(self) -> list[Generation]:
        return list(self.generations.values())

    def mark_retired(self, generation: Generation, at: datetime) -> None:
        self._pass("before mark")
        self.generations[generation.generation_id] = replace(generation, retired_at=at)

    def delete(self, generation: Generation) -> None:
        self._pass("before delete profiles")
        self.contents.pop(generation.generation_id, None)
        self._pass("before forget")
        self.generations.pop(generation.generation_id, None)

    def _pass(self, point: str) -> None:
        del point


class FaultyProfileStore(MemoryProfileStore):
    """The view of one caller on a store; its calls pass the hook before each of their steps."""

    def __init__(self, inner: MemoryProfileStore, hook: Hook = nothing) -> None:
        super().__init__()
        self.generations, self.contents, self.pointer = inner.generations, inner.contents, inner.pointer
        self._hook = hook

    def current(self) -> Generation | None:
        self._hook("before current")
        return super().current()

    def subscribers(self, generation_id: str, strategy: str) -> Subscribers:
        self._hook("before subscribers")
        return super().subscribers(generation_id, strategy)

    def _pass(self, point: str) -> None:
        self._hook(point)


def _id(generation: Generation | None) -> str | None:
    return None if generation is None else generation.generation_id
