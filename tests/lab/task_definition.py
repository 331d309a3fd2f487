"""AWS::ECS::TaskDefinition: ministack's translation to the ECS API forgets nested keys, and some whole ones."""

from ministack.services import ecs
from ministack.services.cloudformation import provisioners

# Lower-casing the first letter is not enough for these.
IRREGULAR = {"eFSVolumeConfiguration": "efsVolumeConfiguration", "filesystemId": "fileSystemId", "iAM": "iam"}
# Maps whose keys are the user's, not the API's.
FREE_FORM = {"options", "dockerLabels", "driverOpts", "labels"}
# CloudFormation turns these into what the API wants, whichever way the template writes them.
INTEGERS = {
    "cpu", "memory", "memoryReservation", "containerPort", "hostPort", "softLimit", "hardLimit",
    "interval", "timeout", "retries", "startPeriod", "startTimeout", "stopTimeout",
}  # fmt: skip
BOOLEANS = {"essential", "readOnly", "readonlyRootFilesystem", "initProcessEnabled", "privileged", "interactive",
            "pseudoTerminal", "disableNetworking"}  # fmt: skip


def install():
    create = provisioners._ecs_task_def_create

    def create_whole(logical_id, properties, stack):
        arn, attributes = create(logical_id, {**properties, "Volumes": api_form(properties.get("Volumes", []))}, stack)
        definition = ecs._task_defs[arn.rsplit("/", 1)[-1]]
        for key in ("RuntimePlatform", "EphemeralStorage", "ProxyConfiguration"):
            if key in properties:
                definition[key[0].lower() + key[1:]] = api_form(properties[key])
        return arn, attributes

    # The update handler calls the function by its name in the module, so both names must be replaced.
    provisioners._ecs_task_def_create = create_whole
    provisioners._RESOURCE_HANDLERS["AWS::ECS::TaskDefinition"]["create"] = create_whole
    provisioners._normalize_container_defs = container_definitions


def container_definitions(definitions):
    """ministack copies `DependsOn`, `HealthCheck`, `Secrets` and others with CloudFormation's keys, which then nobody
    finds."""
    result = api_form(definitions)
    for definition in result:
        definition.setdefault("essential", True)
        definition.setdefault("cpu", 0)
    return result


def api_form(value, key=None):
    if isinstance(value, dict):
        if key in FREE_FORM:
            return dict(value)
        translated = {}
        for name, inner in value.items():
            name = name[:1].lower() + name[1:]
            name = IRREGULAR.get(name, name)
            translated[name] = api_form(inner, name)
        return translated
    if isinstance(value, list):
        return [api_form(item, key) for item in value]
    if key in INTEGERS and isinstance(value, str) and value.isdigit():
        return int(value)
    if key in BOOLEANS and value in ("true", "false"):
        return value == "true"
    return value
