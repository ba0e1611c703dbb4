"""What a hostile client writes where something else is expected."""

from random import Random
from typing import Any

DEPTH = 2_000
LONG = 5_000


class Raw(str):
    """Text that stands in the JSON as it is, quoted by nobody."""

    __slots__ = ()


class Pairs(list[tuple[str, Any]]):
    """An object in which a name may stand twice."""


STRINGS = (
    *("", " ", "\t\n", "\0", "a\0b", "\x7f", "\x1b[31m", "\ud800", "\udfff\ud800", "\ufeff", "\ufffe"),
    *("\N{PARROT}" * 16, "e\u0301" * 32, "\u202eabc", "\u200b", "\u2028", "\u00a0", "\ufb00", "\u0130", "\u1e9e" * 64),
    *("\u0664\u0662", "\uff14\uff12", "Z\u0351\u036b\u0343\u036a" * 12, "\N{FAMILY}\u200d\N{BOY}", "\u0600", "\ue000"),
    *("x" * 12, "x" * 64, "x" * 65, "x" * 200, "x" * 201, "x" * 255, "x" * 256, "x" * 1_025, "x" * LONG),
    *("../../etc/passwd", "%00", "%2e%2e%2f", "..", ".", "/", "\\", "a/b", "a?b", "a#b", "#", "##", "a;b", "a,b,c"),
    *("' OR 1=1 --", "<script>alert(1)</script>", "${jndi:ldap://x/}", "{{7*7}}", "$(reboot)", "`id`", "\r\nX-A: b"),
    *("__proto__", "__class__", "constructor", "null", "None", "true", "undefined", "NaN", "Infinity", "-0", "1e400"),
    *("0x10", "1_000", "+1", " 1", "1 ", "01", "1.0", "1e2", "9" * 16, "9" * 17, "9" * 400, "-1", "0", "42"),
    *("1" + "0" * 400 + ".5", "0." + "0" * 400 + "1", "1E+999999", "1E-999999", "2026-11-21T12:00:00Z", "0001-01-01"),
    *("current", "-", "A#B", "7-", "-7", "7-7b7a8f8e-0000-4000-8000-000000000000", "[]", "{}", '"', "L&T"),
)
LITERALS = (
    *("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "1E+999999999", "1E-999999999", "-0", "-0.0", "1.0"),
    *("0.1000000000000000000000001", "0.1e1", "10.25e0", "1e0", "9" * 17, "9" * 4_299, "9" * 4_301, "0." + "1" * LONG),
    *("01", "+1", ".5", "1.", "0x10", "1_0", "tru", "'a'", "undefined", "\ufeff1", '"\\ud800"', '"\\x41"', '"\\u12"'),
    *('"\t"', '"unterminated', "{", "[1,]", "// no", "1" + "0" * 310, "1e308", "-1"),
)
NUMBERS: tuple[int | float, ...] = (
    0,
    -1,
    1,
    2,
    0.1,
    0.01,
    0.001,
    1e-9,
    10**12,
    10**12 + 1,
    1e12 + 0.01,
    10**9,
    10**9 + 1,
    2**31,
    2**53 - 1,
)
NUMBERS += (2**53, 2**63, 2**64, 10**40, -(2**63), 1.5, 3.0, 1e308)


def draw_value(dice: Random) -> Any:
    """Return a value of any kind."""
    kind = dice.randrange(10)
    if kind < 3:
        return dice.choice(STRINGS)
    if kind < 5:
        return dice.choice(NUMBERS)
    if kind < 7:
        return Raw(dice.choice(LITERALS))
    if kind == 7:
        return dice.choice([True, False, None, [], {}, [[]], {"": {}}])
    if kind == 8:
        return nested(dice.choice(["[", '{"a":']), dice.choice([3, 100, DEPTH]))
    return dice.choice([[1] * 1_000, {str(at): at for at in range(300)}, [None, "a", 1, {}], ["\ud800"]])


def nested(opening: str, depth: int) -> Raw:
    """Return arrays, or objects, so deep inside each other."""
    closing = "]" if opening == "[" else "}"
    inner = "1" if opening != "[" else ""
    return Raw(opening * depth + inner + closing * depth)


def draw_text(dice: Random) -> str:
    """Return text that nobody expects; sometimes of characters from anywhere in Unicode."""
    if dice.random() < 0.7:
        return dice.choice(STRINGS)
    return "".join(
        chr(dice.choice([*range(0x20), *range(0x80, 0x900, 7), *range(0x2000, 0x2070), 0x1F9DC, 0xE0001]))
        for _ in range(dice.randint(1, 20))
    )
