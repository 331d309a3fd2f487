"""Names by which tasks find each other: ministack keeps Cloud Map's and Service Connect's records, and resolves none.

The engine's DNS does it here: a task's namespace joins the laboratory's network under all its names.
"""

from ministack.services import ecs, servicediscovery

from .service import connect, key_of


def install():
    start = ecs._start_task_worker

    def start_and_join(task, definition, overrides, docker):
        start(task, definition, overrides, docker)
        if task.get("lastStatus") == "RUNNING":
            join(task)

    ecs._start_task_worker = start_and_join


def names(task_arn):
    """The names of a service's tasks: `redis`, `redis.shop.local`, and the aliases of Service Connect."""
    key = service_key(ecs._tasks.get(task_arn) or {})
    found = []
    for service in registered_in(key):
        namespace_id = service.get("NamespaceId") or (service.get("DnsConfig") or {}).get("NamespaceId") or ""
        namespace = servicediscovery._namespaces.get(namespace_id) or {}
        found.append(service["Name"])
        if namespace.get("Name"):
            own = f"{service['Name']}.{namespace['Name']}"
            found += [own, *other_names(own, namespace["Name"])]
    for offered in (connect.get(key_of(key)) or {}).get("services") or []:
        for alias in offered.get("clientAliases") or [{}]:
            found.append(alias.get("dnsName") or offered.get("discoveryName") or offered["portName"])
    return list(dict.fromkeys(found))


def other_names(own, namespace):
    """The names whose records (CNAME) lead to a name of the namespace."""
    for service_id, instances in servicediscovery._instances.items():
        for instance in instances.values():
            if (instance.get("Attributes") or {}).get("AWS_INSTANCE_CNAME") == own:
                alias = servicediscovery._services[service_id]["Name"]
                yield from (alias, f"{alias}.{namespace}")


def join(task):
    """Registers a running task's address, as ECS does for services with registries."""
    address = ecs._task_ip(task)
    for service in registered_in(service_key(task)):
        if address:
            servicediscovery._register_instance(
                {
                    "ServiceId": service["Id"],
                    "InstanceId": task["taskArn"].rsplit("/", 1)[-1],
                    "Attributes": {"AWS_INSTANCE_IPV4": address},
                }
            )


def leave(task):
    for service in registered_in(service_key(task)):
        instance = task["taskArn"].rsplit("/", 1)[-1]
        servicediscovery._deregister_instance({"ServiceId": service["Id"], "InstanceId": instance})


def service_key(task):
    group = task.get("group", "")
    if not group.startswith("service:"):
        return None
    return f"{task['clusterArn'].rsplit('/', 1)[-1]}/{group.split(':', 1)[1]}"


def registered_in(key):
    """The Cloud Map services that an ECS service registers its tasks in."""
    for registry in (ecs._services.get(key) or {}).get("serviceRegistries") or []:
        service = servicediscovery._services.get((registry.get("registryArn") or "").rsplit("/", 1)[-1])
        if service:
            yield service
