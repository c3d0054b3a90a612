"""Content from a seed, and BEP 3 metainfo written by hand."""
import hashlib
import random
from pathlib import Path


def content(seed, length):
    """`length` pseudo-random bytes; the same for the same seed on every machine."""
    return random.Random(seed).randbytes(length)


def bencode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    pairs = sorted((k.encode() if isinstance(k, str) else k, v) for k, v in value.items())
    return b"d" + b"".join(bencode(k) + bencode(v) for k, v in pairs) + b"e"


class Torrent:
    """A v1 torrent whose every content byte is known.

    `files` is a list of (path inside the torrent, length). A single file has the torrent's own name as its path.
    """

    def __init__(self, name, files, piece_length, seed, announce, web_seeds=(), http_seeds=()):
        self.name, self.files, self.piece_length, self.seed = name, files, piece_length, seed
        self.bytes = content(seed, sum(length for _, length in files))
        self.single = len(files) == 1 and files[0][0] == name
        self.pieces = [self.bytes[i:i + piece_length] for i in range(0, len(self.bytes), piece_length)]
        self.info = {
            "name": name,
            "piece length": piece_length,
            "pieces": b"".join(hashlib.sha1(p).digest() for p in self.pieces),
        }
        if self.single:
            self.info["length"] = len(self.bytes)
        else:
            self.info["files"] = [{"length": n, "path": path.split("/")} for path, n in files]
        self.meta = {"info": self.info, "creation date": 1700000000, "created by": "peerproof"}
        if announce:
            self.meta["announce"] = announce
        if web_seeds:
            self.meta["url-list"] = list(web_seeds)
        if http_seeds:
            self.meta["httpseeds"] = list(http_seeds)
        self.info_hash = hashlib.sha1(bencode(self.info)).hexdigest()
        self.urn = f"urn:btih:{self.info_hash}"

    def write_metainfo(self, path):
        Path(path).write_bytes(bencode(self.meta))
        return Path(path)

    def write_content(self, folder, change=None):
        """Writes the files below `folder`; `change` may edit the whole content (a bytearray) before."""
        data = bytearray(self.bytes)
        if change:
            change(data)
        root, at = Path(folder), 0
        for path, length in self.files:
            target = root / path if self.single else root / self.name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data[at:at + length])
            at += length
        return root

    def describe(self, file_name):
        return {
            "metainfo": file_name, "info_hash_v1": self.info_hash, "name": self.name,
            "piece_length": self.piece_length, "pieces": len(self.pieces), "length": len(self.bytes),
            "files": [{"path": path, "length": n} for path, n in self.files],
            "content": f"random.Random({self.seed}).randbytes({len(self.bytes)}) in Python 3, files in order",
        }
