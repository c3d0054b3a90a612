"""One libtorrent peer. Argument: a JSON file (see `Lab.libtorrent`). Writes what it does as JSON lines.

Runs until SIGTERM. The log holds every `peer_log` line (libtorrent's own account of each message), hash failures,
finished blocks, and the pairs of endpoints of each connection.
"""
import json
import signal
import sys
import time

import libtorrent as lt

BASE = {
    "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
    "enable_outgoing_utp": False, "enable_incoming_utp": False,
    "out_enc_policy": 2, "in_enc_policy": 2,  # 2 = pe_disabled
    "allow_multiple_connections_per_ip": True, "close_redundant_connections": False,
    "announce_to_all_trackers": True, "alert_queue_size": 1000000, "connection_speed": 50,
    "user_agent": "libtorrent/2.0", "validate_https_trackers": False, "disk_io_write_mode": 0,
}


def main():
    conf = json.load(open(sys.argv[1]))
    log = open(conf["log"], "w", buffering=1)

    def note(what, **fields):
        log.write(json.dumps({"time": round(time.time(), 6), "what": what, **fields}) + "\n")

    cat = lt.alert.category_t
    settings = {**BASE, "listen_interfaces": conf["listen"], "alert_mask": int(
        cat.peer_log_notification | cat.status_notification | cat.storage_notification | cat.error_notification
        | cat.block_progress_notification | cat.piece_progress_notification | cat.upload_notification
        | cat.tracker_notification | cat.connect_notification | cat.peer_notification), **conf.get("settings", {})}
    session = lt.session(settings)
    if conf.get("magnet"):
        params = lt.parse_magnet_uri(conf["magnet"])
    else:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(conf["torrent"])
    params.save_path = conf["save_path"]
    flags = lt.torrent_flags
    params.flags &= ~(flags.auto_managed | flags.paused)
    for name in conf.get("flags", []):
        params.flags |= getattr(flags, name)
    if conf.get("peers"):
        params.peers = [tuple(peer) for peer in conf["peers"]]
    if conf.get("file_priorities"):
        params.file_priorities = conf["file_priorities"]
    handle = session.add_torrent(params)

    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    pairs = set()

    def drain():
        for alert in session.pop_alerts():
            kind = alert.what()
            if kind == "peer_log":
                note(kind, peer=list(alert.endpoint), text=alert.message())
            elif kind in ("block_uploaded", "block_finished"):
                note(kind, peer=list(alert.endpoint), piece=alert.piece_index, block=alert.block_index)
            elif kind in ("hash_failed", "piece_finished"):
                note(kind, piece=alert.piece_index)
            elif kind in ("block_downloading", "picker_log"):
                continue
            else:
                note(kind, text=alert.message())

    deadline = time.monotonic() + conf.get("seconds", 50)
    ready = finished = False
    while not stop and time.monotonic() < deadline:
        session.wait_for_alert(50)
        drain()
        for info in handle.get_peer_info():
            pair = (info.local_endpoint, info.ip)
            if pair not in pairs:
                pairs.add(pair)
                note("connection", local=list(pair[0]), remote=list(pair[1]))
        status = handle.status()
        checked = str(status.state) not in ("checking_files", "checking_resume_data", "allocating")
        if not ready and checked:
            ready = True
            note("ready", state=str(status.state), pieces=[i for i, have in enumerate(status.pieces) if have])
        if not finished and checked and status.has_metadata and (status.is_seeding or status.is_finished):
            finished = True
            note("finished")
    drain()
    status = handle.status()
    note("totals", payload_upload=status.total_payload_upload, payload_download=status.total_payload_download,
         failed=status.total_failed_bytes, redundant=status.total_redundant_bytes)
    session.remove_torrent(handle)
    end = time.monotonic() + 0.7
    while time.monotonic() < end:
        session.wait_for_alert(50)
        drain()
    note("end")


main()
