"""What the fuzzer has to know of Rialto beside its document. schemathesis.toml names this module."""

import json
import os
import re
import uuid
from typing import Any, cast

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.generation.case import Case
from schemathesis.hooks import HookContext
from schemathesis.openapi.checks import RejectedPositiveData, UnsupportedMethodResponse

from chalicelib.documents.strategies import PROFILES

ON_LOCALSTACK = os.environ.get("RIALTO_TEST_CLOUD") == "localstack"
KEY = "Idempotency-Key"
VALID_KEY = re.compile("[!-~][ -~]{1,199}")
WHOLE_NUMBERS = {"quantity", "user_id", "artwork_id"}
KEY_REUSED = "This Idempotency-Key was used before"
NOT_PRINTABLE = "Input should have printable characters only"


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Change what would only be refused, or would leave nothing to do, if it were sent as it was drawn."""
    del context, kwargs
    key = case.headers.get(KEY, "")
    # A key that is drawn twice belongs to the first body. Those of the shortest and the longest are left.
    if VALID_KEY.fullmatch(key):
        case.headers[KEY] = f"{key}-{uuid.uuid4()}"
    if case.meta is None or not case.meta.generation.mode.is_positive or not isinstance(case.body, dict):
        return
    # JSON Schema has values only: 3.0 is an integer to it, and to the contract a number with a fraction.
    numbers = {name: value for name, value in case.body.items() if name in WHOLE_NUMBERS and isinstance(value, float)}
    case.body.update({name: int(value) for name, value in numbers.items()})
    # The users for whom the signals that are drawn are valid.
    if case.operation.definition.raw["operationId"] == "put_profiles":
        case.body.update(cast("dict[str, Any]", PROFILES))


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Tell whether a failure counts. Those that do not are what neither a schema nor code of ours can prevent."""
    del context, case
    if _is_of_localstack(response):
        return False
    content = _content(response)
    # API Gateway knows paths with methods, and answers everything else in one way: 404 instead of 405.
    if isinstance(failure, UnsupportedMethodResponse):
        return (response.status_code, content.get("code")) != (404, "no_such_route")
    if isinstance(failure, RejectedPositiveData):
        return not _is_beyond_schemas(content)
    return True


def _is_of_localstack(response: Response) -> bool:
    """Tell whether LocalStack failed before the request came to us: its gateway takes every form apart itself."""
    asked = response.request.headers.get("Content-Type", "")
    asked = asked.decode("latin-1") if isinstance(asked, bytes) else asked
    is_broken_form = asked.startswith("multipart/form-data") and "boundary=" not in asked
    return ON_LOCALSTACK and response.status_code == 500 and is_broken_form


def _is_beyond_schemas(problem: dict[str, Any]) -> bool:
    """Tell whether a refused request breaks a rule that JSON Schema has no words for."""
    # Which cursors were given out, and which keys were used before and with what.
    reason = str(problem.get("REASON", ""))
    if problem.get("code") in ("invalid_cursor", "idempotency_key_reused") or KEY_REUSED in reason:
        return True
    # Which characters are printable depends on the version of Unicode; and the fuzzer draws them from whole blocks.
    if reason:
        return NOT_PRINTABLE in reason
    errors = problem.get("errors", [])
    return bool(errors) and all(error["type"] == "string_characters" for error in errors)


def _content(response: Response) -> dict[str, Any]:
    try:
        content = json.loads(response.content)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
