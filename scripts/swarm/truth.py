"""What the clients say they sent, as truth.json; and tshark's listing of the same, to compare."""
import json
import re
import subprocess
from collections import defaultdict
from pathlib import Path

from swarm import oracle
from swarm.lab import events
from swarm.oracle import endpoint

# Not REJECT_PIECE, which looks the same from "piece:" on.
PIECE = re.compile(r"(?:==>|<==) PIECE \[ piece: ?(\d+) s: ?([0-9a-fA-F]+) l(?:en)?: ?([0-9a-fA-F]+)")


def libtorrent_pieces(log, sent):
    """(local endpoint, remote endpoint) -> [(piece, begin, length)], from a peer's own log, in log order."""
    lines, local = events(log), {}
    for line in lines:
        if line["what"] == "connection" and line["local"][1]:  # port 0: still connecting
            local[tuple(line["remote"])] = tuple(line["local"])
    found = defaultdict(list)
    for line in lines:
        if line["what"] != "peer_log" or ("==>" if sent else "<==") not in line["text"]:
            continue
        match = PIECE.search(line["text"])
        if match:
            remote = tuple(line["peer"])
            numbers = int(match[1]), int(match[2], 16), int(match[3], 16)
            if remote not in local:
                raise RuntimeError(f"no local endpoint known for the connection with {remote}")
            found[local[remote], remote].append(numbers)
    return found


def transfer(uploader, downloader, info_hash, blocks, source, transport="tcp"):
    """One directed edge. `repeated_bytes` is what the same edge carried before at the same place."""
    unique = {(piece, begin): length for piece, begin, length in blocks}
    total = sum(length for _, _, length in blocks)
    return {
        "uploader": uploader, "downloader": downloader, "transport": transport, "info_hash": info_hash,
        "payload_bytes": total, "piece_messages": len(blocks), "repeated_bytes": total - sum(unique.values()),
        "pieces": sorted({piece for piece, _, _ in blocks}), "source": source,
        "blocks": [list(block) for block in blocks],
    }


def libtorrent_transfers(logs, info_hash, transport="tcp", ignore=()):
    """The transfers that uploaders tell of; each must be confirmed by the downloader's log, block for block.

    `ignore` are senders that are no peers: libtorrent logs the blocks of a web seed as if they were piece messages.
    """
    found, received = [], {}
    for log in logs:
        for (local, remote), blocks in libtorrent_pieces(log, sent=False).items():
            received[remote, local] = blocks
    for log in logs:
        for (local, remote), blocks in libtorrent_pieces(log, sent=True).items():
            # libtorrent logs a piece message when it is queued: what the downloader never saw may not have left.
            got = received.pop((local, remote), None)
            queued = list(blocks)
            for block in got or []:
                queued.remove(block)
            source = "libtorrent peer_log of both" if got is not None else "libtorrent peer_log of the uploader"
            edge = transfer(endpoint(local), endpoint(remote), info_hash, blocks if got is None else got, source, transport)
            if got is not None and queued:
                edge["queued_but_not_received"] = [list(block) for block in queued]
                print("  ", edge["uploader"], "queued", queued, "which never arrived")
            found.append(edge)
    for local, remote in list(received):
        if local in ignore:
            del received[local, remote]
    if received:
        raise RuntimeError(f"received but not sent: {list(received)}")
    return sorted(found, key=lambda t: (t["uploader"], t["downloader"]))


def received_transfers(log, info_hash, source, transport="tcp", ignore=()):
    """The transfers that a libtorrent downloader tells of alone, as its counterpart keeps no account of blocks."""
    return [transfer(endpoint(remote), endpoint(local), info_hash, blocks, source, transport)
            for (local, remote), blocks in sorted(libtorrent_pieces(log, sent=False).items()) if remote not in ignore]


def sent_transfers(log, info_hash, source, transport="tcp"):
    """The transfers that a libtorrent uploader tells of, by its own addresses (behind NAT others see another one)."""
    return [transfer(endpoint(local), endpoint(remote), info_hash, blocks, source, transport)
            for (local, remote), blocks in sorted(libtorrent_pieces(log, sent=True).items())]


