"""Health of tasks: ministack reports UNKNOWN for ever and replaces no unhealthy task."""

import contextlib
import threading
import time

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import ecs

WORDS = {"healthy": "HEALTHY", "unhealthy": "UNHEALTHY"}


def install():
    start, record_healthy = ecs._start_task_worker, ecs._record_service_task_healthy

    def start_and_watch(task, definition, overrides, docker):
        start(task, definition, overrides, docker)
        if task.get("lastStatus") == "RUNNING" and any(d.get("healthCheck") for d in definition["containerDefinitions"]):
            task["_has_health_check"] = True
            scope = get_account_id(), get_region()
            threading.Thread(target=watch, args=(task, docker, scope), daemon=True, name="lab-health").start()

    def record_when_healthy(service_key, task):
        # AWS counts a task with a health check as started when it is HEALTHY; ministack, after a second.
        if not task.get("_has_health_check") or task.get("healthStatus") == "HEALTHY":
            record_healthy(service_key, task)

    ecs._start_task_worker = start_and_watch
    ecs._record_service_task_healthy = record_when_healthy


def watch(task, docker, scope):
    account, region = scope
    with request_scope(account, region):
        while ecs._task_is_active(task["taskArn"], task):
            before, task["healthStatus"] = task.get("healthStatus"), observe(task, docker)
            if task["healthStatus"] == "HEALTHY" != before:
                announce(task, scope)
            if task["healthStatus"] == "UNHEALTHY" and task.get("group", "").startswith("service:"):
                reason = "Task failed container health checks"
                if ecs._mark_task_stopped(task["taskArn"], task, reason, "EssentialContainerExited"):
                    ecs._cleanup_task_resources(task, docker)
            time.sleep(0.2)


def observe(task, docker):
    """Sets each container's health; gives the task's, which is that of its essential containers with a check."""
    essential = []
    for index, container_id in enumerate(task.get("_docker_ids") or []):
        health = None
        with contextlib.suppress(Exception):
            health = (docker.containers.get(container_id).attrs["State"].get("Health") or {}).get("Status")
        if health:
            task["containers"][index]["healthStatus"] = WORDS.get(health, "UNKNOWN")
            if task["_container_essentials"][index]:
                essential.append(task["containers"][index]["healthStatus"])
    if "UNHEALTHY" in essential:
        return "UNHEALTHY"
    return "HEALTHY" if essential and set(essential) == {"HEALTHY"} else "UNKNOWN"


def announce(task, scope):
    """Lets the deployment that waits for this task look again."""
    group, cluster = task.get("group", ""), task["clusterArn"].rsplit("/", 1)[-1]
    if group.startswith("service:"):
        key = f"{cluster}/{group.split(':', 1)[1]}"
        ecs._schedule_service_deployment_completion(cluster, key, *scope, healthy_task=task)
