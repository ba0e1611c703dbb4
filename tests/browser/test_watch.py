"""The broker's pages are told what changes: they need no reload, and ask for nothing while nothing happens."""

from __future__ import annotations

from playwright.sync_api import Page, Route, expect

from tests.browser.visit import Visit
from tests.e2e.stack import Stack

GAP = "An order that may still change is no longer among the 100 newest. It is not followed any more."


def watch(page: Page, answers: int) -> None:
    """Wait for so many answers to the watching page."""
    for _ in range(answers):
        with page.expect_response("**/orders/events*"):
            pass


def requests_of(page: Page) -> list[str]:
    """Return the addresses that the page asks for from now on, as it does."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


def test_an_order_page_shows_a_change_without_reload_and_without_polling(visit: Visit, stack: Stack) -> None:
    order_id = stack.submit()["id"]
    stack.wait_for(order_id, "NEW")
    page = visit.open(f"order/{order_id}")
    expect(page.locator(".facts .status")).to_have_text("New")
    page.evaluate("window.untouched = true")
    # The first answer tells how the order stands, and is read for; the next ones tell nothing.
    watch(page, 2)
    asked = requests_of(page)

    watch(page, 2)
    assert [url for url in asked if "orders/events" not in url] == []
    stack.cancel(order_id)

    expect(page.locator(".facts .status")).to_have_text("Canceled")
    expect(page.locator(".timeline [data-cause=canceled]")).to_have_count(1)
    assert page.evaluate("window.untouched")


def test_the_list_shows_new_orders_and_changes_as_they_are_told(visit: Visit, stack: Stack) -> None:
    first = stack.submit()["id"]
    page = visit.open("broker")
    expect(page.locator(f"[data-key='{first}'] .status")).to_have_text("New")
    asked = requests_of(page)

    second = stack.submit()["id"]
    stack.cancel(first)

    expect(page.locator("tbody tr").first).to_have_attribute("data-key", second)
    expect(page.locator(f"[data-key='{second}'] .status")).to_have_text("New")
    expect(page.locator(f"[data-key='{first}'] .status")).to_have_text("Canceled")
    assert [url for url in asked if "orders/events" not in url] == []


def test_what_changes_leaves_and_enters_a_filtered_list(visit: Visit, stack: Stack) -> None:
    order_id = stack.submit()["id"]
    stack.wait_for(order_id, "NEW")
    page = visit.open("broker")
    row = page.locator(f"[data-key='{order_id}']")
    page.get_by_label("Status").select_option("New")
    expect(row).to_be_visible()

    stack.cancel(order_id)

    expect(row).to_have_count(0)
    page.get_by_label("Status").select_option("Canceled")
    expect(row).to_be_visible()


def test_what_was_missed_is_told_in_words(visit: Visit, stack: Stack) -> None:
    def tell_a_gap(route: Route) -> None:
        answer = route.fetch()
        gap = f'event: gap\ndata: {{"id": null, "missed": 1, "detail": "{GAP}"}}\n\n'
        route.fulfill(response=answer, body=answer.text() + gap)

    visit.page.route("**/orders/events*", tell_a_gap)
    page = visit.open("broker")

    expect(page.get_by_text(GAP)).to_be_visible()


def test_without_events_the_page_asks_by_itself_as_before(visit: Visit, stack: Stack) -> None:
    visit.page.route("**/orders/events*", lambda route: route.fulfill(status=503, body="{}"))
    order_id = stack.submit()["id"]
    stack.wait_for(order_id, "NEW")
    page = visit.open(f"order/{order_id}")
    expect(page.locator(".facts .status")).to_have_text("New")

    stack.cancel(order_id)

    expect(page.locator(".facts .status")).to_have_text("Canceled")


def test_who_leaves_watches_no_longer(visit: Visit, stack: Stack) -> None:
    page = visit.open("broker")
    watch(page, 1)
    page.evaluate("location.hash = '#/operations'")
    expect(page.locator("main[data-view=operations]")).to_be_visible()
    asked = requests_of(page)

    for _ in range(3):
        with page.expect_response("**/operations/queues"):
            pass

    assert [url for url in asked if "orders/events" in url] == []
