"""An HTTP/1.1 file server with byte ranges (BEP 19 needs them), slow on purpose. Arguments: address, port, folder, log."""
import json
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

CHUNK, PAUSE = 8192, 0.05  # about 160 kB/s, so that peers get their share


class Ranged(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "webseed", ""

    def do_GET(self):
        data = (Path(sys.argv[3]) / Path(unquote(self.path)).name).read_bytes()
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first, last = (int(match[1]), min(int(match[2] or len(data) - 1), len(data) - 1)) if match else (0, len(data) - 1)
        self.send_response(206 if match else 200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(last - first + 1))
        if match:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.end_headers()
        sent = 0
        try:
            for at in range(first, last + 1, CHUNK):
                sent += self.wfile.write(data[at:min(at + CHUNK, last + 1)])
                time.sleep(PAUSE)
        finally:
            with open(sys.argv[4], "a") as log:
                log.write(json.dumps({"client": self.client_address, "path": self.path, "first": first, "last": last,
                                      "status": 206 if match else 200, "written": sent}) + "\n")

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Ranged).serve_forever()