def http_answer(line, server):
    """What a web seed wrote for one request, from its own log."""
    known = {key: line[key] for key in ("path", "piece", "ranges", "status") if key in line}
    return {"server": server, "client": endpoint(line["client"]), **known, "first_byte": line["first"],
            "last_byte": line["last"], "written_to_socket": line["written"]}


def tshark_pieces(capture, tsv=None, options=()):
    """Every piece message that tshark lists; `msg.length` is 9 more than the payload."""
    fields = ["frame.number", "ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport",
              "bittorrent.piece.index", "bittorrent.piece.begin", "bittorrent.msg.type", "bittorrent.msg.length"]
    command = ["tshark", "-n", "-r", str(capture), "-o", "tcp.desegment_tcp_streams:TRUE", *options,
               "-Y", "bittorrent.msg.type == 7", "-T", "fields", *[x for f in fields for x in ("-e", f)]]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    rows = []
    for line in text.splitlines():
        frame, src, src6, sport, dst, dst6, dport, index, begin, kinds, lengths = line.split("\t")
        number = lambda s: int(s, 16) if s.startswith("0x") else int(s)  # noqa: E731
        kinds = [number(k) for k in kinds.split(",")]
        lengths = [n for n in map(number, lengths.split(",")) if n > 0]
        lengths = [n for kind, n in zip(kinds, lengths) if kind == 7]
        # A frame may also end other messages that have an index and a begin (requests come the other way: not here).
        for piece, at, length in zip(index.split(","), begin.split(","), lengths):
            rows.append((int(frame), src or src6, int(sport), dst or dst6, int(dport), number(piece), number(at), length - 9))
    if tsv:
        head = "frame\tuploader\tport\tdownloader\tport\tpiece\tbegin\tpayload"
        Path(tsv).write_text("\n".join([head] + ["\t".join(map(str, row)) for row in rows]) + "\n")
    return rows


def compare(truth, rows):
    """Whether tshark lists, for each transfer, the same number of messages and bytes. Prints the differences."""
    seen = defaultdict(lambda: [0, 0])
    for _, src, sport, dst, dport, _, _, length in rows:
        entry = seen[endpoint((src, sport)), endpoint((dst, dport))]
        entry[0] += 1
        entry[1] += length
    same = True
    told = {(t["uploader"], t["downloader"]): [t["piece_messages"], t["payload_bytes"]] for t in truth["transfers"]}
    for key in sorted(set(told) | set(seen)):
        if told.get(key) != seen.get(key):
            same = False
            print("  tshark differs:", key, "truth", told.get(key), "tshark", seen.get(key))
    print("  tshark", "agrees:" if same else "disagrees:", len(rows), "piece messages,", sum(r[-1] for r in rows), "bytes")
    return same


def on_the_wire(capture):
    """The same figures from the packets, by `oracle`: whole and cut piece messages of each direction of TCP."""
    frames = oracle.read(capture)[1]
    rows = [{"uploader": edge["uploader"], "downloader": edge["downloader"],
             "payload_bytes": edge["held_payload_bytes"], "whole_piece_messages": edge["whole_blocks"],
             "cut_piece_messages": edge["damaged_blocks"]} for edge in oracle.held(frames, frames)]
    return sorted(rows, key=lambda row: (row["uploader"], row["downloader"]))


def write(folder, truth):
    text = json.dumps(truth, indent=1)
    text = re.sub(r"\[\s+([\d,\s]+?)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", text)
    text = re.sub(r"\[\s+(\[[^a-z]+?\])\s+\]", lambda m: "[" + re.sub(r",\s+\[", ", [", m[1]) + "]", text)
    (Path(folder) / "truth.json").write_text(text + "\n")
    for t in truth["transfers"]:
        print(" ", t["uploader"], "->", t["downloader"], t["piece_messages"], "messages", t["payload_bytes"], "bytes")


def readme(folder, what, how, script, note=""):
    lines = [what, how, f"Script: `scripts/{script}`.{' ' + note if note else ''}"]
    (Path(folder) / "README.md").write_text("\n".join(lines) + "\n")
