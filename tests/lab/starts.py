"""How services start tasks: ministack never says that they did, and starts none for one that somebody stopped."""

import json

from ministack.core.responses import new_uuid
from ministack.services import ecs


def install():
    run = ecs._run_task

    def run_and_say(data):
        answer = run(data)
        group = data.get("group", "")
        cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
        # A service's first tasks start before there is a record of it to write to.
        service = ecs._services.get(f"{cluster}/{group.removeprefix('service:')}")
        if group.startswith("service:") and service:
            started = [task["taskArn"].rsplit("/", 1)[-1] for task in json.loads(answer[2]).get("tasks", [])]
            tasks = " ".join(f"(task {task})" for task in started)
            message = f"(service {service['serviceName']}) has started {len(started)} tasks: {tasks}."
            if started:
                service["events"].insert(0, {"id": new_uuid(), "createdAt": ecs._iso(), "message": message})
        return answer

    ecs._run_task = run_and_say
    ecs._ACTION_MAP["StopTask"] = stop_and_replace


def stop_and_replace(data):
    answer = ecs._stop_task(data)
    task = json.loads(answer[2]).get("task", {})
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    ecs._reconcile_service_tasks(cluster, f"{cluster}/{task.get('group', '').removeprefix('service:')}")
    return answer
