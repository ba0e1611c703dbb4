"""How amounts, moments and tables look to people."""

import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rialto_client.cli.options import parse_price
from rialto_client.cli.table import Column, Kind, Table
from rialto_client.cli.words import brief, moment, money, plain, seconds
from rich.console import Console
from rich.text import Text
from typer import BadParameter

ID = "0193a1c0-0000-7000-8000-000000000001"
Row = dict[str, str]


@pytest.fixture
def kolkata(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A place whose clocks are five and a half hours ahead."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (120, "120.00"),
        (120.5, "120.50"),
        (0.1, "0.10"),
        (1.15, "1.15"),
        (999_999_999_999.99, "999999999999.99"),
        (1e12, "1000000000000.00"),
        (Decimal("101.333333"), "101.333333"),
        (Decimal("1E+3"), "1000.00"),
        (Decimal("2.500"), "2.50"),
    ],
)
def test_money_has_its_cents_and_no_noise(amount: Decimal | float, shown: str) -> None:
    assert money(amount) == shown


@given(st.decimals("0.01", "1e12", places=2))
def test_a_price_is_shown_as_it_was_typed(price: Decimal) -> None:
    assert parse_price(money(price)) == price
    assert money(float(price)) == money(price)


@pytest.mark.parametrize(
    "text", ["", "0", "0.00", "-1", "1.234", "1e3", "1_0", "nan", "Infinity", "1,5", "\u0661", ".", "9" * 41]
)
def test_what_is_no_price_is_wrong_usage(text: str) -> None:
    with pytest.raises(BadParameter, match="is no price"):
        parse_price(text)


@pytest.mark.usefixtures("kolkata")
def test_people_read_local_time() -> None:
    assert moment(datetime(2020, 2, 29, 20, 0, 5, tzinfo=UTC)) == "2020-03-01 01:30:05"


def test_this_year_needs_no_number() -> None:
    now = datetime.now(UTC)

    assert brief(now) == moment(now)[5:]
    assert brief(now - timedelta(days=800)) == moment(now - timedelta(days=800))


@pytest.mark.parametrize(
    ("duration", "shown"), [(0, "0.0 s"), (59.94, "59.9 s"), (90, "1.5 min"), (5_400, "1.5 h"), (172_800, "2.0 d")]
)
def test_a_duration_has_the_unit_that_fits(duration: float, shown: str) -> None:
    assert seconds(duration) == shown


def test_nobody_elses_text_moves_the_cursor() -> None:
    assert plain("a\x1b[2Jb\nc\x9bd\u202ee") == "a [2Jb c d e"
    assert plain("Zoë 日本 L&T") == "Zoë 日本 L&T"


COLUMNS = (
    Column[Row]("name", lambda row: row["name"]),
    Column[Row]("price", lambda row: row["price"], Kind.NUMBER),
    Column[Row]("note", lambda row: row.get("note"), optional=True),
    Column[Row]("id", lambda row: row["id"], Kind.ID),
)


def _print(*pages: list[Row], width: int) -> list[str]:
    output = io.StringIO()
    table = Table(COLUMNS, Console(file=output, width=width))
    for page in pages:
        table.add(page)
    return output.getvalue().splitlines()


def _row(name: str = "Nocturne", price: str = "1.00", note: str = "a note") -> Row:
    return {"name": name, "price": price, "note": note, "id": ID}


def test_where_there_is_room_a_row_is_a_line() -> None:
    assert _print([_row(), _row("Dawn", "130.00", "")], width=80) == [
        "name       price  note    id",
        f"Nocturne    1.00  a note  {ID}",
        f"Dawn      130.00          {ID}",
    ]


def test_what_is_optional_goes_first_then_the_id_goes_beneath_and_then_text_is_cut() -> None:
    assert _print([_row()], width=60) == ["name      price  id", f"Nocturne   1.00  {ID}"]
    assert _print([_row()], width=50) == ["name      price", "  id", "Nocturne   1.00", f"  {ID}"]
    assert _print([_row("Nocturne in Blue")], width=15) == ["name      price", "  id", "Nocturn…   1.00", f"  {ID}"]


def test_numbers_and_ids_are_never_cut() -> None:
    lines = _print([_row(price="1000000000000.00")], width=10)

    assert lines[2:] == ["Noctu…  1000000000000.00", f"  {ID}"]


def test_later_pages_keep_to_the_columns_and_have_no_headings() -> None:
    lines = _print([_row("Dawn")], [], [_row("Nocturne in Blue"), _row("X", "99.00")], width=80)

    assert lines == [
        "name  price  note    id",
        f"Dawn   1.00  a note  {ID}",
        f"Noc…   1.00  a note  {ID}",
        f"X     99.00  a note  {ID}",
    ]


def test_without_rows_there_is_nothing() -> None:
    assert _print([], width=80) == []


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4), st.integers(20, 120))
def test_whatever_a_name_is_each_row_has_its_lines(names: list[str], width: int) -> None:
    lines = _print([_row(name) for name in names], width=width)

    assert len(lines) in (len(names) + 1, 2 * len(names) + 2)
    assert sum(ID in line for line in lines) == len(names)
    assert all(Text(line).cell_len <= max(width, 38) for line in lines)
