"""Strategies: the matrix, a signal previewed and sent, the log, and all signals over time."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visit import Visit
from tests.e2e.stack import Stack
from tests.e2e.traders import Traders


@pytest.fixture
def traders(stack: Stack) -> Traders:
    traders = Traders(stack)
    traders.put_profiles(
        {"Anne": {"STRATEGY_A": ["ACC", "L&T"], "STRATEGY_B": ["ACC"]}, "Ben": {"STRATEGY_A": ["ACC"]}}
    )
    return traders


def fill_signal(page: Page, strategy: str, instrument: str, position: str) -> None:
    page.get_by_label("Strategy").fill(strategy)
    page.get_by_label("Instrument", exact=True).fill(instrument)
    page.get_by_role("radio", name=position).check()


def test_the_matrix_shows_who_trades_and_who_holds(visit: Visit, traders: Traders) -> None:
    traders.signal("STRATEGY_A", "L&T", "BUY")
    page = visit.open("strategies")
    page.get_by_label("User or instrument").fill(traders.name("Anne"))
    anne = page.locator(".matrix tbody tr", has_text=traders.name("Anne"))
    cell = anne.locator("td", has=page.locator(".tag.open"))
    expect(cell).to_have_count(1)
    expect(cell.locator(".tag.open")).to_have_attribute("title", re.compile("^STRATEGY_A .*: open, order"))
    expect(anne.locator(".tag")).to_have_count(3)
    headings = page.locator(".matrix thead th").all_text_contents()
    assert headings.index("L&T") == 1 + anne.locator("td").evaluate_all(
        "(cells) => cells.findIndex((cell) => cell.querySelector('.open'))"
    )
    assert anne.locator("td").nth(headings.index("ACC") - 1).locator(".tag").count() == 2


def test_a_signal_is_previewed_without_effect_and_then_sent(visit: Visit, traders: Traders) -> None:
    page = visit.open("strategies")
    fill_signal(page, traders.name("STRATEGY_A"), "L&T", "Buy")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("It would be valid for 1 user.")).to_be_visible()
    verdicts = page.get_by_role("list", name="Verdict for each user").get_by_role("listitem")
    expect(verdicts).to_have_text(
        [f"{traders.name('Anne')} opens a position", f"{traders.name('Ben')} does not trade it there"]
    )
    assert traders.positions("STRATEGY_A") == []

    page.get_by_role("button", name="Send signal").click()
    expect(page.get_by_text("Accepted: valid for 1 user.")).to_be_visible()
    page.get_by_label("User or instrument").fill(traders.name("Anne"))
    expect(page.locator(".matrix .tag.open")).to_have_count(1)
    (position,) = traders.positions("STRATEGY_A")
    expect(verdicts.first.get_by_role("link", name="opened")).to_have_attribute(
        "href", f"#/order/{position['order_id']}"
    )
    newest = visit.section("Signals so far").locator("tbody tr").first
    expect(newest).to_contain_text(traders.name("STRATEGY_A"))
    expect(newest.locator(".status")).to_have_text("Accepted")


def test_a_signal_for_nobody_is_rejected_with_the_reasons(visit: Visit, traders: Traders) -> None:
    page = visit.open("strategies")
    fill_signal(page, traders.name("STRATEGY_A"), "L&T", "Sell")
    page.get_by_role("button", name="Send signal").click()
    expect(page.get_by_text("Rejected: valid for nobody.")).to_be_visible()
    expect(page.locator(".verdicts li").first).to_contain_text("holds none")


def test_what_is_wrong_with_a_signal_stands_beside_its_field(visit: Visit) -> None:
    page = visit.open("strategies")
    page.get_by_label("Instrument", exact=True).fill("ACC")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("[data-field=strategy] .error")).to_have_text("Field required")


def test_a_closed_round_trip_is_in_the_log(visit: Visit, traders: Traders) -> None:
    traders.signal("STRATEGY_B", "ACC", "BUY")
    traders.signal("STRATEGY_B", "ACC", "SELL")
    page = visit.open("strategies")
    row = visit.section("Order log").locator("tbody tr", has_text=traders.name("Anne"))
    expect(row).to_contain_text("ACC")
    expect(row).to_contain_text("itself")
    assert page.title() == "Strategies \N{EN DASH} Rialto"


def test_the_chart_counts_what_the_list_shows(visit: Visit, traders: Traders, stack: Stack) -> None:
    traders.signal("STRATEGY_A", "ACC", "BUY")
    traders.signal("STRATEGY_A", "ACC", "BUY")
    signals = stack.http.get("/signals", params={"limit": 50}).json()["signals"]
    accepted = sum(signal["status"] == "ACCEPTED" for signal in signals)
    visit.open("strategies")
    chart = visit.section("Signals so far").get_by_role("img")
    expect(chart).to_have_attribute("aria-label", f"{accepted} signals accepted, {len(signals) - accepted} rejected")
