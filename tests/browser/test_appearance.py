"""A picture of every view, on a desk by day and by night and on a phone, written to .rialto/screenshots/."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visiting
from tests.browser.scene import STAR, USER
from tests.e2e.stack import Stack, eventually

FOLDER = Path(__file__).resolve().parents[2] / ".rialto" / "screenshots"
DEVICES: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1360, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1360, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
VIEWS = ("gallery", "work", "offer", "mine", "broker", "order", "strategies", "operations")


@pytest.fixture(scope="module")
def eventful(stack: Stack, scene: None) -> str:
    """An order of the broker that met an outage, and was canceled in the end."""
    stack.exchange.behave("down")
    order_id: str = stack.submit(type="limit", limit_price=101.25, quantity=25)["id"]
    eventually(lambda: stack.causes(order_id).count("unavailable"), lambda count: count > 1)
    stack.exchange.behave("normal")
    stack.wait_for(order_id, "NEW")
    stack.cancel(order_id)
    stack.wait_for(order_id, "CANCELED")
    return order_id


@pytest.mark.parametrize("device", DEVICES)
def test_every_view_is_pictured(visiting: Visiting, eventful: str, device: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    visit = visiting(**DEVICES[device], reduced_motion="reduce")
    ids = {"work": f"work/{STAR}", "order": f"order/{eventful}"}
    for view in VIEWS:
        page = visit.open(ids.get(view, view), user=USER)
        expect(page.locator(".loading")).to_have_count(0)
        expect(page.locator(".work-link", has_text="Untitled")).to_have_count(0)
        path = FOLDER / f"{view}-{device}.png"
        page.screenshot(path=path, full_page=True)
        assert path.stat().st_size > 10_000
