#!/usr/bin/env python3
"""Facts of many capture sets on Apache Spark, and one case of all of them.

    spark-submit scripts/spark/peerproof_spark.py --captures 'captures/*' --torrents torrents --parts parts --out case

Each file, or each directory, that the pattern names is a capture set, and a task: it runs `peerproof facts` and leaves a
part. What no task hashed, as its pieces are spread over sets, is hashed by `peerproof facts --units` in groups of pieces, a
task each. The parts are judged together by `peerproof analyze` on the driver, which takes those digests in the place of
hashing, and writes the case. Nothing else decides anything: report.json has the bytes that the same commands give in a
shell loop, with the digests or without.

Captures, torrents, parts and case may lie in any file system that fsspec reads (a path, hdfs://, s3://, gs:// ...); what
the binary needs as a file is staged. A part that is there already, of captures with the same SHA-256, is not made again,
whatever torrents are given now; other options of reading need another --parts. A set that fails is retried as Spark retries tasks, and is then named in the case.

Python 3.10 or later, requirements.txt beside this file, Java 17; `peerproof` in the PATH of driver and executors, or
--peerproof. Exit code: that of peerproof analyze (3 also where a set failed).
"""

import argparse
import glob
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from pyspark import SparkConf, SparkContext, TaskContext

REMOTE = re.compile(r"^[a-z][a-z0-9+.-]*://")
SCHEMA = "peerproof/part/1"
# How often captures that the case asks for are fetched from a remote file system before it stands as it is.
MOST_ROUNDS = 50


class Files:
    """Files by path or URL. Local paths are used where they are."""

    @staticmethod
    def is_remote(path):
        return bool(REMOTE.match(path)) and not path.startswith("file://")

    @staticmethod
    def local(path):
        return path.removeprefix("file://")

    @staticmethod
    def system(path):
        import fsspec

        return fsspec.core.url_to_fs(path)

    @classmethod
    def match(cls, pattern):
        """What a pattern names, sorted."""
        if not cls.is_remote(pattern):
            return sorted(glob.glob(cls.local(pattern)))
        system, inside = cls.system(pattern)
        # The same file system as the pattern names, with its host.
        before = pattern.removesuffix(inside) if pattern.endswith(inside) else None
        return sorted(system.unstrip_protocol(name) if before is None else before + name for name in system.glob(inside))

    @classmethod
    def staged(cls, path, place):
        """A local path of a file or a directory, copied below `place` where it is remote: into a directory of its own, as a
        capture and its part have one name."""
        if not cls.is_remote(path):
            return cls.local(path)
        system, inside = cls.system(path)
        target = os.path.join(tempfile.mkdtemp(dir=place), os.path.basename(inside.rstrip("/")))
        system.get(inside, target, recursive=True)
        return target

    @classmethod
    def exists(cls, path):
        if not cls.is_remote(path):
            return os.path.exists(cls.local(path))
        system, inside = cls.system(path)
        return system.exists(inside)

    @classmethod
    def read(cls, path):
        if not cls.is_remote(path):
            return pathlib.Path(cls.local(path)).read_bytes()
        system, inside = cls.system(path)
        return system.cat_file(inside)

    @classmethod
    def put(cls, directory, path, last):
        """Moves a local directory to `path`, where nothing is or what may go. `last`, a file of it, comes last: where it
        is, all of it is."""
        if not cls.is_remote(path):
            path = cls.local(path)
            old = f"{path}.old-{os.getpid()}"
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            new = tempfile.mkdtemp(prefix=".new-", dir=os.path.dirname(path) or ".")
            shutil.copytree(directory, new, dirs_exist_ok=True)
            os.chmod(new, 0o755)
            if os.path.exists(path):
                os.rename(path, old)
            os.rename(new, path)
            shutil.rmtree(old, ignore_errors=True)
            return
        system, inside = cls.system(path)
        if system.exists(inside):
            system.rm(inside, recursive=True)
        system.makedirs(inside, exist_ok=True)
        files = [file for file in pathlib.Path(directory).rglob("*") if file.is_file()]
        for file in sorted(files, key=lambda file: (file.name == last, file)):
            name = file.relative_to(directory).as_posix()
            system.makedirs(f"{inside}/{os.path.dirname(name)}".rstrip("/"), exist_ok=True)
            system.put_file(str(file), f"{inside}/{name}")


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def files_below(path):
    if os.path.isdir(path):
        return sorted(str(file) for file in pathlib.Path(path).rglob("*") if file.is_file())
    return [path]


def names_of(sets):
    """The name of each set's part: that of the set; where several have one name, with what tells them apart."""
    base = {path: re.sub(r"[^A-Za-z0-9._-]", "_", os.path.basename(path.rstrip("/"))) for path in sets}
    several = {name for name in base.values() if sum(other == name for other in base.values()) > 1}
    mark = lambda path: f"-{hashlib.sha256(path.encode()).hexdigest()[:12]}"
    return {path: name + mark(path) if name in several else name for path, name in base.items()}


