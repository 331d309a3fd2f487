"""The Docker engine under a laboratory with containers: its network, and the removal of all that it made."""

import contextlib
import os
import threading
import time

from ministack.core import container_reaper
from ministack.services import ecs

# Marks a container that holds a task's network namespace; the value is the task's ARN.
NAMESPACE_LABEL = "ctx.lab.namespace"
# How long a task that is being started may hold up the laboratory's end.
START_SECONDS = 10


def network_name():
    """The network that tasks join, or None in a laboratory without containers."""
    return os.environ.get("LAB_NETWORK")


def port():
    return os.environ["GATEWAY_PORT"]


def container_name(task_id, container):
    """The name that ministack gives a task's container."""
    return f"ministack-ecs-{task_id[:8]}-{container}"


def begin():
    """Makes a user-defined network, which is what gives its containers DNS names, where tasks are containers."""
    if network_name():
        docker = ecs._get_docker()
        if docker is None:
            raise SystemExit("no Docker engine answers")
        # The label lets a test remove what a killed laboratory left.
        docker.networks.create(network_name(), labels={"ctx.lab": port()})


def end():
    """Removes all that the laboratory made on the engine."""
    if network_name():
        start_no_more_tasks()
        remove_everything(ecs._get_docker())


def start_no_more_tasks():
    """Waits for the threads that start tasks, each of which looks whether its task is still wanted."""
    ecs._task_is_active = lambda task_arn, task: False
    deadline = time.monotonic() + START_SECONDS
    for thread in threading.enumerate():
        if thread.name.startswith("ministack-ecs-task-"):
            thread.join(max(0, deadline - time.monotonic()))


def remove_everything(docker):
    mine = {"label": f"{container_reaper.INSTANCE_LABEL}={container_reaper.instance_id()}"}
    for container in docker.containers.list(all=True, filters=mine, ignore_removed=True):
        with contextlib.suppress(Exception):
            container.remove(force=True, v=True)
    for volume in docker.volumes.list(filters={"label": f"ctx.lab={port()}"}):
        with contextlib.suppress(Exception):
            volume.remove(force=True)
    for network in docker.networks.list(names=[network_name()]):
        with contextlib.suppress(Exception):
            network.remove()
