"""What AWS answers when it does not do what it was told, as botocore raises it."""

from typing import Any

from botocore.exceptions import ClientError


def refusal(operation: str, code: str, *, status: int = 400, reasons: list[str] | None = None) -> ClientError:
    """Return the error of an answer; ``reasons`` are those of a canceled transaction."""
    answer: Any = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    if reasons is not None:
        answer["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return ClientError(answer, operation)
