"""Images: the engine's own, and those of a registry on this machine. No other registry is asked.

ministack asks the registry of each image three times and pulls it, also when the engine has it; without a registry
each attempt costs the resolver's time-out.
"""

import contextlib

from ministack.services import ecs


def install():
    prepare, run = ecs._prepare_service_images, ecs._run_docker_container

    def prepare_without_registry(task, definition, docker):
        if any(is_of_this_machine(one["image"]) for one in definition["containerDefinitions"]):
            return prepare(task, definition, docker)
        deployment = deployment_of(task)
        if deployment:
            deployment["_image_resolution_disabled"] = True
        return deployment

    def run_without_registry(docker, definition, arguments, **options):
        image = definition["image"]
        if is_of_this_machine(image):
            return run(docker, definition, arguments, **options)
        if not is_there(docker, image):
            raise ecs._ImagePullError(f"pull image manifest has been retried 1 time(s): {image}: not found")
        return run(docker, definition, arguments, **{**options, "refresh_image": False})

    ecs._prepare_service_images = prepare_without_registry
    ecs._run_docker_container = run_without_registry


def is_of_this_machine(image):
    return image.startswith(("127.0.0.1:", "localhost:"))


def is_there(docker, image):
    with contextlib.suppress(Exception):
        docker.images.get(image)
        return True
    return False


def deployment_of(task):
    cluster, group = task["clusterArn"].rsplit("/", 1)[-1], task.get("group", "")
    service = ecs._services.get(f"{cluster}/{group.split(':', 1)[-1]}")
    return ecs._deployment_for_task(service, task) if service else None
