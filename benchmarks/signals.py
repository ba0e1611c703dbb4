"""What a signal costs by the number of its users, on the running platform (`make up` first).

    .rialto/venv/bin/python benchmarks/signals.py [URL]

Prints for 10, 100, 1,000 and 10,000 users the seconds of a BUY, of the same BUY again (valid for nobody), and of a
SELL: each one request; and the milliseconds for each user. Between two signals it waits until the orders of the former
are at the exchange: they share the machine. It replaces the profiles, and puts the former ones back.
"""

import sys
import time
import uuid
from collections.abc import Iterator

import httpx

SIZES = (10, 100, 1_000, 10_000)


def main() -> None:
    """Print the table."""
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as http:
        before = http.get("/strategies/profiles").raise_for_status().json()
        print(f"{'users':>8}  {'signal':8}{'accepted':>9}{'seconds':>9}{'ms/user':>9}")
        try:
            for size in SIZES:
                for name, accepted, seconds in _measure(http, size):
                    print(f"{size:8,}  {name:8}{accepted:9,}{seconds:9.2f}{seconds / size * 1e3:9.2f}", flush=True)
        finally:
            http.put("/strategies/profiles", json=before).raise_for_status()


def _measure(http: httpx.Client, size: int) -> Iterator[tuple[str, int, float]]:
    strategy = f"BENCH {uuid.uuid4().hex[:8]}"
    profiles = {f"Holland Proctor {number:05d}": {strategy: ["MINDA"]} for number in range(size)}
    http.put("/strategies/profiles", json=profiles).raise_for_status()
    for name, position in (("BUY", "BUY"), ("again", "BUY"), ("SELL", "SELL")):
        body = {"strategy": strategy, "instrument": "MINDA", "position": position}
        started = time.perf_counter()
        answer = http.post("/signals", json=body).raise_for_status().json()
        seconds = time.perf_counter() - started
        yield name, sum(row["verdict"] == "ACCEPTED" for row in answer["users"]), seconds
        _wait_until_placed(http)


def _wait_until_placed(http: httpx.Client) -> None:
    while True:
        queues = http.get("/operations/queues").raise_for_status().json()["queues"]
        placements = next(queue for queue in queues if queue["name"] == "placements")
        if not (placements["depth"] or placements["in_flight"] or placements["oldest_age_seconds"]):
            return
        time.sleep(1)


if __name__ == "__main__":
    main()
