"""Bodies: what a route takes, and what becomes of it in the hands of somebody who means harm or does not care."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.fuzz.hostile import DEPTH, Pairs, Raw, draw_text, draw_value, nested

SMALL_IDS = [0, 1, 2, 3, 42, 2**53 - 1]
USERS = ["Holland Proctor", "Oaklee Wagner", "\u00c9mile", "A" * 64]
STRATEGIES = ["STRATEGY_A", "STRATEGY_B", "STRATEGY_D"]
INSTRUMENTS = ["BIRLASOFT", "GRASIM", "MINDA", "ACC", "L&T"]
QUEUES = ["placements", "hand-over", "match", "match-retries", "reports", "report-retries"]
Draw = Callable[[Random], Any]


def broker_order(dice: Random) -> Any:
    """Return an order for the exchange."""
    order: dict[str, Any] = {"type": "market", "side": dice.choice(["buy", "sell"]), "instrument": "DE0007664039"}
    order["quantity"] = dice.choice([1, 2, 10**9])
    if dice.random() < 0.5:
        order |= {"type": "limit", "limit_price": dice.choice([1, 10.25, "99.99", 10**12])}
    return order


def offer(dice: Random) -> Any:
    """Return an offer of the art market; most cross another."""
    ids = {"user_id": dice.choice(SMALL_IDS), "artwork_id": dice.choice(SMALL_IDS)}
    return {**ids, "price": dice.choice([1, 2, 2.5, 10**12]), "direction": dice.choice(["buy", "sell"])}


def artwork(dice: Random) -> Any:
    """Return what is known of an artwork."""
    told = {"title": draw_text(dice) or "Nocturne", "artist": "A. Painter"}
    if dice.random() < 0.5:
        told |= {"description": draw_text(dice), "image_url": "https://example.org/a.png"}
    return told


def signal(dice: Random) -> Any:
    """Return a signal."""
    names = {"strategy": dice.choice(STRATEGIES), "instrument": dice.choice(INSTRUMENTS)}
    return {**names, "position": dice.choice(["BUY", "SELL"])}


def producers_signal(dice: Random) -> Any:
    """Return a signal as the older producer writes it."""
    return {name.upper(): value for name, value in signal(dice).items()}


def profiles(dice: Random) -> Any:
    """Return profiles of a few users."""
    return {
        user: {
            strategy: dice.sample(INSTRUMENTS, dice.randint(0, 4))
            for strategy in dice.sample(STRATEGIES, dice.randint(0, 3))
        }
        for user in dice.sample(USERS, dice.randint(1, 4))
    }


def redrive(dice: Random) -> Any:
    """Return an order to take dead letters back."""
    return {"queue": dice.choice(QUEUES)}


def spoil(content: Any, dice: Random) -> Any:
    """Return the content with one thing wrong, or at least odd."""
    if not isinstance(content, dict) or dice.random() < 0.08:
        return draw_value(dice)
    name = dice.choice(list(content)) if content else "x"
    return dice.choice(_WAYS)(content, name, dice)


def _replace(content: Any, name: str, dice: Random) -> Any:
    return {**content, name: draw_value(dice)}


def _leave_out(content: Any, name: str, dice: Random) -> Any:
    return {other: value for other, value in content.items() if other != name}


def _add(content: Any, name: str, dice: Random) -> Any:
    return {**content, draw_text(dice): draw_value(dice)}


def _repeat(content: Any, name: str, dice: Random) -> Any:
    return Pairs([*content.items(), (name, draw_value(dice))])


def _rename(content: Any, name: str, dice: Random) -> Any:
    changed = dice.choice([name.upper(), name.lower(), name + " ", name + "\0", name.replace("i", "\u0131")])
    return {changed if other == name else other: value for other, value in content.items()}


def _spoil_inside(content: Any, name: str, dice: Random) -> Any:
    return {**content, name: spoil(content.get(name), dice)}


_WAYS = (_replace, _replace, _replace, _leave_out, _add, _repeat, _rename, _spoil_inside)


def render(content: Any) -> str:
    """Return the JSON of a content, with everything in it that json.dumps would not write."""
    if isinstance(content, Raw):
        return str(content)
    if isinstance(content, (Pairs, dict)):
        pairs = content if isinstance(content, Pairs) else list(content.items())
        return "{" + ",".join(f"{json.dumps(name)}:{render(value)}" for name, value in pairs) + "}"
    if isinstance(content, list):
        return "[" + ",".join(map(render, content)) + "]"
    return json.dumps(content)


def encode(text: str, dice: Random) -> bytes:
    """Return the bytes of a body; one in eight is not what it should be."""
    raw = text.encode(errors="surrogatepass")
    if dice.random() < 0.875 or not raw:
        return raw
    at = dice.randrange(len(raw))
    wrong = [b"", b" ", b"null", b"{}", b"[]", b'"a"', b"\xff\xfe", b"a=1&b=2", b"<order/>", b" " * 65_537]
    wrong += [raw[:at], raw[:at] + bytes([dice.randrange(256)]) + raw[at + 1 :], raw[:at] + b"\xc3\x28"]
    wrong += [raw + raw, raw + b"\0", raw + b" " * 65_536, b"\xef\xbb\xbf" + raw]
    wrong += [text.encode("utf-16", "replace"), text.encode("latin-1", "replace"), nested("[", DEPTH * 10).encode()]
    return dice.choice(wrong)
