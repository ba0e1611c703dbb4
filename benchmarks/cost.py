"""What each operation costs: ``make cost`` writes docs/cost.md and the README's table; ``--check`` compares.

Made of the write units that infra/capacity.py names and the end-to-end tests count, of what benchmarks/handlers.py has
measured (benchmarks/handlers.json), and of the list prices below. It needs no stack and no network.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from infra import capacity
from infra.capacity import Units

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "cost.md"
README = ROOT / "README.md"
IN_README = re.compile(r"(<!-- made by make cost -->\n).*?(\n<!-- end -->)", re.DOTALL)
HEADLINES = (
    "broker: accept an order",
    "broker: accept and place it, in full batches",
    "art market: a trade in all, with both orders",
    "signal: BUY for one user of 30",
    "signal: SELL for one user of 30",
)
FIGURES = ROOT / "benchmarks" / "handlers.json"

PRICES_OF = "2025-01"
"""us-east-1, on demand, first tier, without the free one. Look them up again before you rely on them."""
DOLLARS_PER_MILLION = {
    "write units": 0.625,
    "read units": 0.125,
    "queue requests": 0.40,
    "ordered queue requests": 0.50,
    "invocations": 0.20,
    "gateway requests": 3.50,
}
DOLLARS_PER_GB_SECOND = 0.0000166667
"""Lambda on x86_64; arm64 is a fifth cheaper."""
# Reading a stream is free for Lambda: the units of DynamoDB Streams are paid by other readers only.

MEMORY_MB = 512
FULL_CORE_MB = 1769
"""Memory at which Lambda gives a function a whole core; with less it gets that part of it."""
CALL_MS = 5
"""Taken for one answer of DynamoDB or SQS, as if no two were waited for at once."""
EXCHANGE_MS = 100
"""Taken for the answer of the exchange."""
BATCH = 10
"""Orders to a queue batch."""
STREAM_BATCH = 100
USERS = 30
"""Of the signals that were measured."""


@dataclass(frozen=True)
class Invocation:
    """A function that runs, for one operation or for several at once."""

    name: str
    """In the figures."""
    operations: int = 1
    """That share it."""
    from_gateway: bool = False
    wait_ms: float = 0
    """For others than AWS."""
    queue_requests: float = 0
    """Made for it elsewhere: by Lambda to receive and to delete."""
    ordered_requests: float = 0
    """The same of a FIFO queue, and to send: the bridge does."""
    reads: float | None = None
    """Read units where they were counted; otherwise one for each read."""


@dataclass(frozen=True)
class Operation:
    """What somebody asks for, with all that follows."""

    name: str
    write_units: float
    invocations: tuple[Invocation, ...]
    operations: int = 1
    """How many there are in it, for example users of a signal."""


ACCEPT = (Invocation("POST /orders", from_gateway=True),)
PLACE = (
    Invocation("hand over 100 orders", STREAM_BATCH),
    Invocation("place 10 orders", BATCH, wait_ms=EXCHANGE_MS, queue_requests=2),
)
PLACE_ALONE = (
    Invocation("hand over 1 order"),
    Invocation("place 1 order", wait_ms=EXCHANGE_MS, queue_requests=2),
)
APPLY = Invocation("apply 10 reports of 10 orders", BATCH, ordered_requests=3, reads=BATCH)
SELL = Invocation("POST /market/orders, sell", from_gateway=True)
BUY = Invocation("POST /market/orders, buy", from_gateway=True)
MATCH = Invocation("match 1 trade", reads=capacity.MATCH_READS)
CANCEL = Invocation("POST /market/orders/{id}/cancel", from_gateway=True)
SIGNAL_BUY = Invocation(f"POST /signals, BUY, {USERS} users", from_gateway=True)
SIGNAL_SELL = Invocation(f"POST /signals, SELL, {USERS} users", from_gateway=True)


def list_operations() -> Iterator[Operation]:
    """Yield what the page tells of."""
    accept, place = capacity.ACCEPT.write, capacity.PLACE.write
    yield Operation("broker: accept an order", accept, ACCEPT)
    yield Operation("broker: accept and place it, in full batches", accept + place, ACCEPT + PLACE)
    yield Operation("broker: accept and place it, all by itself", accept + place, ACCEPT + PLACE_ALONE)
    yield Operation(
        "broker: cancel an order never sent",
        capacity.CANCEL_UNSENT.write,
        (Invocation("POST /orders/{id}/cancel", from_gateway=True),),
    )
    yield Operation("broker: apply an order's reports, in a batch", capacity.APPLY_REPORTS.write, (APPLY,))
    yield Operation("art market: sell order", capacity.SUBMIT_SELL.write, (SELL,))
    yield Operation("art market: buy order", capacity.SUBMIT_BUY.write, (BUY,))
    yield Operation("art market: cancel a sell order", capacity.CANCEL_SELL.write, (CANCEL,))
    yield Operation("art market: match with its trade", capacity.MATCH.write, (MATCH,))
    yield Operation("art market: a trade in all, with both orders", trade_units(), (SELL, BUY, MATCH))
    for verb, units, signal in (
        ("BUY", capacity.SIGNAL_BUY_USER, SIGNAL_BUY),
        ("SELL", capacity.SIGNAL_SELL_USER, SIGNAL_SELL),
    ):
        yield Operation(
            f"signal: {verb} for one user of {USERS}", capacity.SIGNAL.write + units.write * USERS, (signal,), USERS
        )


def trade_units() -> float:
    """Return the write units of two orders and their match."""
    return capacity.SUBMIT_SELL.write + capacity.SUBMIT_BUY.write + capacity.MATCH.write


def conventional() -> Iterator[tuple[str, float, float]]:
    """Yield write units of the usual design beside ours.

    There an order has three global indexes, of which one is by status; each change is a transaction with a row of an
    audit table; a new order has an idempotency item, too. Each item in a transaction takes 2 units, each index 1 for a
    new item and 2 where its key changes.
    """
    accept = 2 * 3 + 3
    change = 2 * 2 + 2
    yield "broker: accept an order", accept, capacity.ACCEPT.write
    # The order is claimed, then it is working.
    yield "broker: accept and place it", accept + 2 * change, capacity.ACCEPT.write + capacity.PLACE.write
    # Both orders change with their audit rows; the trade is put, with two indexes.
    match = 2 * change + 2 + 2
    yield "art market: a trade in all, with both orders", 2 * accept + match, trade_units()


def price(operation: Operation, figures: dict[str, Any]) -> dict[str, float]:
    """Return the dollars of a million of the operation, by what they are for."""
    amounts = dict.fromkeys(DOLLARS_PER_MILLION, 0.0)
    amounts["write units"] = operation.write_units
    seconds = 0.0
    for invocation in operation.invocations:
        measured = figures[invocation.name]
        calls: dict[str, int] = measured["calls"]
        share = 1 / invocation.operations
        amounts["read units"] += share * (_reads(calls) if invocation.reads is None else invocation.reads)
        amounts["queue requests"] += share * (invocation.queue_requests + calls.get("SendMessageBatch", 0))
        amounts["ordered queue requests"] += share * invocation.ordered_requests
        amounts["invocations"] += share
        amounts["gateway requests"] += share * invocation.from_gateway
        of_processor = measured["milliseconds"] * FULL_CORE_MB / MEMORY_MB
        # The worker's orders go in parallel, each waits for its own calls only.
        waited = CALL_MS * sum(calls.values()) / (invocation.operations if invocation.wait_ms else 1)
        seconds += share * (of_processor + waited + invocation.wait_ms) / 1e3
    dollars = {name: amount * DOLLARS_PER_MILLION[name] for name, amount in amounts.items()}
    dollars["duration"] = seconds * MEMORY_MB / 1024 * DOLLARS_PER_GB_SECOND * 1e6
    return {name: amount / operation.operations for name, amount in dollars.items()}


def _reads(calls: dict[str, int]) -> int:
    return sum(count for name, count in calls.items() if name in ("GetItem", "Query", "BatchGetItem"))


def over_budget() -> list[str]:
    """Return the operations that take more than they may."""
    held = {name: units for name, units in vars(capacity).items() if isinstance(units, Units)}
    held["ACCEPT with PLACE"] = Units(capacity.ACCEPT.write + capacity.PLACE.write, budget=7)
    return [
        f"{name} takes {units.write:g} write units, its budget is {units.budget:g}"
        for name, units in held.items()
        if units.budget is not None and units.write > units.budget
    ]


def render(measured: dict[str, Any]) -> str:
    """Return the page."""
    return f"""# What it costs

