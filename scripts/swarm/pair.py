"""The commonest recording: one libtorrent seeder, one libtorrent leecher, a tracker between them."""
import time

from swarm import oracle, truth
from swarm.lab import Lab, events
from swarm.torrents import Torrent

FOUR = {"tracker": "203.0.113.1", "seeder": "203.0.113.2", "leecher": "203.0.113.3"}
SIX = {"tracker": "2001:db8::1", "seeder": "2001:db8::2", "leecher": "2001:db8::3"}


def announce(hosts):
    address = hosts["tracker"]
    return f"http://[{address}]:6969/announce" if ":" in address else f"http://{address}:6969/announce"


def record(out, files, piece_length, seed, *, name, hosts=FOUR, offload=True, snaplen=0, settings=None,
           transport="tcp", seeder=None, leecher=None, magnet=False, until="finished", check=True, linger=1.0,
           kind=Torrent, facts=None, lossy=None):
    """Records `out/capture.pcap` and writes the torrent and the truth. Returns the truth and the capture's path.

    `kind` makes the torrent; with `magnet` the leecher has no metainfo; `until` is the leecher's event to wait for;
    `facts` may add to the truth from the two logs (uploader's, downloader's).
    """
    out.mkdir(parents=True, exist_ok=True)
    torrent = kind(name, files, piece_length, seed, announce(hosts))
    meta = torrent.write_metainfo(out / f"{name.split('.')[0]}.torrent")
    path = out / "capture.pcap"
    with Lab(hosts, offload=offload, lossy=lossy) as lab:
        dump = lab.capture(path, snaplen)
        whole = lab.capture(lab.work / "whole.pcap") if snaplen else None
        lab.tracker()
        up = lab.libtorrent("seeder", meta, torrent.write_content(lab.work / "seeder"), settings=settings or {},
                            **(seeder or {}))
        lab.wait_event(up, "finished")
        extra = dict(leecher or {})
        if magnet:
            extra["magnet"] = f"magnet:?xt={torrent.urn}&tr={announce(hosts)}"
        down = lab.libtorrent("leecher", meta, lab.work / "leecher", settings=settings or {}, **extra)
        lab.wait_event(down, until)
        time.sleep(linger)
        lab.stop(down)
        lab.stop(up)
        lab.finish_capture(dump)
        told = {"case": out.name, "torrents": [torrent.describe(meta.name)],
                "transfers": truth.libtorrent_transfers([up.log, down.log], torrent.info_hash, transport)}
        if facts:
            told.update(facts(events(up.log), events(down.log)))
        if whole:
            lab.finish_capture(whole)
            told["transfers_are"] = "what was sent; `held` tells what this capture still has of it"
            told["held"] = oracle.held(oracle.read(lab.work / "whole.pcap")[1], oracle.read(path)[1])
            for edge in told["held"]:
                print("  held", edge["held_payload_bytes"], "whole blocks", edge["whole_blocks"])
        if "layout_in_libtorrent" in told["torrents"][0]:
            from swarm.torrents_v2 import padding  # needs libtorrent
            told["pad_bytes"] = padding(told["torrents"], told["transfers"])
        for file in lab.work.joinpath("seeder").rglob("*"):
            twin = lab.work / "leecher" / file.relative_to(lab.work / "seeder")
            if until == "finished" and file.is_file() and file.read_bytes() != twin.read_bytes():
                raise RuntimeError(f"the leecher's {twin.name} is not the seeder's")
    if check:
        told["on_the_wire"] = truth.on_the_wire(path)
    truth.write(out, told)
    if check:
        truth.compare(told, truth.tshark_pieces(path, out / "tshark-pieces.tsv"))
    return told, path
