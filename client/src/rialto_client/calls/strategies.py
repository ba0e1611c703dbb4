"""The strategies' methods."""

from rialto_client.calls.base import Calls, key_or_new, path_of
from rialto_client.strategies import (
    CreateOrderBody,
    CreateOrderResponse,
    OrderLogViewRequest,
    OrderLogViewResponse,
    PositionViewRequest,
    PositionViewResponse,
    ProfileCounts,
    Profiles,
    Signal,
    SignalId,
    SignalRequest,
    SignalResponse,
    SignalViewRequest,
    SignalViewResponse,
)


class StrategyCalls(Calls):
    """Signals, profiles, positions and the order log."""

    async def send_signal(
        self, request: SignalRequest, *, dry_run: bool = False, idempotency_key: str | None = None
    ) -> SignalResponse:
        """Send a signal; it is carried out once, however often it has to be sent.

        A dry run tells what would become of it, and changes nothing. ``idempotency_key`` is for sending once more what
        ended in UnavailableError; without it every call is a signal of its own.

        Raises:
            InvalidRequestError: if this is no signal.
            UnavailableError: if it is not known what became of it.
            ValueError: if the key is not made of 1 to 255 printable ASCII characters.
        """
        key = key_or_new(idempotency_key)
        path, key_of_change = ("/signals?dry_run=true", None) if dry_run else ("/signals", key)
        return await self._connection.change_slowly("POST", path, SignalResponse, request, key_of_change)

    async def create_order(self, request: SignalRequest, *, idempotency_key: str | None = None) -> CreateOrderResponse:
        """Send a signal by the route of the older producers, which answers in one word whatever the status is.

        Raises:
            RefusedError: if there is no such route.
            UnavailableError: if it is not known what became of it.
            ValueError: if the key is not made of 1 to 255 printable ASCII characters.
        """
        body, key = CreateOrderBody(**request.model_dump()), key_or_new(idempotency_key)
        return await self._connection.post_for_reply("/create_order", CreateOrderResponse, body, key)

    async def view_signal(self, signal_id: SignalId) -> Signal:
        """View a signal, and what came of it for each user.

        Raises:
            NotFoundError: if there is no such signal.
            UnavailableError: if Rialto cannot be asked.
        """
        return await self._connection.get(path_of("/signals", signal_id, what="signal"), {}, Signal)

    async def view_signals(self, request: SignalViewRequest | None = None) -> SignalViewResponse:
        """View a page of the signals, newest first.

        Raises:
            InvalidRequestError: if the limit is out of range, or the cursor is not one of this list.
            UnavailableError: if Rialto cannot be asked.
        """
        return await self._view_page("/signals", request or SignalViewRequest(), SignalViewResponse)

    async def replace_profiles(self, profiles: Profiles) -> ProfileCounts:
        """Replace all profiles by these; open positions stay.

        Raises:
            InvalidRequestError: if they break a rule, or are too many.
            ConflictError: if another replacement was faster. After a lost answer that may have been this one.
            UnavailableError: if it is not known whether they were replaced.
        """
        return await self._connection.change_slowly("PUT", "/strategies/profiles", ProfileCounts, profiles)

    async def view_profiles(self) -> Profiles:
        """View all profiles.

        Raises:
            UnavailableError: if Rialto cannot be asked.
        """
        return await self._connection.get("/strategies/profiles", {}, Profiles)

    async def view_positions(self, request: PositionViewRequest | None = None) -> PositionViewResponse:
        """View a page of the open positions.

        Raises:
            InvalidRequestError: if a name, the limit or the cursor breaks a rule.
            UnavailableError: if Rialto cannot be asked.
        """
        return await self._view_page("/positions", request or PositionViewRequest(), PositionViewResponse)

    async def view_order_log(self, request: OrderLogViewRequest | None = None) -> OrderLogViewResponse:
        """View a page of the closed positions, newest first.

        Raises:
            InvalidRequestError: if a name, the limit or the cursor breaks a rule.
            UnavailableError: if Rialto cannot be asked.
        """
        return await self._view_page("/order-log", request or OrderLogViewRequest(), OrderLogViewResponse)
