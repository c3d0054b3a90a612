"""A BEP 3 / 7 / 23 HTTP tracker in one file. Arguments: bind address, port, log file."""
import json
import socket
import sys
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from swarm.torrents import bencode  # noqa: E402

SWARMS = {}  # info_hash -> {(ip, port): left}


class Announce(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "tracker", ""

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query, encoding="latin-1")
        one = {k: v[0] for k, v in query.items()}
        info_hash = one.get("info_hash", "").encode("latin-1")
        me = (self.client_address[0].removeprefix("::ffff:"), int(one.get("port", 0)))
        swarm = SWARMS.setdefault(info_hash, {})
        others = [peer for peer in swarm if peer != me]
        if one.get("event") == "stopped":
            swarm.pop(me, None)
            others = []
        else:
            swarm[me] = int(one.get("left", 1) or 0)
        v4 = b"".join(socket.inet_pton(socket.AF_INET, ip) + port.to_bytes(2, "big") for ip, port in others if ":" not in ip)
        v6 = b"".join(socket.inet_pton(socket.AF_INET6, ip) + port.to_bytes(2, "big") for ip, port in others if ":" in ip)
        answer = {"interval": 1800, "min interval": 900, "peers": v4,
                  "complete": sum(left == 0 for left in swarm.values()),
                  "incomplete": sum(left != 0 for left in swarm.values())}
        if v6:
            answer["peers6"] = v6
        body = bencode(answer)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True
        with open(sys.argv[3], "a") as log:
            log.write(json.dumps({"time": time.time(), "from": me, "info_hash": info_hash.hex(),
                                  "event": one.get("event"), "ip": one.get("ip"), "answered": others}) + "\n")

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET


if __name__ == "__main__":
    Server((sys.argv[1], int(sys.argv[2])), Announce).serve_forever()
