"""Reads server-sent events by the letter of the standard (WHATWG HTML, section 9.2.6)."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Received:
    """An event as a browser dispatches it. ``last_id``: where the client's place is once it has this event."""

    name: str
    text: str
    last_id: str

    @property
    def data(self) -> Any:
        """The JSON of the data."""
        return json.loads(self.text)


@dataclass
class Stream:
    """What an answer has brought. What was in the making when it ended is lost, as in a browser."""

    retry: int | None = None
    events: list[Received] = field(default_factory=list)

    def named(self, name: str) -> list[Any]:
        """Return the data of the events with this name."""
        return [event.data for event in self.events if event.name == name]


def read_stream(text: str, last_id: str = "") -> Stream:
    """Return the events of an answer, to a client whose last event had this id."""
    stream = Stream()
    name, data, coming_id = "", "", last_id
    *lines, _ = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for line in lines:
        if not line:
            last_id = coming_id
            if data:
                stream.events.append(Received(name or "message", data.removesuffix("\n"), last_id))
            name, data = "", ""
            continue
        label, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match label:
            case "event":
                name = value
            case "data":
                data += value + "\n"
            case "id" if "\0" not in value:
                coming_id = value
            case "retry" if value.isascii() and value.isdigit():
                stream.retry = int(value)
    return stream