*Made by `make cost`; do not edit.*

Dollars for a million of each, at the list prices of us-east-1 as of {PRICES_OF}. Write units are exact, held by tests;
the time of the processor was measured on {measured["on"]} with Python {measured["python"]} (`benchmarks/handlers.py`).

| a million of | write units each | tables | functions | queue | gateway | **in all, $** |
|---|---|---|---|---|---|---|
{_operations(measured["invocations"])}

Users of a signal share its request; their orders are accepted in it, and placed as any other.

## Beside the usual design

Write units, and dollars for a million, of the usual design: an order has three global indexes, an audit row for each
change in one transaction, and an idempotency item when it is new; a trade has an item and two indexes.

| | usual | Rialto | saved |
|---|---|---|---|
{_comparison()}

## What is taken for granted

- Functions have {MEMORY_MB} MB and so {MEMORY_MB / FULL_CORE_MB:.0%} of a core, on x86_64.
- On arm64 their time is a fifth cheaper.
- An answer of DynamoDB or SQS takes {CALL_MS} ms, one of the exchange {EXCHANGE_MS} ms.
- Full batches are {STREAM_BATCH} records of a stream and {BATCH} messages of a queue.
- A read is one unit, as of up to 4 KB. Reading a stream is free for functions.
- Left out: storage, logs, alarms, data transfer, backups, the sweep, empty receives, and the free tier.

