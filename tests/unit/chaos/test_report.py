"""The report of a run: everything of it is in one file, and what is broken is told."""

import re

from tests.chaos.evidence import Evidence
from tests.chaos.faults import Strike
from tests.chaos.report import render_report
from tests.chaos.rules import Verdict
from tests.chaos.run import Outcome
from tests.simulation.history import Request

SECOND = 1_000_000
BEGUN = 1_795_000_000 * SECOND


def _outcome(*violations: str) -> Outcome:
    requests = [
        Request("broker 1", "POST", "/orders", {}, "a key", BEGUN + at * SECOND, BEGUN + (at + 1) * SECOND, 201)
        for at in range(30)
    ]
    strikes = [Strike("bridge killed", "bridge", BEGUN + 3 * SECOND, BEGUN + 5 * SECOND)]
    verdicts = [Verdict("nothing is lost", 30, violations)]
    outcome = Outcome(7, BEGUN, BEGUN + 60 * SECOND, 12.0, strikes, Evidence(requests), verdicts)
    assert bool(outcome.broken) == bool(violations)
    return outcome


def test_it_asks_nobody_for_anything() -> None:
    page = render_report(_outcome(), "make chaos SEED=7")

    assert not re.findall(r"(?:src|href)=|url\(|@import|<script|//\w", page)


def test_it_tells_what_was_done_and_how_to_repeat_it() -> None:
    page = render_report(_outcome(), "make chaos SEED=7")

    assert "Nothing lost, nothing doubled" in page
    assert "make chaos SEED=7" in page
    assert "bridge killed: bridge, 2.0 s" in page
    assert "<td>broker</td>" in page


def test_what_is_broken_is_told_and_cannot_change_the_page() -> None:
    page = render_report(_outcome("<b>an order</b> is gone"), "make chaos SEED=7")

    assert "1 promises broken" not in page
    assert "1 promise broken" in page
    assert "&lt;b&gt;an order&lt;/b&gt; is gone" in page
