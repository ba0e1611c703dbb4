"""Tables whose rows are printed as they come, and that fit the terminal.

Where there is no room, optional columns are left out first; then ids, which must stay complete to be copied, get a line
of their own beneath; then text is cut. Numbers never are.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from rialto_client.cli.screen import show_line
from rialto_client.cli.words import plain

_GAP = "  "
_LEAST_TEXT = 6

T = TypeVar("T")


class Kind(Enum):
    """What a column may be done to."""

    TEXT = "cut"
    FIXED = "never cut"
    NUMBER = "never cut, right-aligned"
    ID = "never cut, may stand beneath"


@dataclass(frozen=True)
class Column(Generic[T]):
    """A column of rows. ``least`` is room for what may come later."""

    heading: str
    cell: Callable[[T], Text | str | int | None]
    kind: Kind = Kind.TEXT
    optional: bool = False
    least: int = 0

    def text(self, row: T) -> Text:
        """Return the row's cell."""
        content = self.cell(row)
        return content if isinstance(content, Text) else Text("" if content is None else plain(str(content)))


class Table(Generic[T]):
    """A table in the making: the first rows decide about its columns."""

    def __init__(self, columns: Sequence[Column[T]], console: Console) -> None:
        self._columns = list(columns)
        self._beneath: list[Column[T]] = []
        self._widths: dict[str, int] = {}
        self._console = console

    def add(self, rows: Iterable[T]) -> None:
        """Print more rows, the headings before the first."""
        rows = list(rows)
        if not rows:
            return
        begins = not self._widths
        natural = self._measure(rows)
        if begins:
            self._widths = natural
            self._fit()
            self._show([Text(column.heading) for column in self._columns], "bold")
            self._show_beneath([Text(column.heading) for column in self._beneath], "bold")
        for column in self._columns:
            if column.kind is not Kind.TEXT:
                self._widths[column.heading] = max(self._widths[column.heading], natural[column.heading])
        for row in rows:
            self._show([column.text(row) for column in self._columns])
            self._show_beneath([column.text(row) for column in self._beneath])

    def _measure(self, rows: Sequence[T]) -> dict[str, int]:
        return {
            column.heading: max(cell_len(column.heading), column.least, *(column.text(row).cell_len for row in rows))
            for column in self._columns
        }

    def _fit(self) -> None:
        while self._excess() > 0 and (optional := [column for column in self._columns if column.optional]):
            self._columns.remove(optional[-1])
        while self._excess() > 0 and (ids := [column for column in self._columns if column.kind is Kind.ID]):
            self._columns.remove(ids[-1])
            self._beneath.insert(0, ids[-1])
        while self._excess() > 0 and (cut := [name for name in self._cuttable() if self._widths[name] > _LEAST_TEXT]):
            self._widths[max(cut, key=self._widths.__getitem__)] -= 1

    def _excess(self) -> int:
        widths = [self._widths[column.heading] for column in self._columns]
        return sum(widths) + len(_GAP) * (len(widths) - 1) - self._console.width

    def _cuttable(self) -> list[str]:
        return [column.heading for column in self._columns if column.kind is Kind.TEXT]

    def _show(self, cells: Sequence[Text], style: str = "") -> None:
        line = Text(style=style)
        for position, (column, cell) in enumerate(zip(self._columns, cells, strict=True)):
            width = self._widths[column.heading]
            if column.kind is Kind.TEXT:
                cell.truncate(width, overflow="ellipsis")
            padding = " " * max(0, width - cell.cell_len)
            line.append(_GAP if position else "")
            line.append_text(Text(padding) + cell if column.kind is Kind.NUMBER else cell + Text(padding))
        line.rstrip()
        show_line(self._console, line)

    def _show_beneath(self, cells: Sequence[Text], style: str = "dim") -> None:
        for cell in cells:
            if cell.plain:
                show_line(self._console, Text(_GAP, style) + cell)
