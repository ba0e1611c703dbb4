"""Operations over HTTP."""

from chalice.app import Response

from chalicelib.broker.wiring import broker
from chalicelib.core.clock import utc_now
from chalicelib.core.errors import InvalidRequestError
from chalicelib.core.http import Routes, json_response, query_of, read_model, view
from chalicelib.market.wiring import market
from chalicelib.operations import service
from chalicelib.operations.invariants import start_run, view_result
from chalicelib.operations.models import RedriveRequest
from chalicelib.operations.wiring import operations
from chalicelib.strategies.wiring import strategies

routes = Routes(__name__)


@routes.route("/health", methods=["GET"])
@view(lambda: routes.current_request)
def get_health() -> Response:
    """Read every table: 200 when all answer, else 503 with the fault of each."""
    parts = strategies()
    tables = service.check_health(
        service.Tables(
            broker().store, market().store, operations().states, parts.desk.profiles, parts.store, parts.listings
        )
    )
    healthy = all(state == "ok" for state in tables.values())
    return json_response({"status": "ok" if healthy else "unavailable", "tables": tables}, 200 if healthy else 503)


@routes.route("/operations/queues", methods=["GET"])
@view(lambda: routes.current_request)
def get_queues() -> Response:
    """Show depth, in flight, oldest age and dead letters of every queue."""
    return json_response({"queues": service.view_queues(operations().boxes, broker().store, utc_now())})


@routes.route("/operations/dead-letters", methods=["GET"])
@view(lambda: routes.current_request)
def get_dead_letters() -> Response:
    """Show a sample of a queue's dead letters, with the reason of each. They stay where they are."""
    queue = query_of(routes.current_request).get("queue")
    if queue is None:
        raise InvalidRequestError([{"loc": ["query", "queue"], "msg": "Field required", "type": "missing"}])
    return json_response(service.view_dead_letters(operations().boxes, broker().store, queue))


@routes.route("/operations/dead-letters/redrive", methods=["POST"])
@view(lambda: routes.current_request)
def post_redrive() -> Response:
    """Move a queue's dead letters back. Call it again while some remain."""
    queue = read_model(routes.current_request, RedriveRequest).queue
    parts = operations()
    done = service.redrive(parts.boxes, parts.catch_up, queue, utc_now)
    return json_response({"queue": queue, "redriven": done.redriven, "remaining": done.remaining})


@routes.route("/operations/invariants", methods=["GET"])
@view(lambda: routes.current_request)
def get_invariants() -> Response:
    """Show what the last check of the live data found."""
    return json_response(view_result(operations().checker))


@routes.route("/operations/invariants/run", methods=["POST"])
@view(lambda: routes.current_request)
def post_invariants_run() -> Response:
    """Begin a new check, take its first steps, and show how far it has come; the sweep takes it to its end."""
    return json_response(start_run(operations().checker), 202)
