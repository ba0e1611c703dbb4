"""Dead letters: nobody deletes one before what it asks for is on its way again, or is done."""

import json
from typing import Any

from tests.simulation.checks.base import Journal, expect
from tests.simulation.history import Queued

BACK = {
    "PlacementsDeadLetters": "Placements",
    "MatchRetriesDeadLetters": "MatchRetries",
    "ReportsDeadLetters.fifo": "ReportRetries",
    "ReportRetriesDeadLetters": "ReportRetries",
}
"""Where the letters of a queue go back to."""


def check_letters(journal: Journal) -> None:
    """A letter that somebody took is in its queue again before it is deleted; one of a settled order may just go."""
    for deleted in journal.history.deleted:
        if deleted.queue not in BACK or deleted.process == "the platform":
            continue
        sent = [one for one in journal.history.queued if one.step < deleted.step and _is_it(one, deleted)]
        expect(sent or _is_settled(journal, deleted), "a letter is sent before it is deleted", deleted)


def _is_it(queued: Queued, deleted: Queued) -> bool:
    return (
        queued.queue == BACK[deleted.queue]
        and queued.process == deleted.process
        and _without_count(queued.body) == _without_count(deleted.body)
    )


def _is_settled(journal: Journal, deleted: Queued) -> bool:
    order_id = json.loads(deleted.body).get("order_id")
    row = journal.versions("BrokerOrders", (order_id, None)).at(deleted.step)
    return deleted.process.startswith("sweep") and row is not None and not row["status"].startswith("PENDING")


def _without_count(body: str) -> Any:
    content = json.loads(body)
    return {name: value for name, value in content.items() if name != "redrives"}
