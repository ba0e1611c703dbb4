"""Requests are signed so that a gateway that follows the specification takes them, and no other."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import ClientError, TokenRetrievalError
from rialto_client import (
    BrokerOrderRequest,
    Client,
    Direction,
    PositionViewRequest,
    RefusedError,
    SigningError,
)
from rialto_client.settings import read_sign
from rialto_client.signature import SignedBy
from rialto_client.signing import choose_auth

from tests.unit.client.conftest import QUICK, SHORT
from tests.unit.client.market_server import resets
from tests.unit.client.signing_server import KEYS, REGION, TEMPORARY, SigningServer
from tests.unit.client.sigv4 import Keys, WireRequest, fault_of, signature

pytestmark = pytest.mark.anyio

GATEWAY = httpx.URL("https://abc123.execute-api.eu-central-1.amazonaws.com/rialto")
HOSTILE = ["Holland Proctor", "a+b", "a&b=c", "50%", "%20", "Zoë 日本", "*'()!,;:@$/?#[]~-._", "=", '"<>\\^`{|}']
ORDER = BrokerOrderRequest(side=Direction.BUY, instrument="DE0007664039", quantity=3)


class Held:
    """Credentials as botocore holds those that run out: had anew whenever they are asked for."""

    def __init__(self, had: Callable[[], Keys]) -> None:
        self._had = had

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        keys = self._had()
        return ReadOnlyCredentials(keys.access, keys.secret, keys.token)


def signed_by(keys: Keys, region: str = REGION) -> SignedBy:
    return SignedBy(Credentials(keys.access, keys.secret, keys.token), region)


def renewed(had: Callable[[], Keys]) -> SignedBy:
    return SignedBy(cast("Credentials", Held(had)), REGION)


def refused(error: Exception) -> Callable[[], Keys]:
    def had() -> Keys:
        raise error

    return had


@pytest.fixture(params=[KEYS, TEMPORARY], ids=["lasting", "temporary"])
async def client(gateway: SigningServer, request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """A client that signs, with keys of either kind."""
    gateway.accepted = request.param
    async with Client(gateway.url, timeout=SHORT, retries=QUICK, auth=signed_by(request.param)) as connected:
        yield connected


@pytest.fixture
def aws(no_credentials: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment with temporary credentials."""
    no_credentials.setenv("AWS_ACCESS_KEY_ID", TEMPORARY.access)
    no_credentials.setenv("AWS_SECRET_ACCESS_KEY", TEMPORARY.secret)
    no_credentials.setenv("AWS_SESSION_TOKEN", TEMPORARY.token or "")
    return no_credentials


@pytest.mark.parametrize(
    ("target", "headers", "service", "published"),
    [
        ("/", {}, "service", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            "/?Param2=value2&Param1=value1",
            {},
            "service",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "/?Action=ListUsers&Version=2010-05-08",
            {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "host": "iam.amazonaws.com"},
            "iam",
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        ),
    ],
)
def test_the_check_itself_agrees_with_the_examples_that_aws_published(
    target: str, headers: dict[str, str], service: str, published: str
) -> None:
    sent = {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z", **headers}
    scope = f"20150830/us-east-1/{service}/aws4_request"

    assert signature(WireRequest("GET", target, sent), KEYS.secret, scope, ";".join(sorted(sent))) == published


@pytest.mark.parametrize("text", HOSTILE)
async def test_queries_are_signed_whatever_is_in_them(client: Client, gateway: SigningServer, text: str) -> None:
    await client.view_positions(PositionViewRequest(user=text, strategy="S"))

    assert gateway.seen[0].query["user"] == text


@pytest.mark.parametrize("text", HOSTILE)
async def test_paths_are_signed_whatever_is_in_them(client: Client, text: str) -> None:
    with pytest.raises(RefusedError) as caught:
        await client.view_broker_order(text)

    assert caught.value.status == 404


async def test_a_query_is_sent_as_it_is_signed_and_a_name_without_a_value_too() -> None:
    sent = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.url.query)
        return httpx.Response(200)

    with httpx.Client(transport=httpx.MockTransport(answer), auth=signed_by(KEYS)) as http:
        http.get("https://api.example/orders?dry&b=x+y&a=(%7e)&b=%2B")
        http.get("https://api.example/orders")

    assert sent == [b"dry=&b=x%20y&a=%28~%29&b=%2B", b""]


async def test_bodies_and_empty_ones_are_signed(client: Client, gateway: SigningServer) -> None:
    placed = await client.place_broker_order(ORDER)
    await client.cancel_broker_order(placed.id)

    assert json.loads(gateway.seen[0].content)["quantity"] == 3
    assert gateway.seen[1].content == b""


async def test_watching_is_signed(client: Client, gateway: SigningServer) -> None:
    order = gateway.make()
    gateway.news = [[gateway.change(order, "accepted")], [gateway.change(order, "placed", status="NEW")]]
    watch = client.watch_orders([order["id"]])

    await anext(watch)
    await anext(watch)

    assert gateway.seen[1].headers["last-event-id"] == "1"


