"""How a laboratory begins and ends: a free port, a line when it answers, an end with whoever started it."""

import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.request

START_SECONDS = 60
END_SECONDS = 5


def free_port():
    """A port that nobody listens on. ministack must know its number before it starts: container labels carry it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def claim_standard_output():
    """Keeps standard output for our one line; whatever ministack prints goes to standard error."""
    ours = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return ours


def end_with_standard_input(clean_up):
    """Ends the laboratory when nobody holds the other end of its standard input any more.

    ministack does not end while a stack waits for something; so it has some seconds, and is cut off then.
    """

    def wait():
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(END_SECONDS)
        clean_up()
        os._exit(1)

    threading.Thread(target=wait, daemon=True, name="lab-lifetime").start()


def announce_when_ready(port, output):
    """Prints the laboratory's address as soon as it answers; gives up, and ends it, when it does not."""
    url = f"http://127.0.0.1:{port}"

    def probe():
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{url}/_ministack/health", timeout=2):
                    print(json.dumps({"url": url}), file=output, flush=True)
                    return
            except OSError:
                time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=probe, daemon=True, name="lab-ready").start()
