"""A visit to the page: what is seen there, and what must never happen meanwhile."""

from __future__ import annotations

from playwright.sync_api import ConsoleMessage, Dialog, Locator, Page

# Before any script of the page: a breach of the policy has to be noticed, whatever caused it.
WATCH = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
});
"""
# What Chromium itself writes for each answer of 400 and above, and for each one that did not come.
ANSWERED_NO = "Failed to load resource"


class Visit:
    """One tab on one page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self._user: int | None = None
        self.faults: list[str] = []
        page.add_init_script(WATCH)
        page.on("request", lambda request: self._look_at(request.url))
        page.on("console", self._read_console)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        page.on("dialog", self._refuse)

    def open(self, view: str, user: int | None = None) -> Page:
        """Show a view; who looks at it is told with the first one."""
        if user is not None and user != self._user:
            self._user = user
            self.page.add_init_script(f"localStorage.setItem('rialto user', '{user}')")
        self.page.goto(f"{self.url}/#/{view}")
        self.page.wait_for_selector(f"main[data-view='{view.partition('/')[0]}'] h1")
        return self.page

    def section(self, heading: str) -> Locator:
        """Return the section with this heading."""
        return self.page.get_by_role("region", name=heading, exact=True)

    def check(self) -> None:
        """Fail if anything went wrong that no test looked for."""
        assert not self.faults, self.faults

    def _look_at(self, address: str) -> None:
        if not address.startswith((f"{self.url}/", "data:")):
            self.faults.append(f"request to another origin: {address}")

    def _refuse(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _read_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and ANSWERED_NO not in message.text:
            self.faults.append(f"console: {message.text}")
