"""The commonest recording: one libtorrent seeder, one libtorrent leecher, a tracker between them."""
import time

from swarm import oracle, truth
from swarm.lab import Lab
from swarm.torrents import Torrent

FOUR = {"tracker": "203.0.113.1", "seeder": "203.0.113.2", "leecher": "203.0.113.3"}
SIX = {"tracker": "2001:db8::1", "seeder": "2001:db8::2", "leecher": "2001:db8::3"}


def announce(hosts):
    address = hosts["tracker"]
    return f"http://[{address}]:6969/announce" if ":" in address else f"http://{address}:6969/announce"


def record(out, files, piece_length, seed, *, name, hosts=FOUR, offload=True, snaplen=0, settings=None,
           transport="tcp", capture_name="capture.pcap", seeder=None, leecher=None, check=True, linger=1.0):
    """Records `out/capture.pcap` and writes the torrent and the truth. Returns the truth and the capture's path."""
    out.mkdir(parents=True, exist_ok=True)
    torrent = Torrent(name, files, piece_length, seed, announce(hosts))
    meta = torrent.write_metainfo(out / f"{name.split('.')[0]}.torrent")
    path = out / capture_name
    with Lab(hosts, offload=offload) as lab:
        dump = lab.capture(path, snaplen)
        whole = lab.capture(lab.work / "whole.pcap") if snaplen else None
        lab.tracker()
        up = lab.libtorrent("seeder", meta, torrent.write_content(lab.work / "seeder"), settings=settings or {},
                            **(seeder or {}))
        lab.wait_event(up, "finished")
        down = lab.libtorrent("leecher", meta, lab.work / "leecher", settings=settings or {}, **(leecher or {}))
        lab.wait_event(down, "finished")
        time.sleep(linger)
        lab.stop(down)
        lab.stop(up)
        lab.finish_capture(dump)
        told = {"case": out.name, "torrents": [torrent.describe(meta.name)],
                "transfers": truth.libtorrent_transfers([up.log, down.log], torrent.info_hash, transport)}
        if whole:
            lab.finish_capture(whole)
            told["transfers_are"] = "what was sent; `held` tells what this capture still has of it"
            told["held"] = oracle.held(oracle.read(lab.work / "whole.pcap")[1], oracle.read(path)[1])
            for edge in told["held"]:
                print("  held", edge["held_payload_bytes"], "whole blocks", edge["whole_blocks"])
        if lab.work.joinpath("leecher", name).is_file():
            if lab.work.joinpath("leecher", name).read_bytes() != torrent.bytes:
                raise RuntimeError("the leecher's file is not the seeder's")
    if check:
        told["on_the_wire"] = truth.on_the_wire(path)
    truth.write(out, told)
    if check:
        truth.compare(told, truth.tshark_pieces(path, out / "tshark-pieces.tsv"))
    return told, path
