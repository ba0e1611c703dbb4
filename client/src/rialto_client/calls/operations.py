"""The methods for the people on call, and for whoever plays with the local exchange."""

from rialto_client.calls.base import Calls
from rialto_client.exchange import ExchangeControl
from rialto_client.operations import (
    DeadLetterViewResponse,
    HealthResponse,
    InvariantViewResponse,
    QueueViewResponse,
    RedriveRequest,
    RedriveResponse,
)

_EXCHANGE = "/_local/exchange/control"


class OperationsCalls(Calls):
    """Queues, dead letters, invariants, health, and the local exchange."""

    async def view_queues(self) -> QueueViewResponse:
        """View how full the queues are.

        Raises:
            UnavailableError: if Rialto cannot be asked.
        """
        return await self._connection.get("/operations/queues", {}, QueueViewResponse)

    async def view_dead_letters(self, queue: str) -> DeadLetterViewResponse:
        """View a sample of a queue's dead letters. They stay where they are.

        Raises:
            NotFoundError: if there is no such queue.
            UnavailableError: if Rialto cannot be asked.
        """
        return await self._connection.get("/operations/dead-letters", {"queue": queue}, DeadLetterViewResponse)

    async def redrive_dead_letters(self, queue: str) -> RedriveResponse:
        """Move dead letters back to their queue, as many as can be in some seconds.

        Raises:
            NotFoundError: if there is no such queue.
            UnavailableError: if it is not known how many went back. None is lost, and to redrive again does no harm.
        """
        path, request = "/operations/dead-letters/redrive", RedriveRequest(queue=queue)
        return await self._connection.change_slowly("POST", path, RedriveResponse, request)

    async def view_invariants(self) -> InvariantViewResponse:
        """View what the last check of the live data found.

        Raises:
            UnavailableError: if Rialto cannot be asked.
        """
        return await self._connection.get("/operations/invariants", {}, InvariantViewResponse)

    async def run_invariants(self) -> InvariantViewResponse:
        """Begin a check of the live data, and tell how far it has come; `view_invariants` shows it once it has ended.

        Raises:
            UnavailableError: if it is not known whether it was begun.
        """
        return await self._connection.change_slowly("POST", "/operations/invariants/run", InvariantViewResponse)

    async def check_health(self) -> HealthResponse:
        """Tell whether every table can be read. A fault of one is an answer, too.

        Raises:
            UnavailableError: if Rialto cannot be asked.
        """
        return await self._connection.get_reply("/health", HealthResponse)

    async def view_exchange(self) -> ExchangeControl:
        """View how the local exchange behaves.

        Raises:
            RefusedError: if this Rialto has none.
            UnavailableError: if it cannot be asked.
        """
        return await self._connection.get(_EXCHANGE, {}, ExchangeControl)

    async def control_exchange(self, control: ExchangeControl) -> ExchangeControl:
        """Let the local exchange behave so from now on.

        Raises:
            InvalidRequestError: if it cannot.
            RefusedError: if this Rialto has none.
            UnavailableError: if it is not known whether it does.
        """
        return await self._connection.change_slowly("PUT", _EXCHANGE, ExchangeControl, control)
