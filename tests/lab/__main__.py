"""Starts the laboratory."""

import argparse
import importlib
import importlib.metadata
import os
import shutil
import sys
import tempfile

from . import MINISTACK_VERSION, lifetime

PATCHES = [
    "stores",
    "resource_types",
    "references",
    "cloudformation",
    "change_sets",
    "events",
    "limits",
    "task_definition",
    "service",
    "history",
    "way_out",
    "public_parameters",
    "tags",
    "starts",
    "images",
    "registry",
    "namespace",
    "container",
    "exit_codes",
    "ordering",
    "discovery",
    "health",
    "interfaces",
    "load_balancers",
    "logs",
    "faults",
    "schedules",
    "secret_tokens",
    "agent",
    "ports",
]


def main():
    options = arguments()
    answers = lifetime.claim_standard_output()
    port, state = lifetime.free_port(), tempfile.mkdtemp(prefix="ctx-lab-")
    configure(port, state, options)
    app = patched_ministack()
    from . import engine  # not before `configure`: it imports ministack

    def clean_up():
        engine.end()
        shutil.rmtree(state, ignore_errors=True)

    lifetime.end_with_standard_input(clean_up)
    engine.begin()
    lifetime.announce_when_ready(port, answers)
    try:
        sys.argv[1:] = []  # ministack reads them too
        app.main()
    finally:
        clean_up()


def arguments():
    parser = argparse.ArgumentParser(prog="python -m lab")
    parser.add_argument("--containers", action="store_true", help="run tasks as containers of the Docker engine")
    parser.add_argument("--image", help="image with a `pause` program, for the namespaces of tasks")
    parser.add_argument("--enforce", action="store_true", help="allow what IAM policies allow, and nothing else")
    options = parser.parse_args()
    if options.containers and not options.image:
        parser.error("--containers needs --image")
    return options


def configure(port, state, options):
    """Sets the environment that ministack reads while it is imported."""
    os.environ.update(
        GATEWAY_PORT=str(port),
        BIND_HOST="127.0.0.1",  # ministack binds all interfaces otherwise
        MINISTACK_HOST="127.0.0.1",
        MINISTACK_HOSTNAME="127.0.0.1",  # in the labels of containers, with the port
        SFTP_ENABLED="0",
        IOT_MTLS_ENABLED="0",
        TMPDIR=state,
        STATE_DIR=os.path.join(state, "state"),
    )
    tempfile.tempdir = None
    if options.enforce:
        os.environ["AUTH"] = "true"
    if options.containers:
        os.environ.update(LAB_NETWORK=f"ctx-lab-{port}", LAB_IMAGE=options.image)
        # ministack waits ten seconds for the engine, and calls a task that took longer one whose image cannot be pulled.
        os.environ["MINISTACK_DOCKER_TIMEOUT"] = "60"
    else:
        # No engine: ministack's tasks are RUNNING as soon as they are asked for.
        os.environ["DOCKER_HOST"] = "unix:///nonexistent.sock"


def patched_ministack():
    found = importlib.metadata.version("ministack")
    if found != MINISTACK_VERSION:
        raise SystemExit(f"the patches are for ministack {MINISTACK_VERSION}, found {found}")
    for name in PATCHES:
        importlib.import_module(f"lab.{name}").install()
    from ministack import app

    return app


if __name__ == "__main__":
    main()
