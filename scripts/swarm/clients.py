"""The other clients, told to speak plaintext TCP to the bridge and to nobody else."""
import json
import re
from pathlib import Path

from swarm.lab import run


def transmission(lab, name, torrent, folder, port=6881, **settings):
    """Starts transmission-daemon, adds the torrent with its data in `folder`, verifies it. Returns (process, remote)."""
    home = lab.work / f"{name}-transmission"
    home.mkdir()
    settings = {
        "utp-enabled": False, "encryption": 0, "dht-enabled": False, "lpd-enabled": False, "pex-enabled": False,
        "port-forwarding-enabled": False, "peer-port": port, "bind-address-ipv4": lab.hosts[name],
        "rpc-bind-address": "127.0.0.1", "rpc-port": 9091, "download-dir": str(folder), "ratio-limit-enabled": False,
        "watch-dir-enabled": False, "message-level": 3, "start-added-torrents": False, "preallocation": 0, **settings,
    }
    (home / "settings.json").write_text(json.dumps(settings))
    process = lab.start(name, "transmission-daemon", "-f", "-g", home)
    lab.wait_port(name, 9091)

    def remote(*arguments):
        return run("ip", "netns", "exec", f"{lab.tag}-{name}", "transmission-remote", "127.0.0.1:9091", *arguments,
                   capture_output=True, text=True).stdout

    remote("-a", torrent)
    if folder.exists():
        remote("-t", "1", "-v")
        lab.wait(lambda: "Percent Done: 100%" in remote("-t", "1", "-i"), "transmission's check")
    remote("-t", "1", "-s")
    return process, remote


def aria2(lab, name, torrent, folder, *more, port=6881, seed_minutes=0):
    """Starts aria2c; its debug log names every piece message that it receives."""
    log = lab.work / f"{name}-aria2.log"
    process = lab.start(name, "aria2c", f"--dir={folder}", f"--listen-port={port}", "--enable-dht=false",
                        "--enable-dht6=false", "--bt-enable-lpd=false", "--enable-peer-exchange=false",
                        "--bt-require-crypto=false", "--bt-min-crypto-level=plain", "--bt-force-encryption=false",
                        f"--seed-time={seed_minutes}", "--file-allocation=none", "--follow-torrent=mem", "--no-conf=true",
                        "--bt-external-ip=" + lab.hosts[name], f"--log={log}", "--log-level=debug",
                        "--check-integrity=true", *more, torrent)
    process.log = log
    return process


ARIA2_PIECE = re.compile(r"From: (\S+):(\d+) piece index=(\d+), begin=(\d+), length=(\d+)")


def aria2_received(log):
    """(ip, port) of the sender -> [(piece, begin, length)]."""
    found = {}
    for ip, port, *numbers in ARIA2_PIECE.findall(Path(log).read_text(errors="replace")):
        found.setdefault((ip, int(port)), []).append(tuple(map(int, numbers)))
    return found


def rtorrent(lab, name, torrent, folder, port=6881, encryption="none"):
    """Starts rtorrent under `script`, which gives it the terminal that it wants."""
    folder.mkdir(parents=True, exist_ok=True)
    session = lab.work / f"{name}-rtorrent"
    session.mkdir()
    rc = lab.work / f"{name}.rc"
    rc.write_text(f"""
directory.default.set = {folder}
session.path.set = {session}
network.bind_address.set = {lab.hosts[name]}
network.port_range.set = {port}-{port}
network.port_random.set = no
protocol.encryption.set = {encryption}
protocol.pex.set = no
dht.mode.set = disable
trackers.use_udp.set = no
system.umask.set = 0022
pieces.hash.on_completion.set = yes
load.start = {torrent}
""")
    return lab.start(name, "script", "-qefc", f"rtorrent -n -o import={rc}", "/dev/null")
