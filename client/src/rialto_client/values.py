"""What all models share: they are values, and lists come in pages."""

from decimal import Decimal
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, PlainSerializer, Strict

ExactPrice: TypeAlias = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]
"""A price to the last digit; in JSON a number, which has digits enough for all that Rialto takes."""


class Value(BaseModel):
    """A model that never changes."""

    model_config = ConfigDict(frozen=True)


class PageRequest(Value):
    """A page of a list. ``limit`` from 1 to 100; ``cursor`` is the ``next_cursor`` of the page before."""

    limit: Annotated[int, Strict()] = 50
    cursor: str | None = None


class PageResponse(Value):
    """A page of a list; ``next_cursor`` is where the next one begins, None at the end."""

    next_cursor: str | None = None
