#!/usr/bin/env python3
"""How often AWS is asked while `ctx up` waits for services that do not become stable, in the laboratory.

    $CTX_TEST_PYTHON_BIN/python tests/bench/waiting.py [PATH-OF-CTX] [SERVICES] [SECONDS]

The seconds are counted from the moment when the last service is there. Prints the calls by their names, once for
services of which ECS says nothing yet, once for those of which each says what is in the way. This is no test: it
measures time.
"""

import collections
import http.client
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

TESTS = pathlib.Path(__file__).resolve().parents[1]
SERVICE = """  web{number}:
    image: web
    labels: {{ctx.lab.event: {event}, ctx.lab.patience: '3600'}}
"""
# The laboratory makes one resource after the other, where AWS makes services at once: only the last one is waited for,
# and none is called complete.
LABORATORY = """
import sys
from lab import __main__ as lab

services, made = int(sys.argv.pop()), []
patched = lab.patched_ministack

def patched_once_more():
    app = patched()
    from lab import service
    from ministack.services.cloudformation import stacks
    tell, wait = stacks._add_event, service.wait_for_steady_state

    def wait_for_the_last(key):
        made.append(key)
        if len(made) == services:
            wait(key)

    def tell_of_no_end(stack_id, stack, logical_id, kind, status, *rest, **more):
        if (kind, status) != ("AWS::ECS::Service", "CREATE_COMPLETE"):
            tell(stack_id, stack, logical_id, kind, status, *rest, **more)

    service.wait_for_steady_state, stacks._add_event = wait_for_the_last, tell_of_no_end
    return app

lab.patched_ministack = patched_once_more
lab.main()
"""
EVENTS = {
    "nothing is said": "has a task that is being prepared.",
    "trouble is told": "was unable to place a task because no container instance met all of its requirements.",
}


class Counting(http.server.BaseHTTPRequestHandler):
    """Passes requests on to the laboratory, and writes down when each came and what it asked for."""

    protocol_version = "HTTP/1.1"
    laboratory = None
    calls = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target = self.headers.get("X-Amz-Target", "").rsplit(".", 1)[-1]
        query = urllib.parse.parse_qs(body.decode(errors="replace")).get("Action", [self.path])[0]
        self.calls.append((time.monotonic(), target or query, body.decode(errors="replace")))
        connection = http.client.HTTPConnection(self.laboratory)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        text = answer.read()
        self.send_response(answer.status)
        for name in ("Content-Type", "x-amzn-requestid", "x-amzn-errortype"):
            if answer.getheader(name):
                self.send_header(name, answer.getheader(name))
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST

    def log_message(self, *arguments):
        pass


def measure(ctx, what, services, seconds):
    """The calls of one deployment that waits."""
    laboratory = subprocess.Popen(
        [sys.executable, "-c", LABORATORY, str(services)],
        cwd=TESTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    Counting.laboratory = json.loads(laboratory.stdout.readline())["url"].removeprefix("http://")
    Counting.calls = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        numbers = range(1, services + 1)
        file = "name: waiting\nservices:\n" + "".join(
            SERVICE.format(number=number, event=json.dumps(EVENTS[what])) for number in numbers
        )
        pathlib.Path(folder, "compose.yaml").write_text(file)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
            "AWS_ACCESS_KEY_ID": "100000000001",
            "AWS_SECRET_ACCESS_KEY": "of the laboratory",
            "AWS_REGION": "eu-central-1",
        }
        run = {"cwd": folder, "env": environment}
        subprocess.run([ctx, "create", "ecs", "lab", "--from-env"], check=True, stdout=subprocess.DEVNULL, **run)
        log = open(pathlib.Path(folder, "log"), "w+")
        up = subprocess.Popen(
            [ctx, "-c", "lab", "--progress", "plain", "up", "--yes"], stdout=log, stderr=log, stdin=subprocess.DEVNULL, **run
        )
        try:
            started = time.monotonic()
            said = set()
            while len(said) < services:
                time.sleep(0.05)
                assert up.poll() is None, pathlib.Path(folder, "log").read_text()
                lines = pathlib.Path(folder, "log").read_text().splitlines()
                said = {line.split(":")[0] for line in lines if line.startswith("web") and "Service  Creating" in line}
                assert time.monotonic() < started + 120, lines
            begin = time.monotonic()
            time.sleep(seconds)
            assert up.poll() is None, pathlib.Path(folder, "log").read_text()
            counted = [call for call in Counting.calls if begin <= call[0] < begin + seconds]
        finally:
            up.kill()
            up.wait()
            laboratory.stdin.close()
            laboratory.wait()
            server.shutdown()
    names = collections.Counter(name for _, name, _ in counted)
    each = ", ".join(f"{name} {count}" for name, count in names.most_common())
    print(f"{what}: {len(counted)} calls in {seconds} s for {services} services: {each}", flush=True)


def main():
    ctx = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "ctx"
    services = int(sys.argv[2]) if len(sys.argv) > 2 else 30
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 60
    for what in EVENTS:
        measure(ctx, what, services, seconds)


main()
