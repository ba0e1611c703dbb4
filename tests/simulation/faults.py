"""What can go wrong, each kind counted: which of it strikes is drawn, call by call, and can be left out one by one."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

KINDS: dict[str, str] = {
    # --- A call to DynamoDB
    "table.killed_before": "the process dies before the call takes effect",
    "table.killed_after": "the process dies after the call took effect, before it hears of it",
    "table.unreachable": "the request does not arrive; the client repeats it",
    "table.unreachable_for_long": "no attempt of the call arrives",
    "table.answer_lost": "the call takes effect and its answer is lost; the client repeats it",
    "table.answers_lost": "the call takes effect and no answer of any attempt arrives",
    "table.arrives_late": "the client gives up, and the write takes effect seconds later",
    "table.arrives_late_for_long": "the client gives up after all attempts, and the write takes effect much later",
    "table.throttled": "the call is refused once for its rate",
    "table.throttled_for_long": "the call is refused for its rate at each attempt",
    "table.fault_before": "500, and nothing happened",
    "table.fault_after": "500, though the call took effect",
    "table.conflict": "another transaction is at the item",
    "table.slow": "the call takes seconds",
    "table.cut": "a page or a batch is answered in part",
    "index.lags": "an index, or a replica, is behind by up to minutes",
    # --- A call to SQS
    "queue.killed_before": "the process dies before the call takes effect",
    "queue.killed_after": "the process dies after the call took effect",
    "queue.unreachable": "the request does not arrive; the client repeats it",
    "queue.unreachable_for_long": "no attempt of the call arrives",
    "queue.answer_lost": "the call takes effect, its answer is lost, and the client repeats it",
    "queue.arrives_late": "the client gives up, and the call takes effect seconds later",
    "queue.entry_refused": "a part of a batch is not taken",
    # --- Deliveries
    "message.twice": "two workers get the same message at the same time",
    "message.late": "a message is received long after it is visible",
    "message.lost": "a message is gone",
    "message.reordered": "messages are received in another order",
    "message.not_deleted": "a message was worked on, and comes again all the same",
    "stream.twice": "two workers get the same records at the same time",
    "stream.again": "records that were worked on come again",
    "stream.late": "records are delivered minutes later",
    "stream.lost": "records are never delivered",
    "stream.given_up": "records whose function kept failing end as a letter",
    # --- Functions
    "function.killed": "a process dies at any moment",
    "function.timed_out": "a process dies at the end of its time",
    "function.paused": "a process stands still for seconds, or until its time is up",
    "function.clock_off": "the clock of a process is seconds off",
    "sweep.twice": "two sweeps run at once",
    "sweep.skipped": "no sweep in this minute",
    "redrive.interrupted": "a redrive dies between send and delete",
    "stack.restarted": "every process dies, and what they kept in memory is gone",
    # --- Clients
    "request.lost": "a request does not reach the platform",
    "answer.lost": "an answer does not reach the client",
    "client.impatient": "a client sends its request again while the first is being worked on",
    "client.reuses_key": "a client sends something else with a key that was used",
    # --- The exchange
    "exchange.outage": "nobody can connect for a while",
    "exchange.unreachable": "one connection fails",
    "exchange.refuses": "the exchange refuses the order",
    "exchange.busy": "503 or 429: not processed",
    "exchange.request_lost": "no answer, and nothing happened",
    "exchange.answer_lost": "no answer, though it happened",
    "exchange.arrives_late": "no answer, and it happens later",
    "exchange.broken_gateway": "502 or a garbled answer, whether it happened or not",
    "exchange.slow": "the answer takes seconds",
    "exchange.killed_before": "the worker dies before it asks",
    "exchange.killed_after": "the worker dies before it hears the answer",
    "exchange.fills": "the order is filled at once",
    "exchange.poison_report": "the exchange reports something that can be true of no order",
    # --- The feed of execution reports
    "feed.doubled": "a report is sent twice",
    "feed.reordered": "a report is overtaken by later ones",
    "feed.dropped": "a report is not sent",
    "feed.delayed": "reports are on their way for seconds",
    "feed.cut": "the connection is cut",
    "feed.silent": "the connection seems to live, and nothing arrives any more",
    "feed.trimmed": "the exchange has forgotten what the bridge asks for: only a snapshot helps",
    "feed.session_lost": "the exchange has begun another session: only a snapshot helps",
    # --- The bridge
    "bridge.killed": "the bridge dies at any moment",
    "bridge.paused": "the bridge stands still for seconds, some of them longer than its lease",
    "bridge.deposed": "a bridge takes the lease while the one that had it lives on, and sends",
    # --- Applying reports
    "apply.killed_before": "who applies reports dies before the write",
    "apply.killed_after": "who applies reports dies after the write, with the message not deleted",
    "fifo.again": "a message of the FIFO queue comes again, while it is worked on or after that",
    # --- Profiles
    "profiles.replaced": "the profiles change while a signal is carried out",
}


@dataclass
class Faults:
    """Draws the faults of one history. ``only``: if given, no others strike; they are named as in ``struck``."""

    rates: dict[str, float]
    only: frozenset[str] | None = None
    active: bool = True
    counts: Counter[str] = field(default_factory=Counter)
    struck: list[str] = field(default_factory=list)

    def draw(self, kinds: Iterable[str], dice: Random, where: str) -> str | None:
        """Return the fault that strikes here, None if none does. Takes one number, whatever may strike."""
        number = dice.random()
        if not self.active:
            return None
        for kind in kinds:
            number -= self.rates.get(kind, 0.0)
            if number < 0:
                return kind if self.strike(kind, where) else None
        return None

    def strike(self, kind: str, where: str) -> bool:
        """Count a fault, if it may strike."""
        assert kind in KINDS, kind
        name = f"{kind}@{where}"
        if self.only is not None and name not in self.only:
            return False
        self.counts[kind] += 1
        self.struck.append(name)
        return True
