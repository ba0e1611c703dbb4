"""What comes over the feed's socket: text in, frames out. Pure.

A report's text is passed on as it came: no number goes through a float, and nothing is written anew.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

LONGEST_SESSION = 100

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


class FrameError(Exception):
    """Raised for a frame that makes no sense. The connection it came from is of no use any more."""


class RawReport(NamedTuple):
    """A report as it was read and as it was written."""

    content: Any
    text: str

    @property
    def number(self) -> int:
        """The sequence number; 0 if it has none of use."""
        seq = self.content.get("seq") if isinstance(self.content, dict) else None
        return seq if type(seq) is int and seq > 0 else 0


class Frame(NamedTuple):
    """A frame: its fields, and its reports apart from them."""

    fields: dict[str, Any]
    reports: list[RawReport]

    @property
    def type(self) -> str:
        """What kind of frame it is.

        Raises:
            FrameError: if it does not say so.
        """
        return self.text("type")

    @property
    def session(self) -> str:
        """The session that it is about. Raises FrameError if it names none."""
        session = self.text("session")
        if not 0 < len(session) <= LONGEST_SESSION or not session.isprintable():
            raise FrameError(f"no session: {session[:LONGEST_SESSION]!r}")
        return session

    def text(self, name: str) -> str:
        """Return a field that must be text. Raises FrameError if it is none."""
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise FrameError(f"{name} is no text: {str(value)[:100]!r}")
        return value

    def number(self, name: str) -> int:
        """Return a field that must be a whole number from 0. Raises FrameError if it is none."""
        value = self.fields.get(name)
        if type(value) is not int or value < 0:
            raise FrameError(f"{name} is no number: {str(value)[:100]!r}")
        return value


def read_frame(text: str) -> Frame:
    """Return the frame that a text is.

    Raises:
        FrameError: if it is no JSON object, or its reports are no list.
    """
    try:
        fields = dict(_members(text))
    except (ValueError, IndexError, TypeError, RecursionError) as error:
        raise FrameError(f"no frame: {text[:100]!r}") from error
    return Frame(fields, fields.pop("reports", []))


def _members(text: str) -> Iterator[tuple[str, Any]]:
    at = _expect(text, 0, "{")
    if text[at] != "}":
        while True:
            name, at = _DECODER.raw_decode(text, at)
            at = _expect(text, at, ":")
            value, at = _read_reports(text, at) if name == "reports" else _DECODER.raw_decode(text, at)
            yield name, value
            at = _skip(text, at)
            if text[at] == "}":
                break
            at = _expect(text, at, ",")
    if _skip(text, at + 1) != len(text):
        raise ValueError("something follows")


def _read_reports(text: str, at: int) -> tuple[list[RawReport], int]:
    at = _expect(text, at, "[")
    reports: list[RawReport] = []
    if text[at] == "]":
        return reports, at + 1
    while True:
        content, end = _DECODER.raw_decode(text, at)
        reports.append(RawReport(content, _in_ascii(text[at:end])))
        at = _skip(text, end)
        if text[at] == "]":
            return reports, at + 1
        at = _expect(text, at, ",")


def _expect(text: str, at: int, mark: str) -> int:
    """Return where it goes on behind a mark."""
    at = _skip(text, at)
    if text[at] != mark:
        raise ValueError(f"{mark} is missing")
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _in_ascii(text: str) -> str:
    """Escape what is beyond ASCII, which in JSON is inside strings only: SQS does not take every character."""
    return text if text.isascii() else _BEYOND_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text)
