"""The frame of the page: safe with whatever people write, usable by everybody, true when the connection is not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visiting
from tests.browser.offers import offer
from tests.browser.scene import STAR, USER
from tests.browser.visit import Visit
from tests.e2e.stack import Stack
from tests.e2e.traders import Traders

HOSTILE = "<img src=x onerror=alert(1)>"
VIEWS = ["gallery", f"work/{STAR}", "offer", "mine", "broker", "order", "strategies", "operations", "nowhere"]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SMALL_PHONE = {**PHONE, "viewport": {"width": 360, "height": 740}}


# Counted in the page itself: what the browser tells of its requests comes later than their time.
NO_ORDERS = """
window.asked = 0;
const wayOut = fetch;
window.fetch = (address, ...more) => {
  if (!`${address}`.includes("orders?")) return wayOut(address, ...more);
  window.asked += 1;
  return Promise.reject(new TypeError("no way out"));
};
"""
# Every request that the page makes; and its feeds, which the browser connects anew by itself.
COUNTED = """
window.asked = 0;
window.feeds = [];
const [wayOut, Feed] = [fetch, EventSource];
window.fetch = (...request) => {
  window.asked += 1;
  return wayOut(...request);
};
window.EventSource = class extends Feed {
  constructor(address) {
    super(address);
    window.asked += 1;
    window.feeds.push(this);
  }
};
"""
VIOLATIONS = """
axe.run({resultTypes: ["violations"]}).then(({violations}) => violations.map(
  ({id, nodes}) => ({id, nodes: nodes.map(({html, failureSummary}) => [html, failureSummary])})))
