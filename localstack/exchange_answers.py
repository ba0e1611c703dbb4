"""How the exchange says no over HTTP."""

from aiohttp import web
from pydantic import ValidationError


def problem(status: int, code: str, reason: str) -> web.Response:
    """Return an answer that tells what is wrong."""
    return web.json_response({"code": code, "reason": reason}, status=status)


def explain(error: ValidationError) -> str:
    """Return what is wrong with the content, part by part."""
    return "; ".join(
        ": ".join([*(str(part) for part in detail["loc"]), detail["msg"]])
        for detail in error.errors(include_url=False, include_context=False, include_input=False)
    )
