"""DynamoDB's operations, as far as ours use them, with its rules for keys, sizes, pages and transactions."""

from collections.abc import Callable, Iterable
from typing import Any

from tests.simulation.cloud.errors import refusal
from tests.simulation.cloud.expressions import Item, parse_condition, parse_key_condition, parse_update, sort_value
from tests.simulation.cloud.tables import Change, Key, Table

Params = dict[str, Any]
Answer = dict[str, Any]
MAX_ITEM = 400 * 1024
MAX_PAGE = 1024 * 1024
MAX_TRANSACTION = 100
MAX_BATCH = {"BatchGetItem": 100, "BatchWriteItem": 25}
Watch = Callable[[list[Change]], None]
"""Told of the changes of each write, those of a transaction together."""


class DynamoDb:
    """The tables of an account. ``cut`` may shorten a page, as DynamoDB may at any time."""

    def __init__(self, clock: Callable[[], float], lag: Callable[[str], float] = lambda _: 0.0) -> None:
        self.tables: dict[str, Table] = {}
        self.watchers: list[Watch] = []
        self.cut: Callable[[int], int] = lambda size: size
        self._clock = clock
        self._lag = lag
        self._done: dict[str, Answer] = {}

    def call(self, operation: str, params: Params, token: str | None = None) -> Answer:
        """Carry out an operation. ``token`` is that of a transaction: a second time it changes nothing.

        Raises:
            ClientError: as DynamoDB refuses it.
        """
        if token is not None and token in self._done:
            return self._done[token]
        answer: Answer = getattr(self, f"_{operation}")(params)
        if token is not None:
            self._done[token] = answer
        return answer

    # --- Tables ----------------------------------------------------------------------------------------------------

    def _CreateTable(self, params: Params) -> Answer:
        self.tables[params["TableName"]] = Table(params["TableName"], params, self._clock, self._lag)
        return {}

    def _DeleteTable(self, params: Params) -> Answer:
        del self.tables[params["TableName"]]
        return {}

    def _ListTables(self, params: Params) -> Answer:
        del params
        return {"TableNames": sorted(self.tables)}

    def _table(self, operation: str, params: Params) -> Table:
        table = self.tables.get(params["TableName"])
        if table is None:
            raise refusal(operation, "ResourceNotFoundException")
        return table

    # --- Writes of one item ----------------------------------------------------------------------------------------

    def _PutItem(self, params: Params) -> Answer:
        return self._write_one("PutItem", "Put", params)

    def _UpdateItem(self, params: Params) -> Answer:
        answer = self._write_one("UpdateItem", "Update", params)
        if params.get("ReturnValues") == "ALL_NEW":
            table = self._table("UpdateItem", params)
            answer["Attributes"] = dict(table.get(table.key_of(params["Key"])) or {})
        return answer

    def _DeleteItem(self, params: Params) -> Answer:
        return self._write_one("DeleteItem", "Delete", params)

    def _write_one(self, operation: str, action: str, params: Params) -> Answer:
        table = self._table(operation, params)
        if not _holds(table, action, params):
            raise refusal(operation, "ConditionalCheckFailedException")
        self._tell([self._apply(operation, action, params)])
        return {}

    def _apply(self, operation: str, action: str, params: Params) -> Change:
        table = self._table(operation, params)
        key = table.key_of(params["Item"] if action == "Put" else params["Key"])
        item: Item | None = None
        if action == "Put":
            item = dict(params["Item"])
        elif action == "Update":
            update = parse_update(params["UpdateExpression"])
            names, values = params.get("ExpressionAttributeNames", {}), params["ExpressionAttributeValues"]
            item = update.apply(table.get(key) or dict(params["Key"]), names, values)
        if item is not None:
            _check_item(operation, table, item)
        return table.write(key, item)

    def _tell(self, changes: list[Change]) -> None:
        for watch in self.watchers:
            watch(changes)

    # --- Writes of several items -----------------------------------------------------------------------------------

    def _TransactWriteItems(self, params: Params) -> Answer:
        writes = [(action, content) for entry in params["TransactItems"] for action, content in entry.items()]
        keys = {(content["TableName"], self._key_of(action, content)) for action, content in writes}
        if len(writes) > MAX_TRANSACTION or len(keys) < len(writes):
            raise refusal("TransactWriteItems", "ValidationException")
        holds = [_holds(self._table("TransactWriteItems", content), action, content) for action, content in writes]
        if not all(holds):
            reasons = ["None" if held else "ConditionalCheckFailed" for held in holds]
            raise refusal("TransactWriteItems", "TransactionCanceledException", reasons=reasons)
        self._tell([self._apply("TransactWriteItems", action, content) for action, content in writes])
        return {}

    def _key_of(self, action: str, content: Params) -> Key:
        table = self._table("TransactWriteItems", content)
        return table.key_of(content["Item"] if action == "Put" else content["Key"])

    def _BatchWriteItem(self, params: Params) -> Answer:
        requests = [(name, request) for name, entries in params["RequestItems"].items() for request in entries]
        if len(requests) > MAX_BATCH["BatchWriteItem"]:
            raise refusal("BatchWriteItem", "ValidationException")
        done = self.cut(len(requests))
        for name, request in requests[:done]:
            if "PutRequest" in request:
                change = self._apply("BatchWriteItem", "Put", {"TableName": name, **request["PutRequest"]})
            else:
                change = self._apply("BatchWriteItem", "Delete", {"TableName": name, **request["DeleteRequest"]})
            self._tell([change])
        left: dict[str, list[Any]] = {}
        for name, request in requests[done:]:
            left.setdefault(name, []).append(request)
        return {"UnprocessedItems": left}

    # --- Reads -----------------------------------------------------------------------------------------------------

    def _GetItem(self, params: Params) -> Answer:
        table = self._table("GetItem", params)
        item = table.get(table.key_of(params["Key"]), consistent=params.get("ConsistentRead", False))
        return {} if item is None else {"Item": dict(item)}

    def _BatchGetItem(self, params: Params) -> Answer:
        wanted = [(name, entry, key) for name, entry in params["RequestItems"].items() for key in entry["Keys"]]
        if len(wanted) > MAX_BATCH["BatchGetItem"]:
            raise refusal("BatchGetItem", "ValidationException")
        done = self.cut(len(wanted))
        found: dict[str, list[Item]] = {name: [] for name in params["RequestItems"]}
        for name, entry, key in wanted[:done]:
            table = self._table("BatchGetItem", {"TableName": name})
            item = table.get(table.key_of(key), consistent=entry.get("ConsistentRead", False))
            found[name] += [] if item is None else [dict(item)]
        left: dict[str, Any] = {}
        for name, entry, key in wanted[done:]:
            left.setdefault(name, {**entry, "Keys": []})["Keys"].append(key)
        return {"Responses": found, "UnprocessedKeys": left}

    def _Query(self, params: Params) -> Answer:
        table = self._readable("Query", params)
        names, values = params["ExpressionAttributeNames"], params["ExpressionAttributeValues"]
        key = parse_key_condition(params["KeyConditionExpression"])
        shelf = table.shelf(params.get("IndexName"), consistent=params.get("ConsistentRead", False))
        if names[key.hash_name] != shelf.schema.hash:
            raise refusal("Query", "ValidationException")
        rows = shelf.partition(sort_value(values[key.hash_value]))
        if key.matches is not None:
            rows = [row for row in rows if key.matches(row[1], names, values)]
        backwards = params.get("ScanIndexForward") is False
        start = params.get("ExclusiveStartKey")
        if start is not None:
            rank = shelf.rank_of_start(start)
            rows = [row for row in rows if (row[0] < rank if backwards else row[0] > rank)]
        return self._page(table, params, [item for _, item in (reversed(rows) if backwards else rows)])

    def _Scan(self, params: Params) -> Answer:
        table = self._readable("Scan", params)
        shelf = table.shelf(params.get("IndexName"), consistent=params.get("ConsistentRead", False))
        rows = shelf.segment(params.get("Segment", 0), params.get("TotalSegments", 1))
        start = params.get("ExclusiveStartKey")
        if start is not None:
            rank = shelf.scan_rank_of_start(start)
            rows = [row for row in rows if row[0] > rank]
        return self._page(table, params, [item for _, item in rows])

    def _readable(self, operation: str, params: Params) -> Table:
        table = self._table(operation, params)
        if not table.may_be_read(params.get("IndexName"), consistent=params.get("ConsistentRead", False)):
            raise refusal(operation, "ValidationException")
        return table

    def _page(self, table: Table, params: Params, items: list[Item]) -> Answer:
        size = self.cut(min(_that_fit(items), params.get("Limit") or len(items)))
        page = items[:size]
        answer: Answer = {"Items": [_projected(params, item) for item in page], "Count": size, "ScannedCount": size}
        # A page that ends with its limit has a key to go on from, even when nothing is behind it.
        if page and (size < len(items) or size == params.get("Limit")):
            shelf = table.shelf(params.get("IndexName"), consistent=False)
            names = dict.fromkeys([*table.schema.names, *shelf.schema.names])
            answer["LastEvaluatedKey"] = {name: page[-1][name] for name in names}
        return answer