def is_done(part, captures):
    """Whether a part of these captures is there, by their digests."""
    try:
        manifest = json.loads(Files.read(f"{part}/part.json"))
    except (OSError, ValueError):
        return False
    if manifest.get("schema") != SCHEMA or manifest.get("failed"):
        return False
    there = sorted(entry["sha256"] for entry in manifest["inputs"])
    return there == sorted(sha256(capture) for capture in captures)


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **more)


def last_line(text):
    lines = [line for line in text.strip().splitlines() if line.startswith("error: ")] or text.strip().splitlines()
    return lines[-1].removeprefix("error: ") if lines else "no word"


def facts(job, path, name):
    """A task: the part of one set. Gives (name, path, why it failed or None, whether it was there already)."""
    part = f"{job['parts'].rstrip('/')}/{name}"
    with tempfile.TemporaryDirectory(prefix="peerproof-") as place:
        try:
            capture = Files.staged(path, place)
            captures = files_below(capture)
            if is_done(part, captures):
                return name, path, None, True
            torrents = Files.staged(job["torrents"], place) if job["torrents"] else None
            new = os.path.join(place, "part")
            command = [job["peerproof"], "facts", capture, "-o", new, "--threads", "1", *job["options"]]
            command += ["-t", torrents] if torrents else []
            done = run(command)
            # 3: complete, over damage or a bound that the part tells of.
            if done.returncode not in (0, 3):
                # Without what to try, which names places of this machine: the case is the same wherever it was read.
                why = last_line(done.stderr).replace(capture, os.path.basename(capture)).split("; try: ")[0]
                raise RuntimeError(f"exit {done.returncode}: {why}")
            Files.put(new, part, "part.json")
            return name, path, None, False
        except Exception as error:
            context = TaskContext.get()
            # Raised, so that Spark tries it again, elsewhere; at last it is told, as no set is lost in silence.
            if context is not None and context.attemptNumber() + 1 < job["attempts"]:
                raise
            return name, path, str(error), False


def staged_parts(job, names, place):
    return [Files.staged(f"{job['parts'].rstrip('/')}/{name}", place) for name in sorted(names)]


def local_captures(job):
    """Directories in which captures are looked for."""
    return sorted({os.path.dirname(Files.local(path)) or "." for path in job["sets"] if not Files.is_remote(path)})


def units(job, names, number, of):
    """A task: what the pieces of one group hash to, as a file's bytes; None where that failed. It only spares hashing."""
    with tempfile.TemporaryDirectory(prefix="peerproof-") as place:
        parts = staged_parts(job, names, place)
        torrents = ["-t", Files.staged(job["torrents"], place)] if job["torrents"] else []
        places = [word for path in local_captures(job) for word in ("--captures", path)]
        new = os.path.join(place, f"units-{number}")
        command = [job["peerproof"], "facts", *parts, *torrents, *places, *job["options"]]
        command = [word for word in command if word != "--carry-open"]
        done = run([*command, "--units", f"{number}/{of}", "-o", new])
        if done.returncode != 0:
            sys.stderr.write(f"group {number} of {of} is left to the driver: {last_line(done.stderr)}\n")
            return number, None
        return number, pathlib.Path(new).read_bytes()


def judge(job, names, failed, hashed, out, options):
    """One case of all parts."""
    with tempfile.TemporaryDirectory(prefix="peerproof-") as place:
        parts = staged_parts(job, names, place)
        for name, why in sorted(failed.items()):
            part = pathlib.Path(place, "failed", name)
            part.mkdir(parents=True)
            part.joinpath("part.json").write_text(json.dumps({"schema": SCHEMA, "failed": why}))
            parts.append(str(part))
        torrents = ["-t", Files.staged(job["torrents"], place)] if job["torrents"] else []
        fetched = pathlib.Path(place, "captures")
        fetched.mkdir()
        places = [word for path in [*local_captures(job), str(fetched)] for word in ("--captures", path)]
        case = os.path.join(place, "case")
        groups = []
        for number, content in sorted(hashed):
            groups.append(os.path.join(place, f"units-{number}"))
            pathlib.Path(groups[-1]).write_bytes(content)
        command = [job["peerproof"], "analyze", *parts, *groups, *torrents, *places, *options, "-o", case, "--force", "-q"]
        for _ in range(MOST_ROUNDS):
            done = run(command)
            if done.returncode not in (0, 3):
                sys.stderr.write(done.stderr)
                return done.returncode
            if not fetch_missing(job, case, parts, fetched):
                break
        sys.stdout.write(done.stdout)
        sys.stderr.write(done.stderr)
        Files.put(case, out, "manifest.json")
        return done.returncode


