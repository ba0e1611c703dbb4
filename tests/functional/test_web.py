"""The files of the web page, as API Gateway asks for them. No table and no queue is needed."""

from __future__ import annotations

import re

import pytest
from chalice.local import LambdaContext, LambdaEventConverter, RouteMatcher

from app import app
from chalicelib.core.files import read_files
from chalicelib.web.routes import FOLDER
from tests.functional.gateway import Answer, Gateway

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FILES = read_files(FOLDER)
SCRIPTS = sorted(FOLDER.glob("*.js"))


@pytest.fixture(scope="module")
def gateway() -> Gateway:
    return Gateway()


def get(gateway: Gateway, path: str, **headers: str) -> Answer:
    return gateway.send("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})


class TestFiles:
    def test_the_root_is_the_page(self, gateway: Gateway) -> None:
        answer = get(gateway, "/")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert answer.text == (FOLDER / "index.html").read_text()

    @pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
    def test_every_file_is_sent_as_what_it_is(self, gateway: Gateway, name: str) -> None:
        answer = get(gateway, f"/web/{name}")
        assert (answer.status, answer.text) == (200, (FOLDER / name).read_text())
        assert answer.headers["Content-Type"].split(";")[0] == TYPES[f".{name.rpartition('.')[2]}"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize(
        "name",
        ["nothing.js", "routes.py", "..%2froutes.py", "%2e%2e%2f%2e%2e%2fapp.py", "%2fetc%2fpasswd", "..", "app.js%00"],
    )
    def test_any_other_name_is_a_problem(self, gateway: Gateway, name: str) -> None:
        answer = get(gateway, f"/web/{name}")
        assert (answer.status, answer.content["code"]) == (404, "unknown_file")
        assert answer.headers["Content-Type"] == "application/problem+json"

    def test_nothing_but_the_folder_is_served(self) -> None:
        assert set(FILES) == {path.name for path in FOLDER.iterdir()}


class TestCaching:
    @pytest.mark.parametrize("path", ["/", "/web/app.js"])
    def test_what_is_known_is_not_sent_again(self, gateway: Gateway, path: str) -> None:
        first = get(gateway, path)
        assert first.headers["Cache-Control"] == "no-cache"
        etag = first.headers["ETag"]
        for condition in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            again = get(gateway, path, if_none_match=condition)
            assert (again.status, again.text) == (304, "")
            assert again.headers["ETag"] == etag
            assert again.headers["Content-Type"] == first.headers["Content-Type"]

    def test_what_changed_is_sent(self, gateway: Gateway) -> None:
        assert get(gateway, "/web/app.js", if_none_match='"other"').status == 200

    def test_every_file_has_a_tag_of_its_own(self) -> None:
        assert len({file.etag for file in FILES.values()}) == len(FILES)


class TestPolicy:
    @pytest.mark.parametrize("path", ["/", "/web/app.js", "/web/base.css", "/web/mark.svg"])
    def test_nothing_comes_from_elsewhere_and_nothing_is_inline(self, gateway: Gateway, path: str) -> None:
        headers = get(gateway, path).headers
        directives = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
        assert directives == POLICY
        assert headers["Referrer-Policy"] == "no-referrer"

    def test_the_page_has_no_inline_script_style_or_handler(self) -> None:
        page = FILES["index.html"].text
        assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", page) == []

    def test_every_address_is_relative_so_that_a_stage_prefix_does_no_harm(self) -> None:
        page = FILES["index.html"].text
        addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
        assert addresses
        assert [address for address in addresses if not re.match("web/|#|docs$", address)] == []

    def test_no_script_turns_text_into_markup_or_names_another_host(self) -> None:
        forbidden = re.compile(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://"
        )
        namespace = "http://www.w3.org/2000/svg"
        found = {path.name: forbidden.findall(path.read_text().replace(namespace, "")) for path in SCRIPTS}
        assert {name: words for name, words in found.items() if words} == {}


class TestSize:
    def test_all_scripts_together_stay_below_100_kilobytes(self) -> None:
        assert sum(path.stat().st_size for path in SCRIPTS) <= 100_000

    def test_every_script_fits_on_a_few_screens(self) -> None:
        assert {path.name: lines for path in SCRIPTS if (lines := len(path.read_text().splitlines())) > 200} == {}

    def test_every_module_is_fetched_ahead(self) -> None:
        # Without it the browser finds them one import after the other, each a round trip later.
        page = FILES["index.html"].text
        modules = {path.name for path in SCRIPTS} - {"app.js", "theme.js"}
        assert set(re.findall(r'rel="modulepreload" href="web/([^"]+)"', page)) == modules


class TestStage:
    @pytest.mark.parametrize(("path", "status", "location"), [("/rialto", 307, "rialto/"), ("/rialto/", 200, None)])
    def test_a_stage_without_its_slash_leads_to_the_one_with_it(
        self, path: str, status: int, location: str | None
    ) -> None:
        event = LambdaEventConverter(RouteMatcher(list(app.routes))).create_lambda_event("GET", "/", {}, b"")
        event["requestContext"]["path"] = path
        answer = app(event, LambdaContext("api_handler", 512))
        assert (answer["statusCode"], answer["headers"].get("Location")) == (status, location)
