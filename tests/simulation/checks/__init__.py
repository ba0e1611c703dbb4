"""The rules that every history keeps, over everything that happened and not only over what is left at its end."""

from tests.simulation.checks.base import Journal, Violation, expect
from tests.simulation.checks.broker import check_broker
from tests.simulation.checks.letters import check_letters
from tests.simulation.checks.market import check_market
from tests.simulation.checks.reports import check_reports
from tests.simulation.checks.requests import check_faults
from tests.simulation.checks.strategies import check_strategies
from tests.simulation.history import History

__all__ = ["Violation", "check_history"]


def check_history(history: History, *, honours_ids: bool, is_quiet: bool) -> None:
    """Check a whole history. ``is_quiet``: everything has come to rest.

    Raises:
        Violation: of the first rule that does not hold.
    """
    journal = Journal(history)
    check_faults(journal)
    check_broker(journal, honours_ids=honours_ids, is_quiet=is_quiet)
    check_letters(journal)
    check_reports(journal, is_quiet=is_quiet)
    check_market(journal, is_quiet=is_quiet)
    check_strategies(journal)
    _check_own_checks(journal, is_quiet=is_quiet)


def _check_own_checks(journal: Journal, *, is_quiet: bool) -> None:
    """The platform's own check of its live data finds nothing, once everything is at rest."""
    runs = list(journal.answered("POST", "/operations/invariants/run"))
    for request, _ in list(journal.answered("GET", "/operations/invariants"))[-1:]:
        if is_quiet and runs:
            has_ended = request.content["complete"] and request.content["as_of"] >= runs[-1][0].content["as_of"]
            expect(has_ended, "the platform's own check comes to its end", request.content)
        broken = [one for one in request.content.get("invariants", []) if one["violations"]]
        expect(not broken, "the platform's own invariants hold", broken)
