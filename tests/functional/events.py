"""Recorded events, with the parts that a test needs put in."""

import copy
import json
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).parents[1] / "events"


def read_event(name: str) -> dict[str, Any]:
    """Return a recorded event."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def stream_event(*records: tuple[str, str]) -> dict[str, Any]:
    """Return a stream event with these recorded records, each for an order."""
    event = []
    for name, order_id in records:
        (record,) = copy.deepcopy(read_event(name)["Records"])
        record["dynamodb"]["Keys"]["order_id"]["S"] = order_id
        for image in ("NewImage", "OldImage"):
            if image in record["dynamodb"]:
                record["dynamodb"][image]["order_id"]["S"] = order_id
        event.append(record)
    return {"Records": event}


def queue_event(*bodies: str, receive_count: int = 1) -> dict[str, Any]:
    """Return a queue event with a message for each body; their ids are m0, m1 and so on."""
    (recorded,) = read_event("placements_message")["Records"]
    records = []
    for at, body in enumerate(bodies):
        attributes = {**recorded["attributes"], "ApproximateReceiveCount": str(receive_count)}
        records.append({**recorded, "messageId": f"m{at}", "body": body, "attributes": attributes})
    return {"Records": records}


def schedule_event() -> dict[str, Any]:
    """Return the event of the schedule."""
    return read_event("schedule")
