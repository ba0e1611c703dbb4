"""All routes that the document describes, in its order."""

from collections.abc import Iterable, Mapping

from chalicelib.documents import broker, market, operations, strategies
from chalicelib.documents.description import Routes

MARKETS: Mapping[str, Routes] = {
    "Broker": broker.ROUTES,
    "Art market": market.ROUTES,
    "Strategies": strategies.ROUTES,
    "Operations": operations.ROUTES,
    "Documents": operations.OWN_ROUTES,
}
PAGES = frozenset({"/", "/web/{name}", "/docs/{name}"})
"""Paths of pages and their files: for browsers, no part of the API."""


def compare(registered: Iterable[tuple[str, str]]) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Return which routes, by method and path, are registered only, and which are described only."""
    there = {(method, path) for method, path in registered if path not in PAGES}
    told = {key for routes in MARKETS.values() for key in routes}
    return there - told, told - there
