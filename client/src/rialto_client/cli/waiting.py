"""Work that may take long: on a terminal it is told that it goes on."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner

_SILENCE = 0.7
"""Seconds after which somebody wonders."""

T = TypeVar("T")


async def patiently(work: Awaitable[T], told: str) -> T:
    """Return what the work gives. While it takes long, say so on standard error: the answer is alone on the other."""
    task = asyncio.ensure_future(_whole(work))
    await asyncio.wait([task], timeout=_SILENCE)
    console = Console(stderr=True, highlight=False)
    if task.done() or not console.is_terminal:
        return await task
    # It keeps its hands off standard output, which may lead to a file.
    with Live(Spinner("dots", told), console=console, transient=True, redirect_stdout=False, redirect_stderr=False):
        return await task


async def _whole(work: Awaitable[T]) -> T:
    return await work
