"""Whether requests are signed. Where they are not, botocore is not needed."""

import re

import httpx

from rialto_client.errors import SigningError
from rialto_client.settings import NO_SIGNATURE, read_sign

_GATEWAY = re.compile(r"[^.]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com")
_NO_CREDENTIALS = """There are no AWS credentials to sign with: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and \
AWS_SECRET_ACCESS_KEY."""


def choose_auth(sign: str | None, url: httpx.URL) -> httpx.Auth | None:
    """Return what signs the requests to the URL, as :func:`read_sign` says; None if they are not to be signed.

    Where the URL decides, requests are signed if it is API Gateway's own and there are AWS credentials.

    Raises:
        ValueError: if that is no region.
        SigningError: if they are to be signed, and there is no botocore, or there are no credentials.
    """
    wanted = read_sign(sign)
    region = wanted or _region_of(url)
    if region in ("", NO_SIGNATURE):
        return None
    try:
        from rialto_client.signature import SignedBy, find_credentials  # noqa: PLC0415 - it needs the extra `aws`
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "botocore":
            raise
        if not wanted:
            return None
        raise SigningError("Requests are signed with botocore: pip install 'rialto-client[aws]'.") from None
    credentials = find_credentials()
    if credentials is not None:
        return SignedBy(credentials, region)
    if not wanted:
        return None
    raise SigningError(_NO_CREDENTIALS)


def _region_of(url: httpx.URL) -> str:
    found = _GATEWAY.fullmatch(url.host) if url.scheme == "https" else None
    return found[1] if found else ""
