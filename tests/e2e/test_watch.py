"""Orders are watched on the deployed stack: through the gateway, by the client and by the command line."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from rialto_client import Client, OrderChange, OrderStatus

from tests.e2e.stack import ISIN, Stack, eventually
from tests.event_stream import read_stream

RIALTO = Path(sys.executable).parent / "rialto"


def test_every_step_comes_once_in_answers_that_end(stack: Stack) -> None:
    stack.exchange.behave("down")
    order_id = stack.submit()["id"]
    causes: list[str] = []
    last_id = ""

    def look() -> list[str]:
        nonlocal last_id
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_id} if last_id else {})}
        response = stack.http.get("/orders/events", params={"ids": order_id}, headers=headers)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        stream = read_stream(response.text, last_id)
        for event in stream.events:
            last_id = event.last_id
            causes.extend(entry["cause"] for entry in event.data["entries"])
        return causes

    eventually(look, lambda seen: "unavailable" in seen)
    stack.exchange.behave("normal")
    eventually(look, lambda seen: "placed" in seen)
    stack.cancel(order_id)
    eventually(look, lambda seen: "canceled" in seen)

    assert causes == stack.causes(order_id)
    response = stack.http.get("/orders/events", params={"ids": order_id, "cursor": last_id})
    assert response.text == "retry: 5000\n\n: nothing new\n\n"


def test_a_hundred_orders_and_their_cursor_get_through_every_gateway(stack: Stack) -> None:
    ids = [stack.submit()["id"] for _ in range(100)]
    for order_id in ids:
        stack.wait_for(order_id, "NEW")

    first = stack.http.get("/orders/events", params={"ids": ",".join(ids)})
    events = read_stream(first.text).events
    listed = read_stream(stack.http.get("/orders/events").text).events
    cursors = (("ids", events[-1].last_id, ",".join(ids)), ("", listed[-1].last_id, ""))

    assert [event.data["order"]["id"] for event in events] == ids
    for name, cursor, wanted in cursors:
        path = f"/orders/events?{name}={wanted}" if name else "/orders/events?"
        by_header = stack.http.get(path, headers={"Last-Event-ID": cursor})
        by_query = stack.http.get(f"{path}&cursor={cursor}")
        assert (by_header.status_code, by_query.status_code) == (200, 200)
        assert read_stream(by_header.text).events == []


def test_the_client_follows_an_order_from_a_cursor(stack: Stack) -> None:
    order_id = stack.submit()["id"]

    async def watch(cursor: str | None, status: OrderStatus) -> OrderChange:
        async with Client(stack.deployment.url) as client:
            async with asyncio.timeout(60):
                async for event in client.watch_orders([order_id], cursor=cursor):
                    if isinstance(event, OrderChange) and event.order.status is status:
                        return event
        raise AssertionError

    placed = asyncio.run(watch(None, OrderStatus.NEW))
    stack.cancel(order_id)
    canceled = asyncio.run(watch(placed.cursor, OrderStatus.CANCELED))

    assert "accepted" not in [entry.cause for entry in canceled.entries]


def test_the_command_ends_when_all_orders_are_final(stack: Stack) -> None:
    order_id = stack.submit(instrument=ISIN)["id"]
    stack.wait_for(order_id, "NEW")
    environment = {**os.environ, "RIALTO_URL": stack.deployment.url}
    command = [RIALTO, "orders", "watch", order_id, "--until-final", "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        first = json.loads(process.stdout.readline())
        stack.cancel(order_id)
        rest, _ = process.communicate(timeout=60)

    told = [first, *map(json.loads, rest.splitlines())]
    assert process.returncode == 0
    assert [entry["cause"] for event in told for entry in event["entries"]] == stack.causes(order_id)
    assert told[-1]["order"]["status"] == "CANCELED"
