"""Debian's Chromium, driven by Playwright: a page that remembers what it complained of and whom it asked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Response

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
Theme = Literal["light", "dark"]


@dataclass
class Visit:
    """A page with what happened on it: console errors, uncaught exceptions, requests that leave loopback, bytes received."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    received: dict[str, int] = field(default_factory=dict)

    def watch(self) -> None:
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda r: None if _is_local(r.url) else self.strangers.append(r.url))
        self.page.on("response", self._weigh)

    def _weigh(self, response: Response) -> None:
        size = response.header_value("content-length")
        self.received[response.url] = int(size) if size else 0

    def is_clean(self) -> bool:
        return not self.complaints and not self.strangers


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, headless, until the block ends."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  (only where browsers are tested)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visiting(browser: Browser, theme: Theme = "light") -> Iterator[Visit]:
    """A clean profile whose system prefers `theme`, without anything remembered."""
    context = browser.new_context(color_scheme=theme, viewport={"width": 1280, "height": 900})
    visit = Visit(context.new_page())
    visit.page.set_default_timeout(20_000)
    visit.watch()
    try:
        yield visit
    finally:
        context.close()


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost") or url.startswith("data:")
