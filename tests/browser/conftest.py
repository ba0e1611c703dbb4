"""The page in a real browser, on the deployed stack that all tests of a session share."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chromium import find_chromium
from tests.browser.scene import Scene
from tests.browser.visit import Visit
from tests.e2e.stack import Stack

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
PATIENCE = 20_000
# Numbers that no earlier run on the same stack has used.
_works = itertools.count(int(time.time()) * 1_000)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium with a profile of its own. For this package only: others run event loops, which it would disturb."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield chromium
        chromium.close()


Visiting = Callable[..., Visit]


@pytest.fixture
def visiting(browser: Browser, stack: Stack) -> Iterator[Visiting]:
    """Opens tabs, each in a context of its own with the given options, and checks them in the end."""
    visits: list[Visit] = []

    def begin(**options: object) -> Visit:
        settings: dict[str, Any] = {"locale": "en-GB", "viewport": {"width": 1360, "height": 900}, **options}
        context = browser.new_context(**settings)
        context.set_default_timeout(PATIENCE)
        visits.append(Visit(context.new_page(), stack.deployment.url))
        return visits[-1]

    yield begin
    for visit in visits:
        visit.page.context.close()
        visit.check()


@pytest.fixture
def visit(visiting: Visiting) -> Visit:
    """One visit on a desktop."""
    return visiting()


@pytest.fixture
def work() -> int:
    """The number of a work that nobody has traded before."""
    return next(_works)


@pytest.fixture(scope="session")
def scene(stack: Stack) -> None:
    """A market day, played once."""
    Scene(stack.deployment.url).play()


@pytest.fixture(autouse=True)
def _sound_exchange(stack: Stack) -> Iterator[None]:
    """Every test begins and ends with an exchange that works and no order that waits for it."""
    stack.exchange.behave("normal")
    yield
    stack.exchange.behave("normal")
    stack.wait_until_quiet()
