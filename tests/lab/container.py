"""What a container definition says and ministack does not pass on to the engine."""

from ministack.services import ecs, efs

from . import namespace
from .engine import container_name, port

SECOND = 1_000_000_000
# Tests wait for health checks; ten times as often is the same check.
INTERVAL_SCALE = 0.1


def install():
    build = ecs._build_run_kwargs

    def build_whole(definition, task_definition, env, ports, network, host_mode, task_id, task_arn, address, cluster):
        arguments = build(
            definition, task_definition, env, ports, network, host_mode, task_id, task_arn, address, cluster
        )
        if task_definition.get("networkMode") == "awsvpc":
            for key in ("network", "extra_hosts", "ports"):
                arguments.pop(key, None)
            holder = f"container:{namespace.hold(task_id, task_arn)}"
            arguments["network_mode"] = holder
            if task_definition.get("pidMode") == "task":
                arguments["pid_mode"] = holder
        arguments.update(process(definition))
        arguments["labels"].update(definition.get("dockerLabels") or {})
        if (definition.get("healthCheck") or {}).get("command"):
            arguments["healthcheck"] = health_check(definition["healthCheck"])
        binds = list(arguments.get("volumes") or []) + volumes(definition, task_definition, task_id)
        if binds:
            arguments["volumes"] = binds
        if definition.get("volumesFrom"):
            arguments["volumes_from"] = [volumes_of(source, task_id) for source in definition["volumesFrom"]]
        return arguments

    ecs._build_run_kwargs = build_whole
    fail = ecs._fail_task_start
    ecs._fail_task_start = lambda task, engine, reason: fail(task, engine, of_container(task, reason))


def of_container(task, reason):
    """ministack takes a container that the engine cannot start, as for want of its program, for a network's failure."""
    _, runtime, why = reason.partition("failed to create shim task: ")
    if not runtime:
        return reason
    said = "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: "
    reason = said + runtime + why.removesuffix('")')
    begun = len(task.get("_docker_ids", []))
    task["containers"][min(begun, len(task["containers"]) - 1)]["reason"] = reason
    return reason


def process(definition):
    limits = definition.get("linuxParameters") or {}
    given = {
        "entrypoint": definition.get("entryPoint"),
        "working_dir": definition.get("workingDirectory"),
        "user": definition.get("user"),
        "read_only": definition.get("readonlyRootFilesystem"),
        "init": limits.get("initProcessEnabled"),
        "mem_limit": f"{definition['memory']}m" if definition.get("memory") else None,
    }
    return {key: value for key, value in given.items() if value}


def health_check(check):
    return {
        "test": check["command"],
        "interval": int(int(check.get("interval", 30)) * SECOND * INTERVAL_SCALE),
        "timeout": int(check.get("timeout", 5)) * SECOND,
        "retries": int(check.get("retries", 3)),
        "start_period": int(check.get("startPeriod", 0)) * SECOND,
    }


def volumes(definition, task_definition, task_id):
    """EFS as engine volumes that live as long as the laboratory, and the task's own volumes."""
    declared = {volume["name"]: volume for volume in task_definition.get("volumes", []) if volume.get("name")}
    binds = []
    for mount in definition.get("mountPoints", []):
        volume = declared.get(mount.get("sourceVolume")) or {}
        if (volume.get("host") or {}).get("sourcePath"):
            continue  # ministack's own
        shared = volume.get("efsVolumeConfiguration")
        if shared:
            source = named_volume(f"{shared['fileSystemId']}{directory(shared)}")
        else:
            source = named_volume(f"{task_id[:8]}-{mount['sourceVolume']}")
        binds.append(f"{source}:{mount['containerPath']}:{'ro' if mount.get('readOnly') else 'rw'}")
    return binds


def volumes_of(source, task_id):
    """What another container of the task mounts, as `docker run --volumes-from` names it."""
    return f"{container_name(task_id, source['sourceContainer'])}:{'ro' if source.get('readOnly') else 'rw'}"


def directory(efs_volume):
    """The folder of the file system that is mounted, as `-data-web` for `/data/web`: two access points to the same
    folder show the same files."""
    access_point = efs._access_points.get((efs_volume.get("authorizationConfig") or {}).get("accessPointId")) or {}
    path = (access_point.get("RootDirectory") or {}).get("Path") or efs_volume.get("rootDirectory") or "/"
    return path.rstrip("/").replace("/", "-")


def named_volume(name):
    name = f"ctx-lab-{port()}-{name}"
    # Creating a volume that exists is no error; the label is what removes it in the end.
    ecs._get_docker().volumes.create(name, labels={"ctx.lab": port()})
    return name
