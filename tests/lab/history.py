"""The deployments that a service has had: ministack remembers those that still have tasks, and tells of none."""

from ministack.core.responses import json_response
from ministack.services import ecs

# By the service's ARN, the oldest first; ministack goes on changing them.
deployments = {}


def install():
    for name in ("_create_service", "_update_service"):
        remember_after(name)
    ecs._ACTION_MAP["ListServiceDeployments"] = listed
    ecs._ACTION_MAP["DescribeServiceRevisions"] = revisions


def remember_after(name):
    change = getattr(ecs, name)

    def change_and_remember(data):
        answer = change(data)
        for service in list(ecs._services.values()):
            known = deployments.setdefault(service["serviceArn"], [])
            for deployment in reversed(service["deployments"]):
                if all(deployment["id"] != one["id"] for one in known):
                    known.append(deployment)
        return answer

    setattr(ecs, name, change_and_remember)
    ecs._ACTION_MAP[{"_create_service": "CreateService", "_update_service": "UpdateService"}[name]] = change_and_remember


def listed(data):
    words = {"COMPLETED": "SUCCESSFUL", "FAILED": "ROLLBACK_SUCCESSFUL"}
    cluster, found = ecs._resolve_cluster_name(data.get("cluster", "default")), []
    service = ecs._services.get(f"{cluster}/{data['service'].rsplit('/', 1)[-1]}")
    for deployment in reversed(deployments.get(service["serviceArn"], []) if service else []):
        status = words.get(deployment["rolloutState"], "IN_PROGRESS")
        if status in data.get("status", [status]):
            found.append(
                {
                    "serviceArn": service["serviceArn"],
                    "createdAt": deployment["createdAt"],
                    "status": status,
                    "targetServiceRevisionArn": revision_arn(service["serviceArn"], deployment),
                }
            )
    return ecs._finalize_ecs_response(json_response({"serviceDeployments": found}))


def revision_arn(service_arn, deployment):
    return f"{service_arn.replace(':service/', ':service-revision/')}/{deployment['id'].rsplit('/', 1)[-1]}"


def revisions(data):
    found = []
    for service_arn, known in deployments.items():
        for deployment in known:
            arn = revision_arn(service_arn, deployment)
            if arn in data["serviceRevisionArns"]:
                definition = ecs._task_defs.get(ecs._resolve_td_key(deployment["taskDefinition"])) or {}
                images = [
                    {"containerName": one["name"], "image": one["image"], "imageDigest": digest(one["image"])}
                    for one in definition.get("containerDefinitions", [])
                ]
                found.append(
                    {
                        "serviceRevisionArn": arn,
                        "serviceArn": service_arn,
                        "taskDefinition": deployment["taskDefinition"],
                        "containerImages": images,
                    }
                )
    return json_response({"serviceRevisions": found})


def digest(image):
    """What the image was pinned to; ministack does not say what a tag meant."""
    return image.partition("@")[2]
