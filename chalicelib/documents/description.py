"""The words in which routes are described. What can be read from code is not repeated: see document.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]
Form = type[Any]
"""A pydantic model or a TypedDict."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of the path, the query or the headers."""

    name: str
    schema: Schema
    description: str
    example: Any = None
    required: bool = False


@dataclass(frozen=True)
class Body:
    """What a request sends, with examples by name."""

    form: Form
    examples: Mapping[str, Any]
    max_bytes: int = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """One answer that is no problem. Without a form it is no JSON of ours, without a media type it has no body.

    ``events``: the form of the data of each event, in a stream of events.
    """

    status: int
    form: Form | None
    example: Any = None
    media_type: str = "application/json"
    headers: tuple[str, ...] = ()
    events: Mapping[str, Form] = field(default_factory=dict)


@dataclass(frozen=True)
class Link:
    """Where something in the answer leads: the operation, and where its parameters stand in the answer."""

    operation: str
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class Route:
    """One method of one path.

    ``problems``: the codes that are its own; those that come with a body, a key or pages are added. ``errors``: answers
    in place of problems. ``keyed``: it takes an Idempotency-Key. ``paged``: it takes a limit and a cursor.
    """

    summary: str
    answer: Answer
    path: tuple[Parameter, ...] = ()
    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    body: Body | None = None
    problems: tuple[str, ...] = ()
    errors: tuple[Answer, ...] = ()
    keyed: bool = False
    paged: bool = False
    links: tuple[Link, ...] = ()


Routes = Mapping[tuple[str, str], Route]
"""Routes by method and path."""