"""


def settled(visit: Visit, view: str, stack: Stack) -> Page:
    """Show a view with its data."""
    if view == "order":
        view = f"order/{stack.http.get('/orders', params={'limit': 1}).json()['orders'][0]['id']}"
    page = visit.open(view, user=USER)
    expect(page.locator(".loading")).to_have_count(0)
    return page


class TestHostileText:
    def test_titles_are_shown_as_they_were_written(self, visit: Visit, stack: Stack, work: int) -> None:
        details = {"title": HOSTILE, "artist": f'"><script>alert(2)</script>{HOSTILE}', "description": HOSTILE}
        stack.http.put(f"/market/artworks/{work}", json=details).raise_for_status()
        offer(stack, work, 9)
        page = visit.open("gallery")
        expect(page.locator(f".piece[href='#/work/{work}'] .title")).to_have_text(HOSTILE)
        page.goto(f"{visit.url}/#/work/{work}")
        expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
        expect(page.locator(".about .artist")).to_have_text(details["artist"])
        assert page.locator("img[src=x]").count() == 0

    def test_an_address_that_is_no_address_becomes_no_link(self, visit: Visit, stack: Stack, work: int) -> None:
        offer(stack, work, 9, title="T", artist="A", image_url="http://[")
        page = visit.open(f"work/{work}")
        expect(page.locator(".about .artist")).to_have_text("A")
        assert page.locator(".original").count() == 0

    def test_names_in_profiles_and_orders_are_text(self, visit: Visit, stack: Stack) -> None:
        traders = Traders(stack)
        traders.put_profiles({HOSTILE: {HOSTILE: [HOSTILE]}})
        answer = traders.signal(HOSTILE, HOSTILE, "BUY")
        page = visit.open("strategies")
        page.get_by_label("User or instrument").fill(traders.name(HOSTILE))
        row = page.locator(".matrix tbody tr", has_text=traders.name(HOSTILE))
        expect(row.locator(".tag.open")).to_have_count(1)
        page.goto(f"{visit.url}/#/order/{answer['users'][0]['order_id']}")
        expect(page.locator(".facts")).to_contain_text(traders.name(HOSTILE))

    def test_the_hash_is_text_too(self, visit: Visit) -> None:
        page = visit.open(f"order/{HOSTILE}")
        expect(page.get_by_role("alert")).to_contain_text("There is no order")


@pytest.mark.usefixtures("scene")
class TestForEverybody:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing_in_any_view(self, visiting: Visiting, stack: Stack, scheme: str) -> None:
        axe = files("axe_playwright_python").joinpath("axe.min.js").read_text()
        visit = visiting(color_scheme=scheme, reduced_motion="reduce")
        for view in VIEWS:
            page = settled(visit, view, stack)
            page.evaluate(axe)
            found = page.evaluate(VIOLATIONS)
            assert found == [], f"{view}: {json.dumps(found, indent=2)}"

    @pytest.mark.parametrize("device", [PHONE, SMALL_PHONE], ids=["390", "360"])
    def test_no_view_is_wider_than_a_phone(self, visiting: Visiting, stack: Stack, device: dict[str, Any]) -> None:
        visit = visiting(**device)
        for view in VIEWS:
            page = settled(visit, view, stack)
            width = page.evaluate("[document.documentElement.scrollWidth, innerWidth, screen.width]")
            assert width == [device["viewport"]["width"]] * 3, view

    def test_headings_and_title_name_every_view(self, visit: Visit, stack: Stack) -> None:
        for view in VIEWS:
            page = settled(visit, view, stack)
            heading = page.get_by_role("heading", level=1)
            expect(heading).to_have_count(1)
            assert page.title().endswith(" \N{EN DASH} Rialto")
            assert page.locator("nav [aria-current=page]").count() >= 1

    def test_a_work_is_bought_with_the_keyboard_alone(self, visit: Visit, stack: Stack, work: int) -> None:
        offer(stack, work, 61, title="By Keyboard", artist="N. N.")
        page = visit.open("gallery", user=USER)
        expect(page.locator(".piece .title").first).to_have_text("By Keyboard")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("main")).to_be_focused()
        self.tab_to(page, f"a[href='#/work/{work}']")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="By Keyboard")).to_be_focused()
        buy = page.get_by_role("button", name="Buy now for 61.00")
        expect(buy).to_be_visible()
        self.tab_to(page, ".buy button")
        assert buy.evaluate("(button) => getComputedStyle(button).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        expect(page.get_by_role("status").filter(has_text="Bought for 61.00.")).to_be_visible()
        expect(page.locator(".buy button")).to_be_focused()

    @staticmethod
    def tab_to(page: Page, selector: str) -> None:
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
                return
        raise AssertionError(f"{selector} is not reached")

    def test_nothing_moves_where_less_motion_is_wanted(self, visiting: Visiting) -> None:
        page = visiting(reduced_motion="reduce").open("gallery")
        expect(page.locator(".piece")).not_to_have_count(0)
        seconds = page.locator(".piece img").first.evaluate("(image) => getComputedStyle(image).transitionDuration")
        assert seconds == "0s"


class TestTheme:
    def test_the_system_decides_until_somebody_does(self, visiting: Visiting) -> None:
        visit = visiting(color_scheme="dark")
        page = visit.open("broker")
        assert paper(page) == "rgb(18, 21, 24)"
        button = page.get_by_role("button", name="Theme")
        button.click()
        expect(button).to_have_text("Theme: Light")
        assert paper(page) == "rgb(255, 255, 255)"
        page.reload()
        assert paper(page) == "rgb(255, 255, 255)"
        button.click()
        button.click()
        expect(button).to_have_text("Theme: Automatic")
        assert paper(page) == "rgb(18, 21, 24)"


def paper(page: Page) -> str:
    colour: str = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return colour


class TestConnection:
    def test_a_lost_connection_is_told_and_found_again(self, visit: Visit, stack: Stack) -> None:
        page = visit.open("broker")
        expect(page.locator("h1")).to_have_text("Broker")
        page.context.set_offline(True)
        bar = page.get_by_role("status").filter(has_text="Connection lost.")
        expect(bar).to_be_visible()
        order_id = stack.submit()["id"]
        page.context.set_offline(False)
        expect(bar).to_have_count(0)
        expect(page.locator(f"[data-key='{order_id}']")).to_be_visible()

    @pytest.mark.parametrize("how", ["click", "online"])
    def test_what_waits_for_its_next_turn_is_tried_at_once(self, visit: Visit, stack: Stack, how: str) -> None:
        page = visit.page
        # Time stands still: the page never comes to its next turn by itself.
        page.clock.install()
        page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
        page.route("**/orders?*", lambda route: route.abort())
        visit.open("broker")
        bar = page.get_by_role("status").filter(has_text="Connection lost.")
        expect(bar).to_be_visible()
        page.unroute("**/orders?*")
        order_id = stack.submit()["id"]
        if how == "click":
            bar.get_by_role("button", name="Try now").click()
        else:
            page.evaluate("dispatchEvent(new Event('online'))")
        expect(bar).to_have_count(0)
        expect(page.locator(f"[data-key='{order_id}']")).to_be_visible()

    def test_faults_are_asked_again_more_and_more_slowly(self, visit: Visit) -> None:
        page = visit.page
        page.add_init_script(NO_ORDERS)
        # Time stands still but for the seconds that are let pass.
        page.clock.install()
        page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
        visit.open("broker")
        expect(page.get_by_text("Connection lost.")).to_be_visible()
        for pause in (4, 8, 16, 30, 30):
            before = page.evaluate("asked")
            page.clock.run_for((pause - 1) * 1_000)
            assert page.evaluate("asked") == before
            page.clock.run_for(1_000)
            assert page.evaluate("asked") == before + 1

    @pytest.mark.parametrize(("view", "feeds"), [("broker", 1), ("gallery", 0)])
    def test_a_hidden_tab_asks_for_nothing(self, visit: Visit, view: str, feeds: int) -> None:
        page = visit.page
        page.add_init_script(COUNTED)
        page.clock.install()
        visit.open(view)
        expect(page.locator(".loading")).to_have_count(0)
        hide(page, hidden=True)
        before = page.evaluate("asked")
        page.clock.run_for(60_000)
        assert page.evaluate("asked") == before > 0
        closed: int = page.evaluate("EventSource.CLOSED")
        assert page.evaluate("feeds.map((feed) => feed.readyState)") == [closed] * feeds

    def test_a_tab_that_was_hidden_catches_up_when_it_is_seen(self, visit: Visit, stack: Stack) -> None:
        page = visit.open("broker")
        expect(page.locator(".loading")).to_have_count(0)
        hide(page, hidden=True)
        order_id = stack.submit()["id"]
        hide(page, hidden=False)
        expect(page.locator(f"[data-key='{order_id}']")).to_be_visible()


def hide(page: Page, *, hidden: bool) -> None:
    page.evaluate(
        "(hidden) => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange')); }",
        hidden,
    )


def test_the_page_works_behind_a_stage_prefix(visiting: Visiting, stack: Stack, work: int) -> None:
    offer(stack, work, 8, title="Behind a Prefix", artist="N. N.")
    prefix = f"/_aws/execute-api/{stack.deployment.outputs['RestAPIId']}/rialto"
    visit = visiting()
    visit.url = f"{stack.deployment.instance.endpoint}{prefix}"
    page = visit.open(f"work/{work}")
    expect(page.get_by_role("heading", name="Behind a Prefix")).to_be_visible()
    visit.open("gallery")
    expect(page.locator(".piece")).not_to_have_count(0)
