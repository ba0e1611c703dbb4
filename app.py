"""The Chalice application: mounts the routes and declares every event entry point.

The ARNs below are placeholders. infra/resources.yaml puts the deployed ones in their place.
"""

import gc

gc.disable()  # What is imported stays: looking for garbage meanwhile would be a quarter of a cold start.

from functools import partial
from typing import Any

from chalice.app import Chalice, CloudWatchEvent, DynamoDBEvent, SQSEvent

from chalicelib.broker.hand_over import hand_over
from chalicelib.broker.reports import apply_batch, retry_batch
from chalicelib.broker.routes import routes as broker_routes
from chalicelib.broker.wiring import broker
from chalicelib.broker.worker import work_on_batch
from chalicelib.core.batches import read_messages, work_queue
from chalicelib.core.invocations import watch_invocation
from chalicelib.documents.routes import routes as documents_routes
from chalicelib.market.queue import about_artwork, retry_match
from chalicelib.market.routes import routes as market_routes
from chalicelib.market.stream import match_records
from chalicelib.market.wiring import market
from chalicelib.operations.routes import routes as operations_routes
from chalicelib.operations.schedule import run_all
from chalicelib.operations.wiring import operations
from chalicelib.strategies.routes import routes as strategies_routes
from chalicelib.web.routes import routes as web_routes

# The log is ours, see core/telemetry.py: Chalice would print each line a second time.
app = Chalice(app_name="rialto", configure_logs=False)
app.register_middleware(watch_invocation, "all")
app.register_blueprint(market_routes)
app.register_blueprint(broker_routes)
app.register_blueprint(strategies_routes)
app.register_blueprint(operations_routes)
app.register_blueprint(documents_routes)
app.register_blueprint(web_routes)


@app.on_dynamodb_record(
    stream_arn="arn:aws:dynamodb:::table/market_orders/stream/x", batch_size=100, name="match_orders"
)
def match_orders(event: DynamoDBEvent) -> None:
    """Match the books of the artworks that a stream batch of new orders names."""
    match_records(event.to_dict()["Records"], market().matcher, market().retries)


@app.on_sqs_message(queue_arn="arn:aws:sqs:us-east-1:000000000000:match-retries", batch_size=10, name="retry_matches")
def retry_matches(event: SQSEvent) -> dict[str, Any]:
    """Match again the artworks whose matching failed."""
    parts = market()
    messages = read_messages(event.to_dict()["Records"])
    return work_queue(messages, partial(retry_match, parts.matcher), parts.retries, 4, about_artwork)


@app.on_dynamodb_record(
    stream_arn="arn:aws:dynamodb:::table/broker_orders/stream/x", batch_size=100, name="hand_over_orders"
)
def hand_over_orders(event: DynamoDBEvent) -> None:
    """Queue the orders of a stream batch for the exchange."""
    hand_over(event.to_dict()["Records"], broker().queue)


@app.on_sqs_message(queue_arn="arn:aws:sqs:us-east-1:000000000000:placements", batch_size=10, name="place_orders")
def place_orders(event: SQSEvent) -> dict[str, Any]:
    """Take a batch of orders to the exchange, in parallel."""
    return work_on_batch(event.to_dict()["Records"], broker().worker, broker().queue)


@app.on_sqs_message(queue_arn="arn:aws:sqs:us-east-1:000000000000:reports.fifo", batch_size=10, name="apply_reports")
def apply_reports(event: SQSEvent) -> dict[str, Any]:
    """Apply a batch of execution reports to their orders."""
    return apply_batch(event.to_dict()["Records"], broker().applier)


@app.on_sqs_message(queue_arn="arn:aws:sqs:us-east-1:000000000000:report-retries", batch_size=10, name="retry_reports")
def retry_reports(event: SQSEvent) -> dict[str, Any]:
    """Apply again the reports of orders that failed."""
    return retry_batch(event.to_dict()["Records"], broker().applier)


@app.schedule("rate(1 minute)", name="sweep")
def sweep(event: CloudWatchEvent) -> None:
    """Find what was lost on the way, and check the invariants."""
    del event
    run_all(operations())


gc.freeze()  # Nor is it looked at again with each of the collections to come.
gc.enable()
