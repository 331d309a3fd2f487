"""Tags of tasks: ministack's scheduler starts a service's tasks without any."""

from ministack.services import ecs


def install():
    run_task = ecs._run_task

    def with_tags(data):
        group = data.get("group", "")
        if group.startswith("service:"):
            cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
            service = ecs._services.get(f"{cluster}/{group.split(':', 1)[1]}") or {}
            data = {**data, "tags": propagated(service, data)}
        return run_task(data)

    ecs._run_task = with_tags


def propagated(service, data):
    """What AWS puts on a service's tasks: the service's or the task definition's tags if asked, and ECS's own."""
    source = service.get("propagateTags")
    if source == "SERVICE":
        tags = list(ecs._tags.get(service["serviceArn"], []))
    elif source == "TASK_DEFINITION":
        tags = list(ecs._tags.get(data["taskDefinition"], []))
    else:
        tags = []
    if service.get("enableECSManagedTags"):
        cluster = service["clusterArn"].rsplit("/", 1)[-1]
        tags.append({"key": "aws:ecs:clusterName", "value": cluster})
        tags.append({"key": "aws:ecs:serviceName", "value": service["serviceName"]})
    return tags
