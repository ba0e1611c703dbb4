"""AWS Signature Version 4 as its specification has it, from the standard library alone: what a gateway would compute.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

_AUTHORIZATION = re.compile(r"AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})")
_PATIENCE = 300.0


@dataclass(frozen=True)
class WireRequest:
    """A request byte for byte. The names of its headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    content: bytes = b""


@dataclass(frozen=True)
class Keys:
    """An access key and its secret; temporary ones have a session token."""

    access: str
    secret: str
    token: str | None = None


def signature(request: WireRequest, secret: str, scope: str, signed_headers: str) -> str:
    """Return the signature of a request. ``scope`` is date/region/service/aws4_request."""
    canonical = "\n".join(_canonical(request, signed_headers))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _keyed(key, part)
    return _keyed(key, "\n".join(["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, digest])).hex()


def fault_of(request: WireRequest, keys: Keys, region: str, service: str = "execute-api") -> str:
    """Return what is wrong with the signature of a request that has just come in; "" if nothing is."""
    told = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if told is None:
        return "Missing Authentication Token"
    credential, signed_headers, given = told.groups()
    at = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    scope = f"{at:%Y%m%d}/{region}/{service}/aws4_request"
    needed = {"host", "x-amz-date"} | ({"x-amz-security-token"} & request.headers.keys())
    if abs((datetime.now(UTC) - at).total_seconds()) > _PATIENCE:
        return "Signature expired"
    if credential != f"{keys.access}/{scope}" or request.headers.get("x-amz-security-token") != keys.token:
        return "The security token included in the request is invalid."
    if not needed <= set(signed_headers.split(";")):
        return "Headers are not signed"
    wanted = signature(request, keys.secret, scope, signed_headers)
    return "" if hmac.compare_digest(wanted, given) else "The request signature we calculated does not match\n\nGET"


def _canonical(request: WireRequest, signed_headers: str) -> list[str]:
    path, _, query = request.target.partition("?")
    # As the gateway reads it, with + for a blank, and written anew.
    pairs = sorted((_escaped(name), _escaped(value)) for name, value in parse_qsl(query, keep_blank_values=True))
    headers = [f"{name}:{' '.join(request.headers[name].split())}" for name in signed_headers.split(";")]
    return [
        request.method,
        # All services but S3 escape once more what came over the wire.
        quote(path, safe="/-_.~"),
        "&".join(f"{name}={value}" for name, value in pairs),
        *headers,
        "",
        signed_headers,
        hashlib.sha256(request.content).hexdigest(),
    ]


def _escaped(text: str) -> str:
    return quote(text, safe="-_.~")


def _keyed(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