def _projected(params: Params, item: Item) -> Item:
    expression = params.get("ProjectionExpression")
    if expression is None:
        return dict(item)
    names = [params["ExpressionAttributeNames"][name] for name in expression.split(", ")]
    return {name: item[name] for name in names if name in item}


def _holds(table: Table, action: str, params: Params) -> bool:
    """Tell whether the condition of a write holds."""
    expression = params.get("ConditionExpression")
    if expression is None:
        return True
    item = table.get(table.key_of(params["Item"] if action == "Put" else params["Key"])) or {}
    values = params.get("ExpressionAttributeValues", {})
    return parse_condition(expression)(item, params["ExpressionAttributeNames"], values)


def _check_item(operation: str, table: Table, item: Item) -> None:
    for name, kind in table.types.items():
        value = item.get(name)
        if value is not None and (list(value) != [kind] or value[kind] in ("", b"")):
            raise refusal(operation, "ValidationException")
    if _size_of(item) > MAX_ITEM:
        raise refusal(operation, "ValidationException")


def _that_fit(items: Iterable[Item]) -> int:
    """Return how many items make a page of at most a megabyte."""
    total, fitting = 0, 0
    for item in items:
        total += _size_of(item)
        if fitting and total > MAX_PAGE:
            break
        fitting += 1
    return fitting


def _size_of(item: Item) -> int:
    total = 0
    for name, value in item.items():
        for kind, content in value.items():
            total += len(name) + (len(content) if kind in ("S", "B", "N") else len(repr(content)) if kind == "L" else 1)
    return total