| price of | $ for a million |
|---|---|
{_prices()}
"""


def _operations(figures: dict[str, Any]) -> str:
    lines = []
    for operation in list_operations():
        dollars = price(operation, figures)
        parts = (
            dollars["write units"] + dollars["read units"],
            dollars["invocations"] + dollars["duration"],
            dollars["queue requests"] + dollars["ordered queue requests"],
            dollars["gateway requests"],
        )
        cells = " | ".join(f"{part:.2f}" for part in parts)
        units = f"{operation.write_units / operation.operations:.3g}"
        lines.append(f"| {operation.name} | {units} | {cells} | **{sum(parts):.2f}** |")
    return "\n".join(lines)


def _comparison() -> str:
    rate = DOLLARS_PER_MILLION["write units"]
    return "\n".join(
        f"| {name} | {usual:g}, ${usual * rate:.2f} | {ours:g}, ${ours * rate:.2f} | {1 - ours / usual:.0%} |"
        for name, usual, ours in conventional()
    )


def _prices() -> str:
    prices = {**DOLLARS_PER_MILLION, "GB-seconds of functions": DOLLARS_PER_GB_SECOND * 1e6}
    return "\n".join(f"| {name} | {dollars:.3f} |" for name, dollars in prices.items())


def summarize(measured: dict[str, Any]) -> str:
    """Return the short table of the README."""
    rows = [
        f"| {operation.name} | {operation.write_units / operation.operations:.3g} "
        f"| {sum(price(operation, measured['invocations']).values()):.2f} |"
        for operation in list_operations()
        if operation.name in HEADLINES
    ]
    return "\n".join(["| a million of | write units each | $ |", "|---|---|---|", *rows])


def pages() -> dict[Path, str]:
    """Return the text of each page that tells of costs."""
    measured = json.loads(FIGURES.read_text())
    readme = IN_README.sub(lambda found: f"{found[1]}{summarize(measured)}{found[2]}", README.read_text())
    return {PAGE: render(measured), README: readme}


def find_faults() -> list[str]:
    """Return what passes its budget, and which page is another than would be written."""
    stale = [path.name for path, text in pages().items() if not path.is_file() or path.read_text() != text]
    return over_budget() + [f"{name} is stale: make cost" for name in stale]


def main() -> None:
    """Write the pages, or with --check complain."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    if not parser.parse_args().check:
        for path, text in pages().items():
            path.write_text(text)
    if faults := find_faults():
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
