"""The API's gateway: a client's request becomes a run of the API function, or gets lost on the way."""

import json
from collections.abc import Callable
from typing import Any

import app as application
from tests.simulation.history import Request
from tests.simulation.scheduler import SECOND, Process, Task
from tests.simulation.world import World

REPEATABLE = frozenset({"GET", "PUT"})
LONG = 29.0
"""Seconds for which the gateway waits for the function."""
_CONTEXT: Any = type("Context", (), {"function_name": "api_handler", "memory_limit_in_mb": 512})()


class Client:
    """One client: it repeats what was not answered or failed, if that is safe."""

    def __init__(self, world: World, process: Process) -> None:
        self.world = world
        self.process = process
        self.dice = process.dice
        self._sent = 0

    def get(self, route: str, query: dict[str, str] | None = None, **path: str) -> Request:
        """Send a GET."""
        return self.send("GET", route, path=path, query=query)

    def post(self, route: str, body: Any = None, key: str | None = None, **path: str) -> Request:
        """Send a POST."""
        return self.send("POST", route, body, key=key, path=path)

    def send(
        self,
        method: str,
        route: str,
        body: Any = None,
        *,
        key: str | None = None,
        path: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> Request:
        """Send a request until it is answered with something else than a fault, a few times at most."""
        event = _event(method, route, body, key, path or {}, query or {})
        tries = 4 if method in REPEATABLE or key is not None or route.endswith("/cancel") else 1
        while True:
            tries -= 1
            request = self._send_once(event, body, key)
            if tries == 0 or (request.answered is not None and request.status < 500):
                return request
            self.world.scheduler.sleep(self.dice.choice([0.05, 0.5, 2.0, 10.0]))

    def _send_once(self, event: dict[str, Any], body: Any, key: str | None) -> Request:
        world, self._sent = self.world, self._sent + 1
        where = f"{self.process.name}/{self._sent}"
        path = event["path"]
        step = world.history.step()
        request = Request(self.process.name, event["httpMethod"], path, body, key, step)
        world.history.requests.append(request)
        world.story.tell(f"{where} sends {request.method} {path} {json.dumps(body)} {key or ''}")
        fault = world.faults.draw(["request.lost", "answer.lost", "client.impatient"], self.dice, where)
        if fault is not None:
            world.story.tell(f"{where}: {fault}", fault=True)
        if fault == "request.lost":
            world.scheduler.sleep(1.0)
            return request
        patience = self.dice.choice([0.02, 0.1, 0.5]) if fault == "client.impatient" else LONG
        answer = self._wait_for(event, request, patience)
        if answer is None or fault == "answer.lost":
            world.story.tell(f"{where} hears nothing")
            return request
        request.status, request.content, request.replayed = answer
        request.answered = world.history.step()
        world.story.tell(f"{where} hears {request.status} {json.dumps(request.content)[:300]}")
        return request

    def _wait_for(self, event: dict[str, Any], request: Request, patience: float) -> tuple[int, Any, bool] | None:
        """Run the function; return its answer, None if it takes longer than the client waits."""
        scheduler = self.world.scheduler
        task = scheduler.current
        assert task is not None
        answers: list[tuple[int, Any, bool]] = []
        is_over: list[bool] = []

        def end(result: Any, error: Exception | None, process: Process) -> None:
            request.struck = process.struck
            answers.append((502, None, False) if result is None else _read(result))
            _wake(task)

        def give_up() -> None:
            is_over.append(True)
            _wake(task)

        def _wake(task: Task) -> None:
            scheduler.wake(task)

        about = f"{request.method} {request.path}"
        process = self.world.invoke("api_handler", about, lambda: application.app(event, _CONTEXT), end)
        request.process = process.name
        scheduler.after(patience, give_up)
        while not answers and not is_over:
            scheduler.park()
        return answers[0] if answers else None


def run_operator(world: World, run: Callable[[Client], None]) -> None:
    """Let an operator send requests, and give it the time for it."""
    process = world.process("operator")
    client = Client(world, process)
    world.scheduler.start(process, lambda: run(client), lambda *_: None)
    world.scheduler.run(world.scheduler.now + 40 * SECOND)


def _event(
    method: str, route: str, body: Any, key: str | None, path: dict[str, str], query: dict[str, str]
) -> dict[str, Any]:
    headers = {"content-type": "application/json"} | ({} if key is None else {"Idempotency-Key": key})
    return {
        "httpMethod": method,
        "path": route.format(**path) + ("?" + "&".join(f"{n}={v}" for n, v in query.items()) if query else ""),
        "headers": headers,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
        "pathParameters": path or None,
        "stageVariables": None,
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {"resourcePath": route, "httpMethod": method, "requestId": "r", "path": route},
    }


def _read(answer: dict[str, Any]) -> tuple[int, Any, bool]:
    headers = {name.lower() for name in (*answer["headers"], *answer.get("multiValueHeaders", {}))}
    return answer["statusCode"], json.loads(answer["body"]), "idempotency-replayed" in headers
