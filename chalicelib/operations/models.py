"""What goes over the wire to and from the people on call."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints


class RedriveRequest(BaseModel):
    """The body of ``POST /operations/dead-letters/redrive``."""

    model_config = ConfigDict(defer_build=True)

    queue: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64)]
