"""A queue and a table over HTTP. The queue is a few lines, and fails as told; the table is moto's."""

import asyncio
import json
from typing import Any

import boto3
from aiohttp import web
from botocore.exceptions import ClientError

from tests.unit.bridge.servers import Server

TABLE = "operations"
SENDER_LIMIT = 256 * 1024


class Aws:
    """Both services at one endpoint. Needs moto's ``mock_aws`` around it."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, str]] = []
        """Group and body of each message in the queue."""
        self.calls = 0
        self.down = False
        """The queue answers 503."""
        self.hanging = False
        """The queue does not answer at all."""
        self.refuse = 0
        """So many messages to come are refused, each beside others that are taken."""
        self.lose_answers = 0
        """So many calls to come are carried out, and the connection then breaks."""
        self.table_down = False
        self.lose_writes = 0
        """So many writes of the lease to come answer 500."""
        self.tries = 0
        """Writes of the lease, whatever became of them."""
        self.too_early: list[dict[str, Any]] = []
        """Checkpoints beyond what was in the queue."""
        self.covered = 0
        """Reports up to here need not be in the queue: a snapshot stands for them."""
        self.reports: list[Any] = []
        """All reports in the queue."""
        self.numbers: set[int] = set()
        """Their sequence numbers."""
        self._known: set[str] = set()
        self._table = boto3.client("dynamodb", endpoint_url="https://dynamodb.us-east-1.amazonaws.com")
        self._table.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        )
        self.server = Server(self._build)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def queue_url(self) -> str:
        return f"{self.url}/000000000000/reports.fifo"

    def lease(self) -> dict[str, Any]:
        """Return the item of the lease, empty if there is none."""
        item = self._table.get_item(TableName=TABLE, Key={"name": {"S": "bridge"}}).get("Item", {})
        return {name: float(value["N"]) if "N" in value else value["S"] for name, value in item.items()}

    def write_lease(self, **fields: Any) -> None:
        """Put the item of the lease."""
        item = {name: {"S": value} if isinstance(value, str) else {"N": str(value)} for name, value in fields.items()}
        self._table.put_item(TableName=TABLE, Item={"name": {"S": "bridge"}, **item})

    def _build(self) -> web.Application:
        app = web.Application(client_max_size=2**22)
        app.router.add_post("/{path:.*}", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.Response:
        service, _, operation = request.headers["X-Amz-Target"].partition(".")
        arguments = json.loads(await request.read())
        if service != "AmazonSQS":
            return self._update(arguments)
        assert operation == "SendMessageBatch"
        self.calls += 1
        while self.hanging:
            await asyncio.sleep(0.02)
        if self.down:
            return _fail("ServiceUnavailable", 503)
        answer = self._send(arguments["Entries"])
        if self.lose_answers and request.transport:
            self.lose_answers -= 1
            request.transport.abort()
        return web.json_response(answer)

    def _send(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        assert 1 <= len(entries) <= 10
        assert len({entry["Id"] for entry in entries}) == len(entries)
        assert sum(len(entry["MessageBody"]) for entry in entries) <= SENDER_LIMIT
        taken, failed = [], []
        for entry in entries:
            if self.refuse and entry is not entries[0]:
                self.refuse -= 1
                failed.append({"Id": entry["Id"], "Code": "InternalError", "SenderFault": False})
                continue
            taken.append({"Id": entry["Id"], "MessageId": entry["Id"]})
            if entry["MessageDeduplicationId"] not in self._known:
                self._known.add(entry["MessageDeduplicationId"])
                self._put(entry["MessageGroupId"], entry["MessageBody"])
        return {"Successful": taken, "Failed": failed}

    def _put(self, group: str, body: str) -> None:
        self.bodies.append((group, body))
        reports = json.loads(body)["reports"]
        self.reports += reports
        self.numbers |= {report["seq"] for report in reports if isinstance(report, dict) and "seq" in report}

    def _update(self, arguments: dict[str, Any]) -> web.Response:
        self.tries += 1
        if self.table_down or self.lose_writes:
            self.lose_writes -= bool(self.lose_writes)
            return _fail("InternalServerError", 500)
        seq = arguments["ExpressionAttributeValues"].get(":seq")
        if seq and not set(range(self.covered + 1, int(seq["N"]) + 1)) <= self.numbers:
            self.too_early.append(arguments)
        try:
            answer = self._table.update_item(**arguments)
        except ClientError as error:
            return _fail(error.response["Error"]["Code"], 400)
        return web.json_response({"Attributes": answer["Attributes"]})


def _fail(code: str, status: int) -> web.Response:
    return web.json_response({"__type": f"com.amazonaws#{code}", "message": "as told"}, status=status)