def fetch_missing(job, case, parts, fetched):
    """Stages captures that something was asked of and that are remote; whether there were any."""
    remote = {name: path for path, name in job["sets"].items() if Files.is_remote(path)}
    if not remote:
        return False
    report = json.loads(pathlib.Path(case, "report.json").read_text())
    limits = [kind for kind in report["anomalies"] if kind["kind"] == "limit-reached"]
    bounds = [example for kind in limits for example in kind["examples"] if example.get("bound") == "captures"]
    wanted = {int(number) - 1 for example in bounds for number in re.findall(r"#([0-9]+) ", example["detail"])}
    # Of many only the first are told: then each is fetched, which costs time and nothing else.
    every = any(kind["count"] > len(kind["examples"]) for kind in limits if bounds)
    digests = {entry["sha256"] for at, entry in enumerate(report["inputs"]) if every or at in wanted}
    new = False
    for part in parts:
        name = os.path.basename(part)
        manifest = json.loads(pathlib.Path(part, "part.json").read_text())
        if name in remote and any(entry["sha256"] in digests for entry in manifest.get("inputs", [])):
            target = fetched / name
            if not target.exists():
                target.mkdir()
                Files.staged(remote[name], str(target))
                new = True
    return new


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--captures", required=True, metavar="GLOB", action="append", help="capture sets: files, or directories of one set each")
    parser.add_argument("--torrents", metavar="DIR", help="a torrent, or a directory of torrents")
    parser.add_argument("--out", required=True, metavar="CASE", help="the case; replaced where it is one")
    parser.add_argument("--parts", metavar="DIR", help="where parts are kept for the next run; CASE.parts unless it is given")
    parser.add_argument("--peerproof", default="peerproof", metavar="PROGRAM")
    parser.add_argument("--groups", type=int, metavar="N", help="tasks in which pieces are hashed that several sets share; as many as there are cores unless it is given, 0 for none")
    parser.add_argument("--facts-option", action="append", default=[], metavar="OPTION", help="for peerproof facts, such as --carry-open")
    parser.add_argument("--analyze-option", action="append", default=[], metavar="OPTION", help="for peerproof analyze")
    return parser.parse_args()


def main():
    given = arguments()
    sets = sorted({path for pattern in given.captures for path in Files.match(pattern)})
    if not sets:
        raise SystemExit(f"peerproof_spark: nothing is named by {' '.join(given.captures)}")
    absolute = lambda path: path if path is None or Files.is_remote(path) else os.path.abspath(Files.local(path))
    program = shutil.which(given.peerproof)
    if program is None:
        raise SystemExit(f"peerproof_spark: no program {given.peerproof} in the PATH")
    job = {
        "sets": names_of([absolute(path) for path in sets]),
        "torrents": absolute(given.torrents),
        "parts": absolute(given.parts or f"{given.out.rstrip('/')}.parts"),
        "peerproof": given.peerproof if os.sep not in given.peerproof else os.path.abspath(given.peerproof),
        "options": given.facts_option,
    }
    spark = SparkContext.getOrCreate(SparkConf().setAppName("peerproof"))
    spark.setLogLevel("ERROR")
    job["attempts"] = attempts(spark)
    task = dict(job, sets=None)
    sets = sorted(job["sets"].items())
    results = spark.parallelize(sets, len(sets)).map(lambda each: facts(task, *each)).collect()
    failed = {name: why for name, _, why, _ in results if why is not None}
    names = [name for name, _, why, _ in results if why is None]
    there = sum(1 for *_, was_there in results if was_there)
    hashed = []
    if len(names) > 1:
        groups = spark.defaultParallelism if given.groups is None else given.groups
        task = dict(job)
        hashed = spark.parallelize(range(1, groups + 1), max(groups, 1)).map(lambda number: units(task, names, number, groups)).collect()
        hashed = [(number, content) for number, content in hashed if content is not None]
    spark.stop()
    print(f"{len(results)} sets: {len(names) - there} read, {there} there already, {len(failed)} failed", file=sys.stderr)
    for name, why in sorted(failed.items()):
        print(f"warning: {name} failed: {why}", file=sys.stderr)
    sys.exit(judge(job, names, failed, hashed, absolute(given.out), given.analyze_option))


def attempts(spark):
    """How often Spark tries a task before it gives up the job: once in local mode, unless local[N,F] says more."""
    local = re.fullmatch(r"local(\[[^,\]]*(,\s*([0-9]+))?\])?", spark.master)
    if local:
        return int(local.group(3) or 1)
    return int(spark.getConf().get("spark.task.maxFailures", "4"))


if __name__ == "__main__":
    main()
