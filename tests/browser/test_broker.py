"""The broker's page: a ticket that tells what is wrong with it, orders that live, and their timelines."""

from __future__ import annotations

from playwright.sync_api import Page, Route, expect

from tests.browser.visit import Visit
from tests.e2e.stack import ISIN, Stack


def fill_ticket(page: Page, quantity: str = "3", price: str = "101.25") -> None:
    page.get_by_label("Instrument").fill(ISIN)
    page.get_by_label("Quantity").fill(quantity)
    page.get_by_label("Limit price").fill(price)


class TestTicket:
    def test_what_the_api_says_of_a_field_stands_beside_it(self, visit: Visit) -> None:
        page = visit.open("broker")
        page.get_by_label("Instrument").fill("TOO SHORT")
        page.get_by_label("Quantity").fill("1.5")
        page.get_by_role("button", name="Submit order").click()
        wanted = {
            "instrument": "Input should have exactly 12 characters",
            "limit_price": "Attribute `limit_price` is required for type `limit`",
            "quantity": "Input should be a valid integer",
        }
        for name, message in wanted.items():
            expect(page.locator(f"[data-field={name}] .error")).to_contain_text(message)
        expect(page.get_by_text("Not sent: 3 fields need another look.")).to_be_visible()
        expect(page.get_by_label("Instrument")).to_be_focused()
        expect(page.get_by_label("Instrument")).to_have_attribute("aria-invalid", "true")

    def test_an_order_is_accepted_listed_and_followed_to_the_exchange(self, visit: Visit, stack: Stack) -> None:
        page = visit.open("broker")
        fill_ticket(page)
        page.get_by_role("button", name="Submit order").click()
        follow = page.get_by_role("link", name="Follow order")
        follow.wait_for()
        order_id = str(follow.get_attribute("href")).removeprefix("#/order/")
        row = page.locator(f"[data-key='{order_id}']")
        expect(row).to_contain_text("101.25")
        expect(row.locator(".status")).to_have_text("New")
        placed = stack.order(order_id)
        assert (placed["side"], placed["limit_price"], placed["quantity"]) == ("buy", 101.25, 3)

    def test_a_market_order_has_no_limit_price(self, visit: Visit, stack: Stack) -> None:
        page = visit.open("broker")
        fill_ticket(page)
        page.get_by_role("radio", name="Market").check()
        expect(page.get_by_label("Limit price")).to_be_hidden()
        page.get_by_role("radio", name="Sell").check()
        page.get_by_role("button", name="Submit order").click()
        href = str(page.get_by_role("link", name="Follow order").get_attribute("href"))
        placed = stack.order(href.removeprefix("#/order/"))
        assert (placed["type"], placed["side"], placed["limit_price"]) == ("market", "sell", None)

    def test_the_key_of_a_submission_is_kept_until_an_answer_came(self, visit: Visit) -> None:
        page = visit.open("broker")
        keys: list[str | None] = []

        def lose_the_answer(route: Route) -> None:
            keys.append(route.request.headers.get("idempotency-key"))
            if len(keys) == 1:
                route.fetch()
                route.abort()
            else:
                route.continue_()

        page.route(
            "**/orders", lambda route: lose_the_answer(route) if route.request.method == "POST" else route.continue_()
        )
        fill_ticket(page, quantity="77")
        said = page.locator("form .said")
        for wanted in ("No answer came. It may have arrived all the same", "Accepted. Follow order"):
            page.get_by_role("button", name="Submit order").click()
            expect(said).to_contain_text(wanted)
        with page.expect_response("**/orders"):
            page.get_by_role("button", name="Submit order").click()
        first, again, another = keys
        assert first == again != another
        assert first is not None


class TestOrders:
    def test_the_filter_shows_orders_of_one_status(self, visit: Visit, stack: Stack) -> None:
        order_id = stack.submit()["id"]
        stack.wait_for(order_id, "NEW")
        canceled = stack.submit()["id"]
        stack.wait_for(canceled, "NEW")
        stack.cancel(canceled)
        stack.wait_for(canceled, "CANCELED")
        page = visit.open("broker")
        page.get_by_label("Status").select_option("Canceled")
        expect(page.locator(f"[data-key='{canceled}']")).to_be_visible()
        expect(page.locator(f"[data-key='{order_id}']")).to_have_count(0)
        assert set(page.locator("tbody .status").all_text_contents()) == {"Canceled"}
        page.reload()
        expect(page.get_by_label("Status")).to_have_value("CANCELED")

    def test_the_timeline_tells_every_attempt_with_its_time_and_goes_on_by_itself(
        self, visit: Visit, stack: Stack
    ) -> None:
        stack.exchange.behave("down")
        order_id = stack.submit()["id"]
        page = visit.open(f"order/{order_id}")
        steps = page.locator(".timeline li")
        expect(steps.nth(0)).to_contain_text("+0.000 s")
        expect(steps.nth(0)).to_contain_text("Accepted")
        expect(steps.nth(1)).to_contain_text("Exchange unavailable")
        expect(steps.nth(1)).to_contain_text("attempt 1")
        expect(steps.nth(1).locator(".took")).to_contain_text(" ms")
        stack.exchange.behave("normal")
        expect(page.locator(".timeline [data-cause=placed]")).to_contain_text("Placed at the exchange")
        expect(page.locator(".facts .status")).to_have_text("New")

    def test_a_cancel_is_carried_out_and_a_second_one_is_told_to_be_too_late(self, visit: Visit, stack: Stack) -> None:
        order_id = stack.submit()["id"]
        stack.wait_for(order_id, "NEW")
        page = visit.open(f"order/{order_id}")
        page.get_by_role("button", name="Cancel order").click()
        expect(page.locator(".facts .status")).to_have_text("Canceled")
        page.get_by_role("button", name="Cancel order").click()
        expect(page.get_by_text("The order is CANCELED and cannot be canceled any more.")).to_be_visible()

    def test_an_order_that_does_not_exist_is_told(self, visit: Visit) -> None:
        page = visit.open("order/00000000-0000-0000-0000-000000000000")
        expect(page.get_by_role("alert")).to_contain_text("There is no order")
