"""A market day for the pictures: works with their trades, orders of the broker, profiles and signals, all over HTTP."""

from __future__ import annotations

import random
from typing import Any

import httpx

from tests.e2e.stack import eventually

FIRST_WORK = 5_200_100
USER, OTHERS = 4107, (4111, 4112, 4115, 4121, 4130)
"""Who trades here and nowhere else: every work they have to do with has its title."""
WORKS = [
    ("Low Water", "Ines Calderan", 1450),
    ("The Salt Office", "Tomaso Brenna", 620),
    ("Nine Piles", "Odile Marchetti", 890),
    ("Fog, Second State", "Jun Aramaki", 2300),
    ("Fondamenta", "Ines Calderan", 1180),
    ("Slack Tide", "Petra Voss", 540),
    ("A Room Facing East", "Leonie Hart", 3150),
    ("Ropewalk", "Tomaso Brenna", 760),
    ("Inventory of Light", "Mirela Danko", 1990),
    ("Seven Sluices", "Petra Voss", 430),
    ("Study for a Bridge", "Jun Aramaki", 1275),
    ("Acqua Alta", "Odile Marchetti", 2680),
    ("Lamp Oil", "Samuel Okoro", 350),
    ("The Quarantine Island", "Mirela Danko", 4100),
    ("Two Moorings", "Samuel Okoro", 980),
    ("Counting House", "Leonie Hart", 1540),
    ("Reeds, October", "Ines Calderan", 710),
    ("Winter Regatta", "Tomaso Brenna", 1820),
    ("Blue Hour at the Arsenal", "Petra Voss", 2240),
    ("Glass Furnace", "Samuel Okoro", 1360),
    ("Unfinished Façade", "Jun Aramaki", 590),
    ("Tidal Clock", "Mirela Danko", 3480),
    ("Brackish", "Leonie Hart", 465),
    ("Return of the Pilots", "Odile Marchetti", 1710),
    ("Customs", "Samuel Okoro", 820),
    ("Marsh Geometry", "Ines Calderan", 2050),
    ("The Long Quay", "Petra Voss", 1125),
    ("After the Market", "Tomaso Brenna", 940),
]
STAR = FIRST_WORK + 3
STAR_PRICES = [1800, 1750, 1880, 2040, 1980, 2120, 2260, 2190, 2240]
INSTRUMENTS = ["ACC", "ADANIENT", "BIRLASOFT", "COFORGE", "DMART", "EICHER", "GRASIM", "INFY", "L&T", "MINDA", "NTPC"]
USERS = [
    "Amara Lindqvist",
    "Holland Proctor",
    "Idris Vance",
    "Marlow Chen",
    "Oaklee Wagner",
    "Remy Castellan",
    "Sunniva Roth",
]
ISINS = ["DE0007664039", "US0378331005", "FR0000120271", "CH0038863350", "GB00B03MLX29", "IT0003128367"]


class Scene:
    """Plays the day on a stack. The same calls give the same day."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self._random = random.Random(20)

    def play(self) -> None:
        """Fill every view."""
        self.fill_strategies()
        self.fill_broker()
        self.fill_market()
        self._http.close()

    def fill_market(self) -> None:
        """Trade the star of the evening, then offer everything; the user of the page has a part in it."""
        for number, (title, artist, _) in enumerate(WORKS):
            self._http.put(f"/market/artworks/{FIRST_WORK + number}", json={"title": title, "artist": artist})
        self._describe_star()
        for turn, price in enumerate(STAR_PRICES):
            self._order(OTHERS[turn % 5], STAR, price, "sell")
            self._wait_for_trade(self._order(USER if turn == 4 else OTHERS[(turn + 2) % 5], STAR, price, "buy"))
        for step in range(1, 6):
            self._order(OTHERS[step % 5], STAR, 2300 + 45 * step, "sell")
            self._order(OTHERS[(step + 1) % 5], STAR, 2240 - 35 * step - 0.5, "buy")
            self._order(OTHERS[(step + 3) % 5], STAR, 2240 - 35 * (step // 2) - 0.5, "buy")
        for number, (_, _, price) in enumerate(WORKS):
            seller = OTHERS[number % 5]
            self._order(USER if number % 9 == 5 else seller, FIRST_WORK + number, price, "sell")
            if number % 3 == 0:
                self._order(USER if number % 2 else OTHERS[(number + 1) % 5], FIRST_WORK + number, price * 0.9, "buy")

    def fill_broker(self) -> None:
        """Submit orders of either type."""
        for number in range(14):
            order: dict[str, Any] = {
                "type": "limit" if number % 3 else "market",
                "side": "sell" if number % 4 == 1 else "buy",
                "instrument": ISINS[number % len(ISINS)],
                "quantity": self._random.choice([5, 10, 25, 40, 120, 1500]),
            }
            if number % 3:
                order["limit_price"] = round(self._random.uniform(20, 400), 2)
            answer = self._http.post("/orders", json=order).raise_for_status().json()
            if number in (4, 9):
                self._http.post(f"/orders/{answer['id']}/cancel")

    def fill_strategies(self) -> None:
        """Put profiles and send signals, of which some are for nobody."""
        chance = self._random
        plans = {f"STRATEGY_{letter}": sorted(chance.sample(INSTRUMENTS, chance.randint(3, 6))) for letter in "ABCDEF"}
        profiles = {
            user: {name: plans[name] for name in sorted(chance.sample(sorted(plans), chance.randint(2, 3)))}
            for user in USERS
        }
        self._http.put("/strategies/profiles", json=profiles).raise_for_status()
        for turn in range(34):
            signal = {
                "strategy": f"STRATEGY_{chance.choice('ABCDEF')}",
                "instrument": chance.choice(INSTRUMENTS),
                "position": "SELL" if turn % 3 == 2 else "BUY",
            }
            self._http.post("/signals", json=signal).raise_for_status()

    def _describe_star(self) -> None:
        details = {
            "title": "Fog, Second State",
            "artist": "Jun Aramaki",
            "description": "Woodcut in four blocks, printed by the artist.\n"
            "The second of three states, before the horizon was cut away.",
            "image_url": "https://pictures.example.org/aramaki/fog-2.jpg",
        }
        self._http.put(f"/market/artworks/{STAR}", json=details).raise_for_status()

    def _order(self, user: int, work: int, price: float, direction: str) -> str:
        body = {"user_id": user, "artwork_id": work, "price": round(price, 2), "direction": direction}
        order_id: str = self._http.post("/market/orders", json=body).raise_for_status().json()["order_id"]
        return order_id

    def _wait_for_trade(self, order_id: str) -> None:
        def status() -> str:
            found: str = self._http.get(f"/market/orders/{order_id}").raise_for_status().json()["status"]
            return found

        eventually(status, lambda seen: seen == "filled", every=0.05)
