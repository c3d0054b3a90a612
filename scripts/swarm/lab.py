"""A bridge in a network namespace of its own, one namespace per host, tcpdump on the bridge.

There is no route out of these namespaces: nothing that runs here can reach any other network.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TRACKER_PORT = 6969
PYTHON = "/usr/bin/python3"


def run(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, timeout=60, **options)


class Lab:
    """`hosts` maps a name to its address (IPv4 or IPv6). With `offload` frames reach 64 KiB; without, 1514 bytes.

    `lossy` maps a host to (percent, seed): its link to the bridge loses so many of the packets, in both directions.
    """

    def __init__(self, hosts, offload=True, seconds=60, lossy=None):
        self.hosts, self.offload, self.seconds, self.lossy = hosts, offload, seconds, lossy or {}
        self.tag = f"pp{os.getpid()}"
        self.started = []

    def __enter__(self):
        self.work = Path(tempfile.mkdtemp(prefix="peerproof-"))
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, lambda *_: sys.exit("stopped"))
        try:
            self._wire()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wire(self):
        switch = f"{self.tag}-switch"
        run("ip", "netns", "add", switch)
        run("ip", "-n", switch, "link", "set", "lo", "up")
        run("ip", "-n", switch, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        self._sysctl(switch, "net.ipv6.conf.all.disable_ipv6", 1)
        run("ip", "-n", switch, "link", "set", "br0", "up")
        for number, (name, address) in enumerate(self.hosts.items()):
            host, six = f"{self.tag}-{name}", ":" in address
            run("ip", "netns", "add", host)
            self._sysctl(host, "net.ipv6.conf.all.disable_ipv6", 0 if six else 1)
            self._sysctl(host, "net.ipv6.conf.default.router_solicitations", 0)
            run("ip", "-n", host, "link", "set", "lo", "up")
            run("ip", "-n", host, "link", "add", "eth0", "address", f"02:00:00:00:00:{number + 1:02x}",
                "type", "veth", "peer", "name", f"p{number}", "netns", switch)
            if self.lossy:
                run("ip", "netns", "exec", host, PYTHON, HERE / "lossy.py", "checksum", "eth0")
            inner = f"p{number}"
            if name in self.lossy:
                inner = f"q{number}"
                run("ip", "-n", switch, "link", "add", f"r{number}", "type", "veth", "peer", "name", inner)
                for device in (f"p{number}", f"r{number}"):
                    run("ip", "-n", switch, "link", "set", device, "up")
                self.start("switch", PYTHON, HERE / "lossy.py", f"p{number}", f"r{number}", *self.lossy[name])
            run("ip", "-n", switch, "link", "set", inner, "master", "br0", "up")
            if not self.offload:
                run("ip", "-n", host, "link", "set", "eth0", "gso_max_segs", "1")
            run("ip", "-n", host, "link", "set", "eth0", "up")
            extra = ["nodad"] if six else []
            run("ip", "-n", host, "address", "add", f"{address}/{64 if six else 24}", "dev", "eth0", *extra)
        time.sleep(0.3)

    def _sysctl(self, namespace, key, value):
        run("ip", "netns", "exec", namespace, "sysctl", "-qw", f"{key}={value}")

    def __exit__(self, *_):
        for process in reversed(self.started):
            self.stop(process)
        for name in ["switch", *self.hosts]:
            subprocess.run(["ip", "netns", "del", f"{self.tag}-{name}"], stderr=subprocess.DEVNULL, timeout=30)
        if os.environ.get("KEEP"):
            print("kept", self.work)
        else:
            shutil.rmtree(self.work, ignore_errors=True)

    def start(self, name, *command, **options):
        """Starts a command on a host, bounded in time; `stop` ends it by its own process id."""
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", open(self.work / f"{name}.out", "ab"))
        options.setdefault("stderr", subprocess.STDOUT)
        # One processor for all: the kernel would otherwise reorder packets of a sender that moves between two.
        full = ["ip", "netns", "exec", f"{self.tag}-{name}", "taskset", "-c", "0", "timeout", "-k", "3", str(self.seconds), *map(str, command)]
        process = subprocess.Popen(full, cwd=options.pop("cwd", self.work), **options)
        self.started.append(process)
        return process

    def stop(self, process, sig=signal.SIGTERM, patience=8):
        if process.poll() is None:
            process.send_signal(sig)
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        if process in self.started:
            self.started.remove(process)

    def capture(self, path, snaplen=0, expression=()):
        """tcpdump on the bridge. Ends with `finish_capture`, which fails if the kernel dropped a packet."""
        log = open(self.work / f"tcpdump-{len(self.started)}.log", "w+")
        process = self.start("switch", "tcpdump", "-i", "br0", "-n", "-U", "--immediate-mode", "-B", "16384",
                             "-s", snaplen, "-w", path, "-Z", "root", *expression, stderr=log)
        process.log = Path(log.name)
        self.wait(lambda: "listening on" in process.log.read_text(), "tcpdump")
        return process

    def finish_capture(self, process):
        time.sleep(0.3)
        self.stop(process, signal.SIGINT)
        text = process.log.read_text()
        if not re.search(r"\b0 packets dropped by kernel", text):
            raise RuntimeError(f"tcpdump lost packets: {text}")

    def tracker(self, name="tracker"):
        address = self.hosts[name]
        process = self.start(name, PYTHON, HERE / "tracker.py", address, TRACKER_PORT, self.work / "tracker.jsonl")
        self.wait(lambda: self._listens(name, TRACKER_PORT), "tracker")
        return process

    def _listens(self, name, port):
        out = run("ip", "netns", "exec", f"{self.tag}-{name}", "ss", "-Hltn", capture_output=True, text=True).stdout
        return f":{port} " in out

    def wait_port(self, name, port, patience=15):
        self.wait(lambda: self._listens(name, port), f"{name} port {port}", patience)

    def libtorrent(self, name, torrent, save_path, port=6881, **conf):
        """Starts `peer.py`. `conf`: settings, flags, magnet, peers, file_priorities, log."""
        log = self.work / conf.pop("log", f"{name}.jsonl")
        address = self.hosts[name]
        listen = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        conf = {"listen": listen, "torrent": str(torrent), "save_path": str(save_path), "log": str(log),
                "seconds": self.seconds - 5, **conf}
        config = log.with_suffix(".conf")
        config.write_text(json.dumps(conf))
        process = self.start(name, PYTHON, HERE / "peer.py", config)
        process.log = log
        return process

    def wait(self, condition, what, patience=40):
        end = time.monotonic() + patience
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(f"waited too long for {what}")
            time.sleep(0.05)

    def wait_event(self, process, what, patience=45):
        """Waits for a line of this kind in a libtorrent peer's log."""
        needle = f'"what": "{what}"'

        def seen():
            if process.poll() is not None:
                raise RuntimeError(f"peer ended early, code {process.returncode}")
            return process.log.exists() and needle in process.log.read_text()
        self.wait(seen, what, patience)


def events(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines() if line.endswith("}")]
