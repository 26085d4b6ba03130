"""The demo's own receiver: takes what the monitor's webhook notifier sends."""

from __future__ import annotations

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BODY_BYTES_MAX = 1_000_000
PAGES_MAX = 1_000


class Webhook:
    """Listens on a free loopback port; `pages` holds the bodies in order of arrival."""

    def __init__(self) -> None:
        self.pages: queue.Queue[dict[str, Any]] = queue.Queue(PAGES_MAX)
        pages = self.pages

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(min(int(self.headers.get("content-length", 0)), BODY_BYTES_MAX))
                pages.put_nowait(json.loads(body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        threading.Thread(target=self._server.serve_forever, name="webhook", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
