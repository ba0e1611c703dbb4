"""The art market as its people see it: look, offer, bid, buy, cancel."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Visiting
from tests.browser.offers import SELLER, offer, order
from tests.browser.scene import WORKS
from tests.browser.visit import Visit
from tests.e2e.stack import Stack, eventually

BUYER = 42


@pytest.mark.usefixtures("scene")
class TestWall:
    def test_works_are_sorted_by_price_in_either_direction(self, visit: Visit) -> None:
        page = visit.open("gallery")
        prices = page.locator(".piece .price")

        def seen() -> list[float]:
            return [float(text.replace(",", "")) for text in prices.all_text_contents()]

        page.get_by_role("radio", name="Price, low first").check()
        eventually(seen, lambda shown: bool(shown) and shown == sorted(shown), within=20)
        page.get_by_role("radio", name="Price, high first").check()
        eventually(seen, lambda shown: bool(shown) and shown == sorted(shown, reverse=True), within=20)
        assert page.url.endswith("#/gallery?sort=price_desc")

    def test_the_wall_goes_on_as_one_scrolls(self, visit: Visit) -> None:
        page = visit.open("gallery")
        expect(page.locator(".piece")).not_to_have_count(0)

        def titles() -> set[str]:
            page.mouse.wheel(0, 20_000)
            return set(page.locator(".piece .title").all_text_contents())

        eventually(titles, lambda shown: {title for title, _, _ in WORKS} <= shown)
        assert page.locator(".piece").count() > 24
        orders = page.locator(".wall li").evaluate_all("(items) => items.map((item) => item.dataset.key)")
        assert len(set(orders)) == len(orders)

    def test_the_end_of_the_wall_is_told(self, visit: Visit) -> None:
        def last_page(route: Route) -> None:
            answer = route.fetch()
            route.fulfill(response=answer, json={**answer.json(), "next_cursor": None})

        visit.page.route("**/market/artworks?*", last_page)
        page = visit.open("gallery")
        expect(page.locator(".foot")).to_have_text("24 works are for sale. That is all.")

    def test_a_new_offer_comes_up_by_itself(self, visit: Visit, stack: Stack, work: int) -> None:
        visit.page.clock.install()
        page = visit.open("gallery")
        expect(page.locator(".piece")).not_to_have_count(0)
        offer(stack, work, 17, title="Just Hung", artist="N. N.")
        page.clock.run_for(5_000)
        expect(page.locator(".piece .title").first).to_have_text("Just Hung")


class TestPictures:
    def test_a_work_has_the_same_picture_always_and_another_one_than_its_neighbour(
        self, visiting: Visiting, stack: Stack, work: int
    ) -> None:
        offer(stack, work, 5)
        seen = []
        for number in (work, work, work + 1):
            page = visiting().open(f"work/{number}")
            seen.append(page.locator(".hung img").get_attribute("src"))
            assert page.locator(".hung img").evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 300
        assert seen[0] == seen[1] != seen[2]

    def test_a_picture_elsewhere_is_a_link_and_is_not_asked_for(self, visit: Visit, stack: Stack, work: int) -> None:
        address = "https://pictures.example.org/a.jpg?x=1"
        offer(stack, work, 5, title="T", artist="A", image_url=address)
        link = visit.open(f"work/{work}").get_by_role("link", name="See the original at pictures.example.org")
        assert link.get_attribute("href") == address
        assert link.get_attribute("rel") == "noopener noreferrer"


class TestTrading:
    def test_a_work_is_offered_with_its_title_and_hangs_on_the_wall(
        self, visit: Visit, stack: Stack, work: int
    ) -> None:
        page = visit.open("offer", user=SELLER)
        for label, text in {
            "Number of the work": str(work),
            "Title": "Low Tide",
            "Artist": "Ines C.",
            "Description (optional)": "Oil on board.",
            "Price": "1250.5",
        }.items():
            page.get_by_label(label).fill(text)
        page.get_by_role("button", name="Offer it").click()
        expect(page.get_by_text("Offered for 1,250.50.")).to_be_visible()
        page.get_by_role("link", name="See it on the wall").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Low Tide")
        expect(page.locator(".about")).to_contain_text("Oil on board.")
        (ask,) = stack.http.get(f"/market/artworks/{work}").json()["asks"]
        assert (ask["user_id"], ask["price"]) == (SELLER, 1250.5)

    def test_an_offer_that_is_not_valid_is_told_beside_its_fields(self, visit: Visit) -> None:
        page = visit.open("offer", user=SELLER)
        page.get_by_label("Title").fill("Without an artist")
        page.get_by_role("button", name="Offer it").click()
        expect(page.locator("[data-field=artist] .error")).to_have_text("Field required")
        expect(page.get_by_label("Artist")).to_be_focused()
        page.get_by_label("Artist").fill("N. N.")
        page.get_by_label("Price").fill("1.005")
        page.get_by_role("button", name="Offer it").click()
        expect(page.locator("[data-field=price] .error")).to_contain_text("decimal")
        expect(page.locator("[data-field=artist] .error")).to_have_text("")

    def test_buying_now_pays_the_best_price_and_shows_the_transaction(
        self, visit: Visit, stack: Stack, work: int
    ) -> None:
        offer(stack, work, 90, title="Bought Once", artist="N. N.")
        offer(stack, work, 80)
        page = visit.open(f"work/{work}", user=BUYER)
        page.get_by_role("button", name="Buy now for 80.00").click()
        expect(page.get_by_text("Bought for 80.00.")).to_be_visible()
        expect(page.get_by_role("button", name="Buy now for 90.00")).to_be_visible()
        expect(
            visit.section("Prices paid").get_by_role("img", name="1 transactions from 80.00 to 80.00")
        ).to_be_visible()

        page.get_by_role("link", name="My orders").click()
        row = visit.section("Transactions").get_by_role("row", name="Bought Once")
        expect(row).to_contain_text("Bought")
        expect(row).to_contain_text("80.00")

    def test_a_bid_rests_in_the_book_and_is_canceled(self, visit: Visit, stack: Stack, work: int) -> None:
        offer(stack, work, 90)
        page = visit.open(f"work/{work}", user=BUYER)
        page.get_by_label("At a price of").fill("70")
        page.get_by_role("button", name="Place order").click()
        expect(page.get_by_text("Your bid of 70.00 is in the book.")).to_be_visible()
        expect(visit.section("Book").locator(".bids")).to_contain_text("70.00")
        page.get_by_role("button", name="Cancel your bid of 70.00").click()
        expect(page.get_by_text("Canceled your bid of 70.00.")).to_be_visible()
        expect(visit.section("Book").locator(".bids")).to_contain_text("No bids.")
        assert stack.http.get(f"/market/artworks/{work}").json()["bids"] == []

    def test_my_open_orders_are_listed_and_canceled(self, visit: Visit, stack: Stack, work: int) -> None:
        offer(stack, work, 33, BUYER + work, title="Still Mine", artist="N. N.")
        page = visit.open("mine", user=BUYER + work)
        row = visit.section("Open orders").get_by_role("row", name="Still Mine")
        expect(row).to_contain_text("33.00")
        row.get_by_role("button").click()
        expect(page.get_by_text("Canceled the offer of 33.00.")).to_be_visible()
        expect(row).to_have_count(0)

    def test_a_cancel_that_comes_too_late_is_told(self, visit: Visit, stack: Stack, work: int) -> None:
        order_id = offer(stack, work, 44, BUYER + work, title="Sold Meanwhile", artist="N. N.")
        page = visit.open("mine", user=BUYER + work)
        cancel = visit.section("Open orders").get_by_role("row", name="Sold Meanwhile").get_by_role("button")
        expect(cancel).to_be_visible()
        page.clock.install()
        order(stack, work, 44, BUYER, "buy")
        eventually(lambda: stack.http.get(f"/market/orders/{order_id}").json()["status"], lambda seen: seen == "filled")
        cancel.click()
        expect(page.get_by_text("The order was filled and cannot be canceled any more.")).to_be_visible()
        row = visit.section("Transactions").get_by_role("row", name="Sold Meanwhile")
        expect(row).to_contain_text("Sold")

    def test_who_i_am_is_kept_and_changes_what_is_mine(self, visit: Visit, stack: Stack, work: int) -> None:
        page = visit.open(f"work/{work}")
        page.get_by_label("I am user").fill(str(BUYER))
        page.get_by_label("I am user").press("Enter")
        page.reload()
        expect(page.get_by_label("I am user")).to_have_value(str(BUYER))
        page.get_by_label("At a price of").fill("3")
        page.get_by_role("button", name="Place order").click()
        expect(page.get_by_role("button", name="Cancel your bid of 3.00")).to_be_visible()
        assert stack.http.get(f"/market/artworks/{work}").json()["bids"][0]["user_id"] == BUYER


def test_the_book_adds_up_to_depth_and_the_chart_follows_the_prices(visit: Visit, stack: Stack, work: int) -> None:
    for price in (10, 12):
        offer(stack, work, price)
        order(stack, work, price, BUYER, "buy")
    for price in (20, 20, 25):
        offer(stack, work, price)
    order(stack, work, 7, BUYER, "buy")
    visit.open(f"work/{work}")
    asks = visit.section("Book").locator(".asks tbody tr")
    expect(asks).to_have_count(2)
    expect(asks.first).to_contain_text("20.00")
    shares = asks.evaluate_all("(rows) => rows.map((row) => Number(row.style.getPropertyValue('--share')))")
    assert shares == pytest.approx([2 / 3, 1])
    expect(visit.section("Prices paid").get_by_role("img")).to_have_attribute(
        "aria-label", "2 transactions from 10.00 to 12.00, lowest 10.00, highest 12.00"
    )
