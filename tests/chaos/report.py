"""The report of a run for people: one file that asks nobody for anything."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template

from tests.chaos.drawing import COLORS, draw_timeline
from tests.chaos.faults import Strike
from tests.chaos.load import market_of
from tests.chaos.rules import Verdict
from tests.chaos.run import Outcome
from tests.simulation.history import Request

PAGE = Path(__file__).with_name("report.html")


def write_report(outcome: Outcome, again: str, folder: Path) -> Path:
    """Write the report; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    moment = datetime.fromtimestamp(outcome.begun / 1e6, UTC)
    path = folder / f"{moment:%Y-%m-%dT%H-%M-%S}-seed-{outcome.seed}.html"
    path.write_text(render_report(outcome, again))
    return path


def render_report(outcome: Outcome, again: str) -> str:
    """Return the page."""
    requests, strikes = outcome.evidence.requests, outcome.strikes
    moment = datetime.fromtimestamp(outcome.begun / 1e6, UTC)
    legend = "".join(f'<li><i style="background:{color}"></i>{market}</li>' for market, color in COLORS.items())
    return Template(PAGE.read_text()).substitute(
        title=f"Chaos, {_span((outcome.lifted - outcome.begun) / 1e6)}",
        when=f"{moment:%d %B %Y, %H:%M} UTC, seed {outcome.seed}",
        tone="bad" if outcome.broken else "good",
        verdict=_told(len(outcome.broken)),
        tiles="".join(_tiles(outcome)),
        legend=legend + '<li><i style="background:var(--fault)"></i>fault</li>',
        timeline=draw_timeline(requests, strikes, outcome.begun, outcome.lifted),
        verdicts="".join(map(_verdict_row, outcome.verdicts)),
        faults="".join(_fault_rows(strikes)),
        answers="".join(_answer_rows(requests)),
        again=escape(again),
    )


def _told(broken: int) -> str:
    if not broken:
        return "Nothing lost, nothing doubled"
    return f"{broken} promise{'s' if broken > 1 else ''} broken"


def _tiles(outcome: Outcome) -> Iterator[str]:
    evidence = outcome.evidence
    for count, name in (
        (f"{len(evidence.requests):,}", "requests"),
        (f"{len(outcome.strikes):,}", f"faults of {len({one.kind for one in outcome.strikes})} kinds"),
        (f"{len(evidence.rows('BrokerOrders')):,}", "orders at the exchange or canceled"),
        (f"{len(evidence.rows('Trades')):,}", "trades of artworks"),
        (f"{len(evidence.rows('Signals')):,}", "signals"),
        (f"{outcome.rested:.0f} s", "until all was at rest"),
    ):
        yield f'<div class="tile"><b>{count}</b><span>{name}</span></div>'


def _verdict_row(verdict: Verdict) -> str:
    if not verdict.violations:
        told = '<span class="holds">holds</span>'
    else:
        items = "".join(f"<li>{escape(violation[:400])}</li>" for violation in verdict.violations)
        told = f'<span class="broken">broken</span><ul class="told">{items}</ul>'
    return f'<tr><td>{escape(verdict.promise)}</td><td class="number">{verdict.checked:,}</td><td>{told}</td></tr>'


def _fault_rows(strikes: list[Strike]) -> Iterator[str]:
    for kind in sorted({strike.kind for strike in strikes}):
        found = [strike for strike in strikes if strike.kind == kind]
        targets = Counter(strike.target for strike in found)
        hit = ", ".join(f"{target} {count}" for target, count in targets.most_common())
        seconds = sum(strike.ended - strike.begun for strike in found) / 1e6
        numbers = f'<td class="number">{len(found)}</td><td class="number">{seconds:.0f}</td>'
        yield f"<tr><td>{escape(kind)}</td><td>{escape(hit)}</td>{numbers}</tr>"


def _answer_rows(requests: list[Request]) -> Iterator[str]:
    for market in COLORS:
        found = [request for request in requests if market_of(request) == market]
        waits = sorted((one.answered - one.sent) / 1e6 for one in found if one.answered)
        kinds = Counter("none" if one.answered is None else str(one.status)[0] for one in found)
        cells = [len(found), kinds["2"], kinds["4"], kinds["5"], kinds["none"]]
        shown = [f"{cell:,}" for cell in cells] + [_seconds(waits, part) for part in (0.5, 0.99)]
        yield f"<tr><td>{market}</td>" + "".join(f'<td class="number">{cell}</td>' for cell in shown) + "</tr>"


def _seconds(waits: list[float], part: float) -> str:
    return f"{waits[min(int(len(waits) * part), len(waits) - 1)]:.2f} s" if waits else "none"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 100 else f"{seconds / 60:.0f} minutes"
