"""The art market of Rialto: send and cancel orders, view orders, transactions and what is for sale.

Each function takes a request model and returns a response model. Called as they are, they talk to ``RIALTO_URL``;
as methods of a :class:`Client` they share its connections. What can go wrong is drawn in :mod:`rialto_client.errors`.
"""

from rialto_client.client import Client
from rialto_client.errors import (
    ConflictError,
    InconclusiveError,
    InvalidRequestError,
    NotFoundError,
    RefusedError,
    RialtoClientError,
    ServerFaultError,
    ThrottledError,
    UnavailableError,
    UnexpectedAnswerError,
)
from rialto_client.functions import cancel_order, send_order, view_artworks, view_orders, view_transactions
from rialto_client.models import (
    ArtworkId,
    ArtworkViewRequest,
    ArtworkViewResponse,
    CancelOrderRequest,
    CancelOrderResponse,
    Direction,
    Listing,
    Order,
    OrderId,
    OrderRequest,
    OrderResponse,
    OrderViewRequest,
    OrderViewResponse,
    Sort,
    Transaction,
    TransactionId,
    TransactionViewRequest,
    TransactionViewResponse,
    UserId,
)
from rialto_client.problem import FieldError, Problem
from rialto_client.settings import Retries, Timeout

__all__ = [
    "ArtworkId",
    "ArtworkViewRequest",
    "ArtworkViewResponse",
    "CancelOrderRequest",
    "CancelOrderResponse",
    "Client",
    "ConflictError",
    "Direction",
    "FieldError",
    "InconclusiveError",
    "InvalidRequestError",
    "Listing",
    "NotFoundError",
    "Order",
    "OrderId",
    "OrderRequest",
    "OrderResponse",
    "OrderViewRequest",
    "OrderViewResponse",
    "Problem",
    "RefusedError",
    "Retries",
    "RialtoClientError",
    "ServerFaultError",
    "Sort",
    "ThrottledError",
    "Timeout",
    "Transaction",
    "TransactionId",
    "TransactionViewRequest",
    "TransactionViewResponse",
    "UnavailableError",
    "UnexpectedAnswerError",
    "UserId",
    "cancel_order",
    "send_order",
    "view_artworks",
    "view_orders",
    "view_transactions",
]
