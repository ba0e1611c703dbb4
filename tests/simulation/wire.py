"""Every call to AWS as the simulation sees it: time passes before and after its effect, and faults strike around it."""

from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from tests.simulation.cloud.account import Account
from tests.simulation.cloud.errors import refusal
from tests.simulation.cloud.sdk import Call
from tests.simulation.faults import Faults
from tests.simulation.history import History
from tests.simulation.scheduler import Process, Scheduler, Task
from tests.simulation.story import Story, summary_of

URL = "https://aws.test"
READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan", "ListTables", "GetQueueAttributes", "ReceiveMessage"})
CUTTABLE = frozenset({"BatchGetItem", "BatchWriteItem", "Query", "Scan"})
CONFLICTING = frozenset({"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"})
LASTING = {
    "unreachable_for_long": "unreachable",
    "answers_lost": "answer_lost",
    "arrives_late_for_long": "arrives_late",
    "throttled_for_long": "throttled",
}
"""Faults that the whole call meets, and what each of its attempts meets then."""
TABLE = (
    *("killed_before", "killed_after", "unreachable", "unreachable_for_long", "answer_lost", "answers_lost"),
    *("throttled", "throttled_for_long", "fault_before", "fault_after", "slow"),
)
QUEUE = ("killed_before", "killed_after", "unreachable", "unreachable_for_long", "answer_lost", "entry_refused")
APPLYING = ("apply.killed_before", "apply.killed_after")
"""What a function that applies reports may meet at each of its writes, beside all that others meet."""
READ_TIME = 2.0
"""Seconds after which a client gives up waiting, as in core/dynamodb.py."""


class Wire:
    """Carries calls between the processes and the account."""

    def __init__(self, account: Account, scheduler: Scheduler, faults: Faults, history: History, story: Story) -> None:
        self._account = account
        self._scheduler = scheduler
        self._faults = faults
        self._history = history
        self._story = story
        self.pace = 1.0

    def carry(self, call: Call) -> dict[str, Any]:
        """Carry out one attempt of a call for the running task; the set-up's calls have no task and no faults."""
        task = self._scheduler.current
        if task is None:
            return self._account.answer(call)
        process = task.process
        process.calls += 1
        where = f"{process.name}/{process.calls}"
        fault = self._draw(task, call, where)
        self._scheduler.sleep(self._moment(process) if fault != "slow" else process.dice.uniform(0.5, 1.9))
        self._before(task, call, fault, where)
        answer: dict[str, Any] = {}
        error: ClientError | None = None
        try:
            answer = self._effect(call, fault)
        except ClientError as refused:
            error = refused
        self._story.tell(f"{where} {call.service} {summary_of(call)} -> {_told(answer, error)}")
        self._scheduler.sleep(self._moment(process))
        self._after(process, call, fault)
        if error is not None:
            raise error
        return answer

    def _moment(self, process: Process) -> float:
        return process.dice.uniform(0.0005, 0.01) * self.pace

    def _draw(self, task: Task, call: Call, where: str) -> str | None:
        """Return the fault of an attempt, without its prefix."""
        prefix = "table." if call.service == "dynamodb" else "queue."
        if call.attempt > 1 and task.lasting is not None:
            return task.lasting
        task.lasting = None
        kinds = [prefix + kind for kind in (TABLE if call.service == "dynamodb" else QUEUE)]
        if call.operation not in READS:
            kinds.append(prefix + "arrives_late")
            kinds += ["table.arrives_late_for_long"] if call.service == "dynamodb" else []
        if call.operation in CUTTABLE:
            kinds.append("table.cut")
        if call.operation in CONFLICTING:
            kinds.append("table.conflict")
            kinds += APPLYING if task.process.name.startswith(("apply_reports", "retry_reports")) else ()
        kind = self._faults.draw([*kinds, "function.paused"], task.process.dice, where)
        if kind is None:
            return None
        task.process.struck.append(kind)
        self._story.tell(f"{where} {call.operation}: {kind}", fault=True)
        fault = kind.removeprefix(prefix).removeprefix("apply.")
        if fault in LASTING:
            task.lasting = fault = LASTING[fault]
        return fault

    def _before(self, task: Task, call: Call, fault: str | None, where: str) -> None:
        process = task.process
        if fault == "function.paused":
            self._scheduler.sleep(process.dice.choice([3.0, 12.0, 100.0]))
        if fault == "killed_before":
            self._scheduler.kill(process, "killed")
        if fault == "unreachable":
            self._scheduler.sleep(1.0)
            raise ConnectTimeoutError(endpoint_url=URL)
        if fault == "throttled":
            raise refusal(call.operation, "ProvisionedThroughputExceededException")
        if fault == "fault_before":
            raise refusal(call.operation, "InternalServerError", status=500)
        if fault == "conflict":
            raise _conflict(call)
        if fault == "arrives_late":
            delays = [1.0, 3.0, 20.0, 60.0] if task.lasting is None else [20.0, 40.0, 60.0]
            self._scheduler.after(process.dice.choice(delays), lambda: self._arrive(call, where))
            self._scheduler.sleep(READ_TIME)
            raise ReadTimeoutError(endpoint_url=URL)

    def _arrive(self, call: Call, where: str) -> None:
        """Let a call take effect that nobody waits for any more."""
        try:
            told = _told(self._account.answer(call), None)
        except ClientError as error:
            told = _told({}, error)
        self._story.tell(f"{where} {call.service} {summary_of(call)} arrives late -> {told}")

    def _effect(self, call: Call, fault: str | None) -> dict[str, Any]:
        dynamodb, sqs = self._account.dynamodb, self._account.sqs
        if fault == "cut":
            dynamodb.cut = lambda size: (size + 1) // 2
        if fault == "entry_refused":
            refusals = iter([True])
            sqs.fails = lambda _: next(refusals, False)
        try:
            return self._account.answer(call)
        finally:
            dynamodb.cut = lambda size: size
            sqs.fails = lambda _: False

    def _after(self, process: Process, call: Call, fault: str | None) -> None:
        if fault == "killed_after":
            self._scheduler.kill(process, "killed")
        if fault == "answer_lost":
            self._scheduler.sleep(READ_TIME)
            raise ReadTimeoutError(endpoint_url=URL)
        if fault == "fault_after":
            raise refusal(call.operation, "InternalServerError", status=500)


def _conflict(call: Call) -> ClientError:
    if call.operation != "TransactWriteItems":
        return refusal(call.operation, "TransactionConflictException")
    reasons = ["None"] * len(call.params["TransactItems"])
    return refusal(call.operation, "TransactionCanceledException", reasons=["TransactionConflict", *reasons[1:]])


def _told(answer: dict[str, Any], error: ClientError | None) -> str:
    if error is not None:
        reasons = [str(reason.get("Code")) for reason in error.response.get("CancellationReasons", [])]
        return f"{error.response.get('Error', {}).get('Code')}{' ' + ','.join(reasons) if reasons else ''}"
    for name in ("Items", "Messages", "Failed"):
        if name in answer:
            return f"{len(answer[name])} {name.lower()}"
    return "ok"
