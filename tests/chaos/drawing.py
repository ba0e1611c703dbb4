"""The timeline as inline SVG: throughput of each market, stacked, above the faults in rows by kind."""

from collections.abc import Iterator
from html import escape

from tests.chaos.faults import Strike
from tests.chaos.load import market_of
from tests.simulation.history import Request

WIDTH, LEFT, RIGHT = 1_000, 120, 24
CHART, ROW, GAP = 170, 20, 34
COLORS = {"art market": "var(--a)", "broker": "var(--b)", "strategies": "var(--c)"}
BARS = 150
"""Columns of the chart at most."""
STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
"""Seconds between two marks of the axis."""


def draw_timeline(requests: list[Request], strikes: list[Strike], begun: int, ended: int) -> str:
    """Return the picture of a run between two moments."""
    kinds = sorted({strike.kind for strike in strikes})
    height = CHART + GAP + ROW * len(kinds) + 8
    scale = _Scale(begun, ended)
    parts = [*_columns(requests, scale), *_axis(scale, height), *_rows(strikes, kinds, scale)]
    label = "Answers a second by market, and faults, over the time of the run"
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


class _Scale:
    def __init__(self, begun: int, ended: int) -> None:
        self.begun = begun
        self.seconds = max((ended - begun) / 1e6, 1.0)

    def x(self, moment: int) -> float:
        """Return where a moment is."""
        part = min(max((moment - self.begun) / 1e6 / self.seconds, 0.0), 1.0)
        return LEFT + part * (WIDTH - LEFT - RIGHT)


def _columns(requests: list[Request], scale: _Scale) -> Iterator[str]:
    span = max(scale.seconds / BARS, 1.0)
    columns: list[dict[str, int]] = [{} for _ in range(int(scale.seconds / span) + 1)]
    for request in requests:
        at = int(((request.answered or 0) - scale.begun) / 1e6 / span)
        market = market_of(request)
        if request.answered and 0 <= at < len(columns) and request.status < 500 and market in COLORS:
            columns[at][market] = columns[at].get(market, 0) + 1
    most = max((sum(column.values()) for column in columns), default=0) or 1
    width = (WIDTH - LEFT - RIGHT) / scale.seconds * span
    for at, column in enumerate(columns):
        base = float(CHART)
        for market, color in COLORS.items():
            tall = column.get(market, 0) / most * (CHART - 14)
            base -= tall
            if tall:
                x, wide = LEFT + at * width, max(min(width, WIDTH - RIGHT - LEFT - at * width) - 0.8, 0.5)
                yield f'<rect x="{x:.1f}" y="{base:.1f}" width="{wide:.1f}" height="{tall:.1f}" fill="{color}"/>'
    yield f'<text x="{LEFT - 8}" y="18" text-anchor="end">{most / span:.0f} a second</text>'
    yield f'<text x="{LEFT - 8}" y="{CHART}" text-anchor="end">0</text>'


def _axis(scale: _Scale, height: int) -> Iterator[str]:
    step = next((step for step in STEPS if scale.seconds / step <= 12), STEPS[-1])
    for second in range(0, int(scale.seconds) + 1, step):
        x = scale.x(scale.begun + second * 1_000_000)
        told = f"{second} s" if step < 60 else f"{second // 60} min"
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{CHART}" y2="{height - 8}" stroke="var(--line)"/>'
        yield f'<text x="{x:.1f}" y="{CHART + 16}" text-anchor="middle">{told}</text>'
    yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{CHART}" y2="{CHART}" stroke="var(--soft)"/>'


def _rows(strikes: list[Strike], kinds: list[str], scale: _Scale) -> Iterator[str]:
    for at, kind in enumerate(kinds):
        y = CHART + GAP + at * ROW
        yield f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(kind)}</text>'
        for strike in (one for one in strikes if one.kind == kind):
            x = scale.x(strike.begun)
            wide = max(scale.x(strike.ended) - x, 2.5)
            told = escape(f"{kind}: {strike.target}, {(strike.ended - strike.begun) / 1e6:.1f} s")
            yield (
                f'<rect x="{x:.1f}" y="{y + 3}" width="{wide:.1f}" height="{ROW - 8}" rx="2" fill="var(--fault)">'
                f"<title>{told}</title></rect>"
            )
