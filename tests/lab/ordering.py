"""`dependsOn` between the containers of a task: ministack starts them in the order of the definition, at once."""

import time

from ministack.services import ecs

from .engine import container_name

WAIT_SECONDS = 60


def install():
    start, run = ecs._start_task_worker, ecs._run_docker_container

    def start_in_order(task, definition, overrides, docker):
        order = dependency_order(definition.get("containerDefinitions", []))

        def sort(items):
            return [items[index] for index in order]

        definition["containerDefinitions"] = sort(definition["containerDefinitions"])
        task["containers"] = sort(task["containers"])
        task["_container_essentials"] = sort(task["_container_essentials"])
        start(task, definition, overrides, docker)

    def run_after_dependencies(docker, definition, arguments, **options):
        task_id = arguments["name"].removeprefix("ministack-ecs-")[:8]
        for dependency in definition.get("dependsOn") or []:
            wait_for(docker, task_id, dependency)
        return run(docker, definition, arguments, **options)

    ecs._start_task_worker = start_in_order
    ecs._run_docker_container = run_after_dependencies


class DependencyFailed(Exception):
    """Stops the task, as AWS does: `TaskFailedToStart`."""


def dependency_order(definitions):
    """The indices of the definitions, each after those that it depends on."""
    names = [definition["name"] for definition in definitions]
    order = []

    def visit(index, above):
        if index in order or index in above:
            return
        for dependency in definitions[index].get("dependsOn") or []:
            if dependency.get("containerName") in names:
                visit(names.index(dependency["containerName"]), above | {index})
        order.append(index)

    for index in range(len(definitions)):
        visit(index, frozenset())
    return order


def wait_for(docker, task_id, dependency):
    name, condition = dependency["containerName"], dependency.get("condition", "START")
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline and is_wanted(task_id):
        state = docker.containers.get(container_name(task_id, name)).attrs["State"]
        if reached(condition, state, name):
            return
        time.sleep(0.05)
    raise DependencyFailed(f"dependency {name} did not reach {condition}")


def is_wanted(task_id):
    found = (task for arn, task in ecs._tasks.items() if arn.rsplit("/", 1)[-1].startswith(task_id))
    return any(ecs._task_is_active(task["taskArn"], task) for task in found)


def reached(condition, state, name):
    exited, health = state["Status"] == "exited", (state.get("Health") or {}).get("Status")
    if condition == "HEALTHY":
        if exited or health == "unhealthy":
            raise DependencyFailed(f"dependency {name} is {'stopped' if exited else 'unhealthy'}")
        return health == "healthy"
    if condition == "SUCCESS" and exited and state["ExitCode"] != 0:
        raise DependencyFailed(f"dependency {name} exited {state['ExitCode']}")
    return exited or (condition == "START" and state["Status"] == "running")
