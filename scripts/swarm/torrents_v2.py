"""v2 and hybrid torrents (BEP 52), made by libtorrent."""
import hashlib
import tempfile
from pathlib import Path

import libtorrent as lt

from swarm.torrents import Torrent


class _Made(Torrent):
    FLAGS = 0

    def write_metainfo(self, path):
        with tempfile.TemporaryDirectory() as folder:
            self.write_content(folder)
            storage = lt.file_storage()
            lt.add_files(storage, str(Path(folder) / self.name))
            made = lt.create_torrent(storage, self.piece_length, self.FLAGS)
            made.add_tracker(self.meta["announce"])
            made.set_creator("peerproof")
            lt.set_piece_hashes(made, folder)
            entry = made.generate()
            entry[b"creation date"] = 1700000000
            Path(path).write_bytes(lt.bencode(entry))
        raw = lt.bencode(entry[b"info"])
        self.v1, self.v2 = hashlib.sha1(raw).hexdigest(), hashlib.sha256(raw).hexdigest()
        self.info_hash = self.v1 if b"pieces" in entry[b"info"] else self.v2[:40]
        self.hybrid = b"pieces" in entry[b"info"]
        self.urn = f"urn:btih:{self.v1}" if self.hybrid else f"urn:btmh:1220{self.v2}"
        self.layout = [{"path": info.file_path(i).split("/", 1)[-1], "length": info.file_size(i), "offset": info.file_offset(i),
                        "pad": bool(info.file_flags(i) & lt.file_storage.flag_pad_file)}
                       for info in [lt.torrent_info(str(path)).files()] for i in range(info.num_files())]
        self.count = lt.torrent_info(str(path)).num_pieces()
        return Path(path)

    def describe(self, file_name):
        told = super().describe(file_name)
        told.update({"info_hash_v1": self.v1 if self.hybrid else None, "info_hash_v2": self.v2, "pieces": self.count,
                     "layout_in_libtorrent": self.layout})
        return told


def padding(torrents, transfers):
    """Served bytes that lie in padding: in a pad file, or beyond the end of a file (its last block sent in full)."""
    made = torrents[0]
    pads = [(f["offset"], f["offset"] + f["length"]) for f in made["layout_in_libtorrent"] if f["pad"]]
    last = made["layout_in_libtorrent"][-1]
    pads.append((last["offset"] + last["length"], made["pieces"] * made["piece_length"]))
    total = 0
    for edge in transfers:
        for piece, begin, length in edge["blocks"]:
            start = piece * made["piece_length"] + begin
            total += sum(max(0, min(start + length, end) - max(start, first)) for first, end in pads)
    return total


class V2(_Made):
    """A v2-only torrent."""
    FLAGS = lt.create_torrent.v2_only


class Hybrid(_Made):
    """A torrent of both versions, with pad files between its files."""
