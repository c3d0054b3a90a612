"""A BEP 15 tracker in one file. Arguments: bind address, port, log file. Logs every packet that it takes and sends."""
import json
import os
import socket
import struct
import sys
import time

PROTOCOL = 0x41727101980
SWARMS = {}  # info_hash -> {(ip, port)}
ISSUED = {}  # connection id -> address


def compact(peer):
    ip, port = peer
    return socket.inet_pton(socket.AF_INET6 if ":" in ip else socket.AF_INET, ip) + port.to_bytes(2, "big")


def answer(packet, source):
    """(bytes of the answer, fields for the log); None for what is no request."""
    if len(packet) < 16:
        return None
    connection, action, transaction = struct.unpack_from(">QII", packet)
    if action == 0 and connection == PROTOCOL:
        issued = int.from_bytes(os.urandom(8), "big")
        ISSUED[issued] = source[0]
        return struct.pack(">IIQ", 0, transaction, issued), {"what": "connect"}
    if ISSUED.get(connection) != source[0] or action != 1 or len(packet) < 98:
        return struct.pack(">II", 3, transaction) + b"no", {"what": "refused", "action": action}
    info_hash = packet[16:36]
    event, ip, _, _, port = struct.unpack_from(">IIIiH", packet, 80)
    me, swarm = (source[0], port), SWARMS.setdefault(info_hash, set())
    others = sorted(swarm - {me}) if event != 3 else []
    (swarm.discard if event == 3 else swarm.add)(me)
    told = {"what": "announce", "info_hash": info_hash.hex(), "port": port, "event": event, "answered": others,
            "ip": socket.inet_ntoa(struct.pack(">I", ip)) if ip else None}
    return struct.pack(">IIIII", 1, transaction, 1800, 0, len(swarm)) + b"".join(map(compact, others)), told


def main():
    address, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind((address, port))
    with open(path, "w", buffering=1) as log:
        log.write(json.dumps({"what": "ready"}) + "\n")
        while True:
            packet, source = listener.recvfrom(4096)
            found = answer(packet, source)
            if found:
                listener.sendto(found[0], source)
                log.write(json.dumps({"time": time.time(), "from": source[:2], **found[1]}) + "\n")


main()
