"""The beacon in a real browser, on a page of another origin: what a page tells arrives, also when it is left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from tests.system.services.chromium import visiting
from tests.system.services.outrider import outrider
from tests.system.services.process import answers, free_port, running_process, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

SECONDS = 60

PAGE = """<!doctype html><link rel="icon" href="data:,"><title>shop</title><script type="module">
import {{ beacon }} from "{monitor}/api/v1/beacon/module.js";
window.tell = beacon("{monitor}/api/v1/beacon", {{ model: "shop", version: "2" }});
</script>"""


@contextmanager
def page_of(monitor: str, port: int) -> Iterator[str]:
    """A shop's page on an origin of its own, and an empty one to leave it for."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (PAGE.format(monitor=monitor) if self.path == "/" else "<!doctype html>").encode()
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", port), Page) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{port}"
        server.shutdown()
        thread.join()


@contextmanager
def monitor_of(folder: Path, origin: str) -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    settings = {"listen": address, "data": str(folder / "data"), "beacon_origins": origin}
    (folder / "monitor.yaml").write_text(yaml.safe_dump(settings))
    command = outrider("monitor", "--config", folder / "monitor.yaml")
    with running_process(command, folder, lambda log: answers(f"http://{address}/health/ready")):
        yield f"http://{address}"


def rows(monitor: str) -> list[dict[str, Any]]:
    span = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
    items: list[dict[str, Any]] = httpx.get(f"{monitor}/api/v1/models/shop/rows", params=span).json()["items"]
    return items


def test_what_a_page_tells_arrives(browser: Browser, tmp_path: Path) -> None:
    """At once where it says so, and when it is left; a page of another origin cannot even load the module."""
    port, stranger = free_port(), free_port()
    with monitor_of(tmp_path, f"http://127.0.0.1:{port}") as monitor, page_of(monitor, port) as shop:
        declaration = {
            "model": "shop",
            "features": {"age": "numeric", "city": "categorical"},
            "prediction": {"score": "p"},
        }
        httpx.put(f"{monitor}/api/v1/models/shop", json=declaration).raise_for_status()
        with visiting(browser) as visit:
            visit.page.goto(shop)
            visit.page.wait_for_function("window.tell !== undefined")
            visit.page.evaluate("tell.predicted({age: 41, city: 'Ulm'}, {p: 0.7}, {id: 'a'}); tell.flush()")
            wait_until(lambda: len(rows(monitor)) == 1, SECONDS, "what was flushed arrives")
            visit.page.evaluate("tell.predicted({age: 17, city: 'Rome'}, {p: 0.1}, {id: 'b'})")
            visit.page.goto(f"{shop}/elsewhere")
            wait_until(lambda: len(rows(monitor)) == 2, SECONDS, "what the page had left arrives")
            assert visit.is_clean(), (visit.complaints, visit.strangers)
        with page_of(monitor, stranger) as other, visiting(browser) as visit:
            visit.page.goto(other)
            wait_until(lambda: bool(visit.page.evaluate("1") and visit.complaints), SECONDS, "the module is refused")
            assert visit.page.evaluate("window.tell === undefined")
        assert len(rows(monitor)) == 2