async def test_each_attempt_is_signed_anew(gateway: SigningServer) -> None:
    keys = [TEMPORARY, Keys("ASIANEXT", "another", "token-2"), Keys("ASIALAST", "third", "token-3")]
    gateway.faults.extend([resets, resets])
    coming = iter(keys)

    def had() -> Keys:
        gateway.accepted = next(coming)
        return gateway.accepted

    async with Client(gateway.url, timeout=SHORT, retries=QUICK, auth=renewed(had)) as client:
        placed = await client.place_broker_order(ORDER)

    assert placed.quantity == 3
    assert [request.headers["x-amz-security-token"] for request in gateway.seen] == [one.token for one in keys]
    assert len({request.headers["idempotency-key"] for request in gateway.seen}) == 1


def change_body(request: httpx.Request) -> httpx.Request:
    return httpx.Request("POST", request.url, headers=request.headers, content=request.content.replace(b"3", b"4"))


def change_query(request: httpx.Request) -> httpx.Request:
    return httpx.Request("POST", str(request.url) + "?a=b", headers=request.headers, content=request.content)


def change_token(request: httpx.Request) -> httpx.Request:
    request.headers["X-Amz-Security-Token"] = "another"
    return request


def change_type(request: httpx.Request) -> httpx.Request:
    request.headers["Content-Type"] = "text/plain"
    return request


@pytest.mark.parametrize("change", [change_body, change_query, change_token, change_type])
async def test_what_is_changed_on_the_way_is_refused(
    gateway: SigningServer, change: Callable[[httpx.Request], httpx.Request]
) -> None:
    gateway.accepted = TEMPORARY
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    request = httpx.Request("POST", f"{gateway.url}/orders", content=ORDER.model_dump_json(), headers=headers)
    signed = next(signed_by(TEMPORARY).sync_auth_flow(request))

    with httpx.Client() as http:
        assert http.send(signed).status_code == 201
        answer = http.send(change(signed))

    assert answer.status_code == 403


@pytest.mark.parametrize(
    "auth",
    [None, signed_by(Keys(KEYS.access, "wrong")), signed_by(KEYS, "us-east-1"), signed_by(TEMPORARY)],
    ids=["unsigned", "wrong secret", "wrong region", "stranger"],
)
async def test_without_the_right_signature_nothing_is_done(gateway: SigningServer, auth: httpx.Auth | None) -> None:
    async with Client(gateway.url, auth=auth, sign="none") as client:
        with pytest.raises(RefusedError) as caught:
            await client.place_broker_order(ORDER)

    assert (caught.value.status, len(gateway.seen)) == (403, 1)


async def test_of_a_wrong_signature_the_reason_is_told_and_no_headers(gateway: SigningServer) -> None:
    async with Client(gateway.url, auth=signed_by(Keys(KEYS.access, "wrong"))) as client:
        with pytest.raises(RefusedError) as caught:
            await client.check_health()

    assert str(caught.value) == "403 The request signature we calculated does not match"


async def test_requests_without_asyncio_are_signed_too(gateway: SigningServer) -> None:
    with httpx.Client(auth=signed_by(KEYS), base_url=gateway.url) as http:
        assert http.get("/health").status_code == 200


async def test_bodies_that_come_in_parts_are_signed_as_a_whole() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"some"
        yield b"thing"

    sent = [
        next(signed_by(KEYS).sync_auth_flow(httpx.Request("POST", GATEWAY, content=iter([b"some", b"thing"])))),
        await anext(signed_by(KEYS).async_auth_flow(httpx.Request("POST", GATEWAY, content=parts()))),
    ]

    for one in sent:
        headers = {name.lower(): value for name, value in one.headers.items()}
        assert fault_of(WireRequest("POST", GATEWAY.path, headers, b"something"), KEYS, REGION) == ""


@pytest.mark.parametrize(
    "error",
    [
        TokenRetrievalError(provider="sso", error_msg="Token has expired."),
        ClientError({"Error": {"Code": "AccessDenied", "Message": "No."}}, "AssumeRole"),
    ],
)
async def test_credentials_that_cannot_be_had_anew_end_the_call_at_once(
    gateway: SigningServer, error: Exception
) -> None:
    async with Client(gateway.url, retries=QUICK, auth=renewed(refused(error))) as client:
        with pytest.raises(SigningError, match=r"^The AWS credentials cannot be read: .*[^.]\.$"):
            await client.check_health()

    assert gateway.seen == []


async def test_others_go_on_while_credentials_are_had_anew(gateway: SigningServer) -> None:
    reached = threading.Event()

    def had() -> Keys:
        assert reached.wait(5), "the event loop stands still"
        return KEYS

    async with Client(gateway.url, auth=renewed(had)) as client:
        asyncio.get_running_loop().call_later(0.01, reached.set)
        assert (await client.check_health()).is_ok


