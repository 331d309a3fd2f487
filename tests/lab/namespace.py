"""One network namespace a task, as awsvpc gives it: its containers share an address and localhost.

ministack starts each container on the default bridge with an address of its own. Here a `pause` container holds the
namespace, joined to the laboratory's network under the names that the task answers to.
"""

import contextlib
import os

from ministack.core import container_reaper
from ministack.services import ecs

from . import discovery
from .engine import NAMESPACE_LABEL, container_name, network_name



def install():
    container_ip, clean_up, remove = ecs._container_ip, ecs._cleanup_task_resources, ecs._remove_docker_container

    def namespace_ip(container, network):
        """A container in another's namespace has no address of its own."""
        mode = (container.attrs.get("HostConfig") or {}).get("NetworkMode", "")
        if mode.startswith("container:"):
            with contextlib.suppress(Exception):
                container = ecs._get_docker().containers.get(mode.split(":", 1)[1])
        return container_ip(container, network_name() or network)

    def clean_up_namespace(task, docker, extra=None):
        docker = docker or ecs._get_docker()
        discovery.leave(task)
        clean_up(task, docker, extra)
        if docker:
            with contextlib.suppress(Exception):
                label = f"{NAMESPACE_LABEL}={task['taskArn']}"
                for holder in docker.containers.list(all=True, filters={"label": label}):
                    holder.remove(force=True, v=True)

    def remove_soon(docker, container):
        """ministack gives each container five seconds to stop; a test program that traps TERM needs none of them."""
        with contextlib.suppress(Exception):
            found = docker.containers.get(container) if isinstance(container, str) else container
            found.stop(timeout=1)
        remove(docker, container)

    ecs._container_ip = namespace_ip
    ecs._cleanup_task_resources = clean_up_namespace
    ecs._remove_docker_container = remove_soon


def hold(task_id, task_arn):
    """Starts the container that holds a task's namespace, unless it runs; gives its name."""
    docker, name = ecs._get_docker(), container_name(task_id, "pause")
    with contextlib.suppress(Exception):
        docker.containers.get(name)
        return name
    holder = docker.containers.create(
        os.environ["LAB_IMAGE"],
        entrypoint=["pause"],
        name=name,
        labels={**container_reaper.own_labels("ecs"), NAMESPACE_LABEL: task_arn},
    )
    docker.networks.get("bridge").disconnect(holder)
    docker.networks.get(network_name()).connect(holder, aliases=discovery.names(task_arn))
    holder.start()
    return name
