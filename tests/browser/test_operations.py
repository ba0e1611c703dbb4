"""The page of the people on call: queues, dead letters and their way back, invariants, the local exchange."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Response, Route, expect

from tests.browser.visit import Visit
from tests.e2e.stack import Stack, eventually

CONTROL = "/_local/exchange/control"


def test_a_dead_letter_shows_its_reason_and_is_redriven(visit: Visit, stack: Stack) -> None:
    stack.exchange.behave("down")
    order_id = stack.submit()["id"]
    # As if its worker had failed again and again; tests/e2e waits for retries to be used up in truth.
    dead_letters = stack.deployment.outputs["PlacementsDeadLetterQueue"]
    stack.sqs.send_message(QueueUrl=dead_letters, MessageBody=json.dumps({"order_id": order_id}))
    page = visit.open("operations")
    # Other queues may hold letters of other tests.
    link = page.locator(f"a[href='#/order/{order_id}']")
    letter = visit.section("Dead letters").locator("tbody tr").filter(has=link)
    expect(letter).to_contain_text("worker failed")
    expect(visit.section("Queues").get_by_role("row", name="placements").locator(".alarm")).to_have_text("1")

    stack.exchange.behave("normal")
    page.get_by_role("button", name="Redrive 1 letter of placements").click()
    expect(page.get_by_text("1 letter of placements sent on the way again.")).to_be_visible()
    expect(letter).to_have_count(0)
    stack.wait_for(order_id, "NEW")


def test_the_invariants_are_checked_at_a_click(visit: Visit, stack: Stack) -> None:
    before = stack.http.get("/operations/invariants").json()
    page = visit.open("operations")
    page.get_by_role("button", name="Check the invariants now").click()
    expect(visit.section("Invariants").locator("li")).to_have_count(len(before["invariants"]))
    expect(visit.section("Invariants").locator("[data-holds=false]")).to_have_count(0)

    def look() -> str:
        stack.sweep()
        as_of: str = stack.http.get("/operations/invariants").json()["as_of"]
        return as_of

    eventually(look, lambda as_of: as_of != before["as_of"])


@pytest.mark.parametrize(
    ("label", "mode"), [("Down", "down"), ("Slow", "slow_before"), ("Loses answers", "fail_after")]
)
def test_a_switch_changes_what_the_local_exchange_does(visit: Visit, stack: Stack, label: str, mode: str) -> None:
    page = visit.open("operations")
    for name, wanted in ((label, mode), ("Normal", "normal")):
        with page.expect_response(_is_the_change):
            page.get_by_role("radio", name=name).check()
        expect(page.get_by_role("radio", name=name)).to_be_checked()
        assert stack.exchange.http.get("/control").json()["mode"] == wanted


def test_an_answer_that_was_asked_for_before_the_change_does_not_undo_it(visit: Visit, stack: Stack) -> None:
    page = visit.open("operations")
    down = page.get_by_role("radio", name="Down")
    expect(down).to_be_visible()
    held: list[Route] = []

    def hold_a_look(route: Route) -> None:
        if route.request.method == "GET" and not held:
            held.append(route)
        else:
            route.continue_()

    page.route(f"**{CONTROL}", hold_a_look)
    with page.expect_request(f"**{CONTROL}"):
        pass
    with page.expect_response(_is_the_change):
        down.check()
    with page.expect_response(f"**{CONTROL}"):
        held[0].fulfill(json={"mode": "normal"})
    # What it would do, it would do at once; the next look is seconds away.
    page.wait_for_timeout(200)
    assert down.is_checked()
    stack.exchange.behave("normal")


def _is_the_change(response: Response) -> bool:
    return response.request.method == "PUT" and response.url.endswith(CONTROL)


def test_where_there_is_no_local_exchange_there_are_no_switches(visit: Visit) -> None:
    asked = []

    def no_such_route(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=404, json={"status": 404, "code": "no_such_route", "detail": "There is no such route."})

    visit.page.route("**/_local/**", no_such_route)
    page = visit.open("operations")
    expect(visit.section("Invariants").locator("li")).not_to_have_count(0)
    assert asked
    expect(page.get_by_role("region", name="Local exchange")).to_be_hidden()
