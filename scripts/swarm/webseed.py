"""An HTTP/1.1 file server with byte ranges (BEP 19 needs them), slow on purpose. Arguments: address, port, folder, log,
and for BEP 17 the metainfo's piece length: the server then answers `?info_hash=&piece=&ranges=` from the one file."""
import json
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

CHUNK, PAUSE = 8192, 0.05  # about 160 kB/s, so that peers get their share


class Ranged(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "webseed", ""

    def do_GET(self):
        if len(sys.argv) > 5:
            return self.seed(int(sys.argv[5]))
        data = (Path(sys.argv[3]) / unquote(self.path).lstrip("/")).read_bytes()
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first, last = (int(match[1]), min(int(match[2] or len(data) - 1), len(data) - 1)) if match else (0, len(data) - 1)
        self.send_response(206 if match else 200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(last - first + 1))
        if match:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.end_headers()
        self.send([(first, last)], data, path=self.path, status=206 if match else 200)

    def seed(self, piece_length):
        """BEP 17: the ranges count from the start of the piece; without any the whole piece is meant."""
        query = parse_qs(urlsplit(self.path).query, encoding="latin-1")
        data = next(file for file in Path(sys.argv[3]).rglob("*") if file.is_file()).read_bytes()
        start = int(query["piece"][0]) * piece_length
        end = min(start + piece_length, len(data))
        spans = [span.split("-") for span in query.get("ranges", [f"0-{end - start - 1}"])[0].split(",")]
        spans = [(start + int(first), min(start + int(last), end - 1)) for first, last in spans]
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(sum(last - first + 1 for first, last in spans)))
        self.end_headers()
        self.send(spans, data, path=urlsplit(self.path).path, piece=int(query["piece"][0]),
                  ranges=query.get("ranges", [None])[0], status=200)

    def send(self, spans, data, **noted):
        sent = 0
        try:
            for first, last in spans:
                for at in range(first, last + 1, CHUNK):
                    sent += self.wfile.write(data[at:min(at + CHUNK, last + 1)])
                    time.sleep(PAUSE)
        finally:
            with open(sys.argv[4], "a") as log:
                log.write(json.dumps({"client": self.client_address, **noted, "first": spans[0][0], "last": spans[-1][1],
                                      "written": sent}) + "\n")

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Ranged).serve_forever()
