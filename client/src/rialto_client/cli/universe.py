"""What generated profiles and signals are made of."""

from collections.abc import Sequence

STRATEGIES: Sequence[str] = tuple(f"STRATEGY_{letter}" for letter in "ABCDEFGHI")

INSTRUMENTS: Sequence[str] = (
    "ACC",
    "ADANIENT",
    "BIRLASOFT",
    "COFORGE",
    "DMART",
    "EICHER",
    "GRASIM",
    "HINDALCO",
    "INFY",
    "JSW",
    "L&T",
    "MINDA",
    "NTPC",
    "POWERGRID",
)

USERS: Sequence[str] = (
    "Holland Proctor",
    "Oaklee Wagner",
    "Maren Castellan",
    "Idris Thornbury",
    "Saskia Vandermeer",
    "Teodor Lindqvist",
    "Priya Ramanathan",
    "Caspian Holloway",
    "Noor Haddadi",
    "Wren Abernathy",
    "Luca Ferrante",
    "Anneke Brouwer",
    "Jovan Petrescu",
    "Mireille Dufresne",
    "Kofi Asamoah",
    "Elspeth Drummond",
    "Rafael Quintero",
    "Yuki Tachibana",
    "Sunniva Haugland",
    "Dashiell Monroe",
)


def name_user(number: int) -> str:
    """Return the name of a user, counted from 0. After the last name they begin again, with a number of their own."""
    turn, position = divmod(number, len(USERS))
    return f"{USERS[position]} {turn + 1}" if turn else USERS[position]
