"""What ECS and its load balancers refuse when a stack is created, long after cfn-lint was content with it."""

from cfnlint.rules import CloudFormationLintRule, RuleMatch


class ContainersOfATask(CloudFormationLintRule):
    """The parts of a task definition that name each other."""

    id = "E9001"
    shortdesc = "Containers and volumes of a task name each other rightly"
    description = "dependsOn names a container (with a health check, to be HEALTHY); mountPoints name a volume"
    source_url = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html"
    tags = ["ecs"]

    def match(self, cfn):
        for path, task in properties(cfn, "AWS::ECS::TaskDefinition"):
            containers = {name(one.get("Name")): one for one in items(task, "ContainerDefinitions")}
            volumes = {name(one.get("Name")) for one in items(task, "Volumes")}
            if len(containers) < len(items(task, "ContainerDefinitions")):
                yield RuleMatch(path, "two containers have the same name")
            if not any(one.get("Essential", True) is not False for one in containers.values()):
                yield RuleMatch(path, "no container is essential")
            for index, container in enumerate(items(task, "ContainerDefinitions")):
                here = [*path, "ContainerDefinitions", index]
                for dependency in items(container, "DependsOn"):
                    other = containers.get(name(dependency.get("ContainerName")))
                    if other is None:
                        yield RuleMatch(here, f"DependsOn names no container: {dependency.get('ContainerName')}")
                    elif dependency.get("Condition") == "HEALTHY" and "HealthCheck" not in other:
                        yield RuleMatch(here, f"{other['Name']} has no health check, so it is never HEALTHY")
                    elif dependency.get("Condition") in ("SUCCESS", "COMPLETE") and other.get("Essential", True) is True:
                        yield RuleMatch(here, f"{other['Name']} is essential, so it may not be waited for to end")
                for mount in items(container, "MountPoints"):
                    if name(mount.get("SourceVolume")) not in volumes:
                        yield RuleMatch(here, f"MountPoints names no volume: {mount.get('SourceVolume')}")


class FargateTask(CloudFormationLintRule):
    """What Fargate cannot do."""

    id = "E9002"
    shortdesc = "Fargate tasks ask only for what Fargate has"
    description = "No privileged containers, links, GPUs or host folders; an execution role; at least 21 GiB of storage"
    source_url = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html"
    tags = ["ecs", "fargate"]

    REFUSED = ("Links", "DnsServers", "DnsSearchDomains", "ExtraHosts", "Hostname", "DockerSecurityOptions")
    LINUX_REFUSED = ("Devices", "SharedMemorySize", "MaxSwap", "Swappiness")

    def match(self, cfn):
        for path, task in properties(cfn, "AWS::ECS::TaskDefinition"):
            if "FARGATE" not in (task.get("RequiresCompatibilities") or []):
                continue
            if task.get("NetworkMode") != "awsvpc":
                yield RuleMatch(path, "Fargate needs NetworkMode awsvpc")
            for volume in items(task, "Volumes"):
                if "SourcePath" in (volume.get("Host") or {}):
                    yield RuleMatch(path, f"volume {volume.get('Name')} is a folder of a host; Fargate has none")
            size = (task.get("EphemeralStorage") or {}).get("SizeInGiB")
            if isinstance(size, (int, str)) and not 21 <= int(size) <= 200:
                yield RuleMatch(path, f"EphemeralStorage must have 21 to 200 GiB, not {size}")
            for index, container in enumerate(items(task, "ContainerDefinitions")):
                here = [*path, "ContainerDefinitions", index]
                if container.get("Privileged") is True:
                    yield RuleMatch(here, "Fargate runs no privileged containers")
                linux = container.get("LinuxParameters") or {}
                for key in [k for k in self.REFUSED if k in container] + [k for k in self.LINUX_REFUSED if k in linux]:
                    yield RuleMatch(here, f"Fargate does not support {key}")
                added = (linux.get("Capabilities") or {}).get("Add") or []
                if any(capability != "SYS_PTRACE" for capability in added):
                    yield RuleMatch(here, "Fargate adds no capability but SYS_PTRACE")
                if any(need.get("Type") == "GPU" for need in items(container, "ResourceRequirements")):
                    yield RuleMatch(here, "Fargate has no GPUs")
                if needs_execution_role(container) and "ExecutionRoleArn" not in task:
                    yield RuleMatch(here, "logs, secrets and registry credentials need an ExecutionRoleArn")