@pytest.mark.parametrize(
    ("given", "environment", "chosen"),
    [
        (None, None, ""),
        ("", " ", ""),
        ("eu-central-1", None, "eu-central-1"),
        (None, " us-gov-west-1 ", "us-gov-west-1"),
        ("none", "eu-central-1", "none"),
        ("eu-central-1", "none", "eu-central-1"),
        (None, "none", "none"),
    ],
)
def test_what_is_given_wins_over_the_environment(
    monkeypatch: pytest.MonkeyPatch, given: str | None, environment: str | None, chosen: str
) -> None:
    monkeypatch.delenv("RIALTO_SIGN", raising=False)
    if environment is not None:
        monkeypatch.setenv("RIALTO_SIGN", environment)

    assert read_sign(given) == chosen


@pytest.mark.parametrize("given", ["yes", "queues", "eu-central", "EU-CENTRAL-1", "eu-central-1a", "NONE"])
def test_what_is_no_region_is_refused_at_once(given: str) -> None:
    with pytest.raises(ValueError, match=f"'{given}' is no region"):
        Client(sign=given)


@pytest.mark.parametrize(
    "url",
    [
        "http://abc123.execute-api.eu-central-1.amazonaws.com/rialto",
        "https://abc123.execute-api.eu-central-1.amazonaws.com.example/rialto",
        "https://execute-api.eu-central-1.amazonaws.com/rialto",
        "https://s3.eu-central-1.amazonaws.com/rialto",
        "https://rialto.example/abc123.execute-api.eu-central-1.amazonaws.com",
    ],
)
def test_only_requests_to_the_gateway_itself_are_signed_unasked(aws: pytest.MonkeyPatch, url: str) -> None:
    assert choose_auth(None, httpx.URL(url)) is None


async def scopes(url: httpx.URL | str = GATEWAY, **settings: Any) -> list[str | None]:
    """Return the region and the token with which a client signs; nothing if it does not."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"status": "ok", "tables": {}})

    async with Client(str(url), transport=httpx.MockTransport(answer), **settings) as client:
        await client.check_health()
    headers = seen[0].headers
    if "Authorization" not in headers:
        return []
    return [headers["Authorization"].split("/")[2], headers.get("X-Amz-Security-Token")]


async def test_a_client_of_the_gateway_signs_for_the_region_of_its_url(aws: pytest.MonkeyPatch) -> None:
    assert await scopes() == ["eu-central-1", TEMPORARY.token]


async def test_it_can_be_told_not_to_and_by_the_environment(aws: pytest.MonkeyPatch) -> None:
    assert await scopes(sign="none") == []
    aws.setenv("RIALTO_SIGN", "none")
    assert await scopes() == []


async def test_other_urls_are_signed_for_the_region_that_is_given(aws: pytest.MonkeyPatch) -> None:
    assert await scopes("https://rialto.example") == []
    assert await scopes("https://rialto.example", sign="us-east-1") == ["us-east-1", TEMPORARY.token]
    aws.setenv("RIALTO_SIGN", "us-west-2")
    assert await scopes("https://rialto.example") == ["us-west-2", TEMPORARY.token]
    assert await scopes() == ["us-west-2", TEMPORARY.token]


async def test_what_is_given_as_auth_signs_instead(aws: pytest.MonkeyPatch) -> None:
    assert await scopes(auth=signed_by(KEYS, "ap-south-1"), sign="us-east-1") == ["ap-south-1", None]


async def test_without_credentials_nothing_is_signed_unless_it_is_asked_for(no_credentials: pytest.MonkeyPatch) -> None:
    assert await scopes() == []
    with pytest.raises(SigningError, match=r"no AWS credentials to sign with: set AWS_PROFILE"):
        Client(str(GATEWAY), sign="eu-central-1")


async def test_a_profile_that_there_is_not_is_told(no_credentials: pytest.MonkeyPatch) -> None:
    no_credentials.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(SigningError, match=r"cannot be read: .*nobody.* could not be found\.$"):
        Client(str(GATEWAY))
    assert await scopes("https://rialto.example") == []


async def test_without_botocore_nothing_is_signed_unless_it_is_asked_for(aws: pytest.MonkeyPatch) -> None:
    aws.delitem(sys.modules, "rialto_client.signature")
    for name in ("botocore", "botocore.auth"):
        aws.setitem(sys.modules, name, cast("Any", None))

    assert await scopes() == []
    with pytest.raises(SigningError, match=r"pip install 'rialto-client\[aws\]'"):
        Client(str(GATEWAY), sign="eu-central-1")


def test_who_does_not_sign_does_not_load_botocore() -> None:
    script = "import sys, rialto_client, rialto_client.cli.app; rialto_client.Client('http://127.0.0.1:1')\n"
    script += "print([name for name in sys.modules if name.partition('.')[0] in ('boto3', 'botocore')])"
    path = {"PYTHONPATH": str(Path(__file__).parents[3] / "client" / "src")}

    run = subprocess.run([sys.executable, "-c", script], env=path, capture_output=True, text=True, check=True)

    assert run.stdout == "[]\n"
