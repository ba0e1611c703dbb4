"""The frames of the feed: what a reader may ask, and what it is told."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from exchange_answers import explain
from exchange_session import SessionLog
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import to_json

MOST = 500
"""Reports in one frame."""


class SenselessFrameError(Exception):
    """Raised for a reader's frame that makes no sense."""


class Resume(BaseModel):
    """Send everything behind this report and then what comes; without a session, from the oldest that is kept."""

    model_config = ConfigDict(strict=True)

    type: Literal["resume"]
    session: str | None
    after: int = Field(default=0, ge=0)


class Resend(BaseModel):
    """Send these again, both ends included."""

    model_config = ConfigDict(strict=True)

    type: Literal["resend"]
    first: int = Field(alias="from", ge=1)
    last: int = Field(alias="to")

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.last < self.first:
            raise ValueError("`to` comes before `from`")
        return self


class Snapshot(BaseModel):
    """Send how every order stands, and then what comes."""

    type: Literal["snapshot"]


Demand = Resume | Resend | Snapshot
_DEMAND: TypeAdapter[Demand] = TypeAdapter(Annotated[Demand, Field(discriminator="type")])


def read_demand(content: object) -> Demand:
    """Read a reader's frame.

    Raises:
        SenselessFrameError: telling what is wrong with it.
    """
    if not isinstance(content, str):
        raise SenselessFrameError("frames are JSON texts")
    try:
        return _DEMAND.validate_json(content)
    except ValidationError as error:
        raise SenselessFrameError(explain(error)) from error


def frame(kind: str, **content: Any) -> bytes:
    """Return a frame without reports."""
    return to_json({"type": kind, **content})


def kept_frame(kind: str, log: SessionLog, **content: Any) -> bytes:
    """Return a frame that tells what is kept."""
    return frame(kind, session=log.session, first=log.first, last=log.last, **content)


def reports_frame(session: str, reports: Sequence[bytes]) -> bytes:
    """Return a frame of encoded reports of the session."""
    return b'{"type":"reports","session":%b,"reports":[%b]}' % (to_json(session), b",".join(reports))


def snapshot_frame(reports: Sequence[bytes]) -> bytes:
    """Return a frame of a snapshot's encoded reports."""
    return b'{"type":"snapshot","reports":[%b]}' % b",".join(reports)
