#!/usr/bin/env python3
"""How long an edit takes to reach a container: `ctx watch` and `docker compose watch` in turn, on one project.

    sudo tests/bench/watch.py [PATH-OF-CTX] [EDITS]

Needs root (it looks into the container through /proc) and an image `ctx-test/busybox:1` (`cargo test --test local watch`
makes it). Prints the median and the 95th percentile in milliseconds. This is no test: it measures time.
"""

import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time

FILE = """services:
  web:
    image: ctx-test/busybox:1
    command: [sleep, '10000']
    init: true
    develop: {watch: [{action: sync, path: src, target: /app}]}
"""


def watched(command, folder, name, edits):
    """The times of some edits, in milliseconds."""
    log = open(folder / "log", "w+")
    watch = subprocess.Popen([*command, "watch", "--no-up"], cwd=folder, stdout=log, stderr=log)
    try:
        while "nabled" not in (folder / "log").read_text():
            time.sleep(0.05)
        pid = subprocess.check_output(["docker", "inspect", "-f", "{{.State.Pid}}", f"{name}-web-1"], text=True).strip()
        there = pathlib.Path(f"/proc/{pid}/root/app/file")
        times = []
        for number in range(edits + 1):
            content = f"{command[0]} {number}"
            time.sleep(1 + random.random() / 5)
            start = time.perf_counter()
            (folder / "src/file").write_text(content)
            while text(there) != content:
                time.sleep(0.0005)
            times.append((time.perf_counter() - start) * 1000)
        # The first one makes connections and folders.
        return times[1:]
    finally:
        watch.send_signal(signal.SIGINT)
        watch.wait()


def text(path):
    """What stands in a file that is just being replaced."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def main():
    ctx = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "ctx"
    edits = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    name = f"ctxbench{os.getpid()}"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "src").mkdir()
        (folder / "compose.yaml").write_text(FILE)
        subprocess.run(["docker", "compose", "-p", name, "--progress", "quiet", "up", "-d"], cwd=folder, check=True)
        try:
            times = {"ctx": [], "docker compose": []}
            # In turn, so that both meet the same load.
            for _ in range(2):
                times["ctx"] += watched([ctx, "-p", name], folder, name, edits // 2)
                times["docker compose"] += watched(["docker", "compose", "-p", name], folder, name, edits // 2)
            for tool, each in times.items():
                each.sort()
                late = each[int(len(each) * 0.95)]
                print(f"{tool:15} median {statistics.median(each):6.0f} ms   95 % {late:6.0f} ms   of {len(each)}")
        finally:
            subprocess.run(["docker", "compose", "-p", name, "--progress", "quiet", "down", "-t", "0"], cwd=folder)


main()
