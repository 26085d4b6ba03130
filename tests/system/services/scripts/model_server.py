"""A model server of the standard library, for a network namespace: `model_server.py PORT`, both IPv4 and IPv6.

Each row's answer is its sum. It answers in chunks where the request's id begins with `chunked`.
"""

import json
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536

    def do_GET(self) -> None:
        self._answer(b"ready")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        rows, columns = asked["inputs"][0]["shape"]
        data = asked["inputs"][0]["data"]
        sums = [sum(data[row * columns : (row + 1) * columns]) for row in range(rows)]
        output = {"name": "p", "shape": [rows], "datatype": "FP64", "data": sums}
        body = json.dumps({"model_name": "m", "id": asked["id"], "outputs": [output]}).encode()
        if not asked["id"].startswith("chunked"):
            self._answer(body)
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for begin in range(0, len(body), 1000):
            piece = body[begin : begin + 1000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True


if __name__ == "__main__":
    Server(("::", int(sys.argv[1])), Handler).serve_forever()