class ServiceTargets(CloudFormationLintRule):
    """A service, its task definition and its load balancers."""

    id = "E9003"
    shortdesc = "Services fit their task definitions and load balancers"
    description = "LoadBalancers name a container and its port, and wait for the listener; one way of launching"
    source_url = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html"
    tags = ["ecs"]

    def match(self, cfn):
        tasks = cfn.get_resources("AWS::ECS::TaskDefinition")
        for path, service in properties(cfn, "AWS::ECS::Service"):
            if "LaunchType" in service and "CapacityProviderStrategy" in service:
                yield RuleMatch(path, "LaunchType and CapacityProviderStrategy exclude each other")
            task = tasks.get(reference(service.get("TaskDefinition")))
            for target in items(service, "LoadBalancers"):
                if task and not has_port(task.get("Properties") or {}, target):
                    where = f"{target.get('ContainerName')}:{target.get('ContainerPort')}"
                    yield RuleMatch(path, f"the task definition has no {where}")
                group = reference(target.get("TargetGroupArn"))
                way = way_to(cfn, group)
                # A nested stack is given the target group, and waits for its listener outside.
                if group in cfn.get_resources() and not way:
                    yield RuleMatch(path, f"nothing leads to {group}: ECS refuses a target group without a load balancer")
                elif way and not waits_for(cfn, path[1], way):
                    yield RuleMatch(path, f"nothing makes the service wait for {way}, without which ECS refuses it")


class LoadBalancerNames(CloudFormationLintRule):
    """Load balancers and target groups."""

    id = "E9004"
    shortdesc = "Load balancers and listeners fit each other"
    description = "Network load balancers have no HTTP listeners, application ones only those; names of 32 characters"
    source_url = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html"
    tags = ["elasticloadbalancing"]

    APPLICATION = {"HTTP", "HTTPS"}

    def match(self, cfn):
        balancers = cfn.get_resources("AWS::ElasticLoadBalancingV2::LoadBalancer")
        for path, listener in properties(cfn, "AWS::ElasticLoadBalancingV2::Listener"):
            balancer = balancers.get(reference(listener.get("LoadBalancerArn")))
            protocol = listener.get("Protocol")
            if balancer is None or not isinstance(protocol, str):
                continue
            kind = (balancer.get("Properties") or {}).get("Type", "application")
            if (kind == "application") != (protocol in self.APPLICATION):
                yield RuleMatch(path, f"a listener of {kind} load balancers cannot speak {protocol}")
        for kind in ("LoadBalancer", "TargetGroup"):
            for path, named in properties(cfn, f"AWS::ElasticLoadBalancingV2::{kind}"):
                name = named.get("Name")
                if isinstance(name, str) and len(name) > 32:
                    yield RuleMatch([*path, "Name"], f"{name} has more than 32 characters")


def properties(cfn, resource_type):
    """Each resource of a type: the path of its properties, and they."""
    for name, resource in cfn.get_resources(resource_type).items():
        yield ["Resources", name, "Properties"], resource.get("Properties") or {}


def name(value):
    """A name, also one that only deployment gives: `{Ref: Container}`."""
    return value if isinstance(value, str) else str(value)


def items(value, key):
    """The maps in a list that need not be there, nor be a list: `Fn::If` may stand for it."""
    found = value.get(key)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def reference(value):
    """The logical id that a `Ref` or a `GetAtt` points to."""
    if not isinstance(value, dict):
        return None
    target = value.get("Ref") or value.get("Fn::GetAtt")
    return target[0] if isinstance(target, list) else target.split(".")[0] if isinstance(target, str) else None


def needs_execution_role(container):
    driver = (container.get("LogConfiguration") or {}).get("LogDriver")
    return driver == "awslogs" or "Secrets" in container or "RepositoryCredentials" in container


def has_port(task, target):
    for container in items(task, "ContainerDefinitions"):
        if container.get("Name") == target.get("ContainerName"):
            ports = [str(mapping.get("ContainerPort")) for mapping in items(container, "PortMappings")]
            return str(target.get("ContainerPort")) in ports
    return False


def way_to(cfn, target_group):
    """What leads to a target group, a listener or a rule: it must be there before a service joins the group."""
    for kind, key in (("Listener", "DefaultActions"), ("ListenerRule", "Actions")):
        for name, one in cfn.get_resources(f"AWS::ElasticLoadBalancingV2::{kind}").items():
            actions = items(one.get("Properties") or {}, key)
            if target_group and target_group in [reference(to) for action in actions for to in targets(action)]:
                return name
    return None


def targets(action):
    """The target groups of a listener's or a rule's action: one, or several with weights."""
    yield action.get("TargetGroupArn")
    for target in items(action.get("ForwardConfig") or {}, "TargetGroups"):
        yield target.get("TargetGroupArn")


def waits_for(cfn, resource, other):
    """Whether a resource is created after another, by DependsOn or by reference, directly or not."""
    seen, ahead = set(), [resource]
    while ahead:
        name = ahead.pop()
        if name == other:
            return True
        if name not in seen and cfn.graph and name in cfn.graph.graph:
            ahead.extend(cfn.graph.graph.successors(name))
        seen.add(name)
    return False
