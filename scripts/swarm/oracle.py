"""What a damaged capture still holds, computed from its clean twin: no heuristics, no resynchronisation.

The clean twin gives every block's place in its TCP stream; the damaged capture gives the stream bytes that it holds.
Classic little-endian microsecond pcap with Ethernet (or Linux cooked v2, put into Ethernet's form), IPv4 or IPv6
without extension headers: what tcpdump writes here.
"""
import socket
import struct
from collections import defaultdict, namedtuple
from pathlib import Path

Frame = namedtuple("Frame", "header wire_len data")  # header: 8 bytes of time
Segment = namedtuple("Segment", "frame src dst seq syn data wire_len")
Block = namedtuple("Block", "piece begin length header payload")  # stream offsets of the 13-byte header, the payload


def endpoint(pair):
    return f"[{pair[0]}]:{pair[1]}" if ":" in pair[0] else f"{pair[0]}:{pair[1]}"


def read(path):
    data = Path(path).read_bytes()
    if data[:4] != b"\xd4\xc3\xb2\xa1":
        raise ValueError(f"{path}: not a little-endian microsecond pcap")
    frames, at, cooked = [], 24, struct.unpack_from("<I", data, 20)[0] == 276
    while at < len(data):
        caplen, wire_len = struct.unpack_from("<II", data, at + 8)
        body = data[at + 16:at + 16 + caplen]
        if cooked:
            body, wire_len = bytes(12) + body[:2] + body[20:], wire_len - 6
        frames.append(Frame(data[at:at + 8], wire_len, body))
        at += 16 + caplen
    return data[:24], frames


def write(path, head, frames):
    body = b"".join(f.header + struct.pack("<II", len(f.data), f.wire_len) + f.data for f in frames)
    Path(path).write_bytes(head + body)


def segments(frames):
    """TCP segments with their frame number (from 1); `wire_len` is the payload's length when it was sent."""
    for number, frame in enumerate(frames, 1):
        data = frame.data
        kind = data[12:14]
        if kind == b"\x08\x00" and data[23] == 6:
            tcp = 14 + (data[14] & 15) * 4
            ip_len = struct.unpack_from(">H", data, 16)[0] + 14
            src, dst = (socket.inet_ntop(socket.AF_INET, data[i:i + 4]) for i in (26, 30))
        elif kind == b"\x86\xdd" and data[20] == 6:
            tcp = 54
            ip_len = struct.unpack_from(">H", data, 18)[0] + 54
            src, dst = (socket.inet_ntop(socket.AF_INET6, data[i:i + 16]) for i in (22, 38))
        else:
            continue
        sport, dport, seq = struct.unpack_from(">HHI", data, tcp)
        start = tcp + (data[tcp + 12] >> 4) * 4
        yield Segment(number, (src, sport), (dst, dport), seq, bool(data[tcp + 13] & 2), data[start:ip_len], ip_len - start)


def streams(frames):
    """(src, dst) -> (first sequence number, [(offset, captured bytes)]), for directions whose SYN is present."""
    base, parts = {}, defaultdict(list)
    for segment in segments(frames):
        key = segment.src, segment.dst
        if segment.syn:
            base[key] = (segment.seq + 1) % 2**32
        elif key in base and segment.wire_len:
            parts[key].append(((segment.seq - base[key]) % 2**32, segment.data))
    return base, parts


def blocks(frames):
    """(src, dst) -> [Block] for every direction of a clean capture that has a plain BEP 3 handshake near its start.

    Near: after MSE that selected plaintext, up to about 1.3 KiB of negotiation come first.
    """
    _, parts = streams(frames)
    found = {}
    for key, chunks in parts.items():
        data = bytearray()
        for offset, chunk in sorted(chunks):
            if offset > len(data):
                raise ValueError(f"the clean capture has a hole: {key}")
            data[offset:offset + len(chunk)] = chunk
        start = data.find(b"\x13BitTorrent protocol", 0, 2048)
        if start < 0:
            continue
        at, listed = start + 68, []
        while at + 13 <= len(data):
            length, kind, piece, begin = struct.unpack_from(">IBII", data, at)
            if length and kind == 7:
                listed.append(Block(piece, begin, length - 9, at, at + 13))
            at += 4 + length
        found[key] = listed
    return found


def held(clean, damaged):
    """For each direction with blocks: what of them the damaged frames still hold, by the clean twin's numbering."""
    base, _ = streams(clean)
    cover = defaultdict(set)
    for segment in segments(damaged):
        key = segment.src, segment.dst
        if key in base and segment.data and not segment.syn:
            offset = (segment.seq - base[key]) % 2**32
            cover[key].update(range(offset, offset + len(segment.data)))
    report = []
    for key, listed in blocks(clean).items():
        if not listed:
            continue
        whole, damaged_blocks, total = 0, [], 0
        for block in listed:
            have = sum(i in cover[key] for i in range(block.payload, block.payload + block.length))
            header = sum(i in cover[key] for i in range(block.header, block.payload))
            total += have
            if have == block.length and header == 13:
                whole += 1
            else:
                damaged_blocks.append([block.piece, block.begin, block.length, have, header])
        sent = sum(b.length for b in listed)
        report.append({
            "uploader": endpoint(key[0]), "downloader": endpoint(key[1]),
            "sent_payload_bytes": sent, "held_payload_bytes": total, "missing_payload_bytes": sent - total,
            "whole_blocks": whole, "whole_pieces": sorted({b.piece for b in listed} - {b[0] for b in damaged_blocks}),
            "damaged_blocks_columns": ["piece", "begin", "length", "payload bytes held", "of 13 header bytes held"],
            "damaged_blocks": damaged_blocks,
        })
    return report
