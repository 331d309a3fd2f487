"""AWS::ECS::Service: ministack calls it complete before a task has started, and forgets half of its properties."""

import secrets
import time

from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs
from ministack.services.cloudformation import _stacks, provisioners, stacks

from . import faults
from .resource_types import accept
from .task_definition import api_form

# AWS waits three hours; a test that needs longer than this has failed.
STEADY_STATE_SECONDS = 60

CREATED_WITH = (
    "taskDefinition", "capacityProviderStrategy", "loadBalancers", "networkConfiguration", "deploymentConfiguration",
    "tags", "platformVersion", "serviceRegistries", "healthCheckGracePeriodSeconds", "schedulingStrategy",
    "deploymentController", "enableECSManagedTags", "propagateTags", "enableExecuteCommand", "role", "launchType",
)  # fmt: skip
UPDATED_WITH = (
    "taskDefinition", "desiredCount", "networkConfiguration", "loadBalancers", "healthCheckGracePeriodSeconds",
    "enableExecuteCommand", "platformVersion", "capacityProviderStrategy", "deploymentConfiguration",
)  # fmt: skip
# ministack's UpdateService does not know these; a service keeps them all the same.
KEPT = ("serviceRegistries", "serviceConnectConfiguration", "propagateTags", "enableECSManagedTags")


def install():
    provisioners._RESOURCE_HANDLERS["AWS::ECS::Service"].update(create=create, update=update, delete=delete)
    make_deployment = ecs._make_deployment

    def starts_in_progress(task_definition, desired_count, status="PRIMARY"):
        # ministack: a service's first deployment is COMPLETED at birth, so nothing could be waited for.
        deployment = make_deployment(task_definition, desired_count, status)
        if desired_count:
            reason = f"ECS deployment {deployment['id']} in progress."
            deployment.update(rolloutState="IN_PROGRESS", rolloutStateReason=reason)
        return deployment

    ecs._make_deployment = starts_in_progress


def create(logical_id, properties, stack):
    wanted = api_form(properties)
    name = properties.get("ServiceName") or f"{stack}-{logical_id}-{secrets.token_hex(6)}"
    cluster = cluster_name(properties)
    key = f"{cluster}/{name}"
    connect[key_of(key)] = wanted.get("serviceConnectConfiguration") or {}
    request = {field: wanted[field] for field in CREATED_WITH if field in wanted}
    request.update(serviceName=name, cluster=cluster, desiredCount=int(properties.get("DesiredCount", 1)))
    refused = faults.refusal(request.get("taskDefinition", ""))
    if refused:
        raise ValueError(f'Resource handler returned message: "{refused}" (HandlerErrorCode: GeneralServiceException)')
    accept(ecs._create_service(request))
    ecs._services[key]["serviceConnectConfiguration"] = connect[key_of(key)]
    made[key_of(f"{stack}/{logical_id}")] = result(cluster, name)[0]
    announce(stack, logical_id, result(cluster, name)[0])
    try:
        wait_for_steady_state(key)
    except ValueError:
        # ministack forgets a resource that failed; AWS removes it when it rolls back.
        delete(result(cluster, name)[0], properties)
        raise
    return result(cluster, name)


def announce(stack, logical_id, arn):
    """AWS says when a service is there, before it waits for its tasks; ministack does not."""
    known = _stacks.get(stack)
    if known:
        initiated = "CREATE_IN_PROGRESS", "Resource creation Initiated"
        stacks._add_event(known["StackId"], stack, logical_id, "AWS::ECS::Service", *initiated, arn)


def update(physical_id, old, new, stack):
    before, wanted = api_form(old), api_form(new)
    cluster, name = cluster_name(new), physical_id.rsplit("/", 1)[-1]
    key = f"{cluster}/{name}"
    service = ecs._services[key]
    request = {"cluster": cluster, "service": name}
    request.update({field: wanted.get(field) for field in UPDATED_WITH if wanted.get(field) != before.get(field)})
    if "desiredCount" in request:
        request["desiredCount"] = int(request["desiredCount"] if request["desiredCount"] is not None else 1)
    for field in KEPT:
        if wanted.get(field) != before.get(field):
            service[field] = wanted.get(field)
            # On AWS both of these begin a deployment.
            request["forceNewDeployment"] = field.startswith("service") or request.get("forceNewDeployment", False)
    connect[key_of(key)] = wanted.get("serviceConnectConfiguration") or {}
    if wanted.get("tags") != before.get("tags"):
        ecs._tags[service["serviceArn"]] = service["tags"] = wanted.get("tags") or []
    accept(ecs._update_service(request))
    wait_for_steady_state(key)
    return result(cluster, name)


def delete(physical_id, properties):
    ecs._delete_service({"cluster": cluster_name(properties), "service": physical_id.rsplit("/", 1)[-1], "force": True})


# Service Connect configurations by account, region and service. A service's first tasks start inside CreateService,
# before there is a record of it to ask.
connect = {}
# The ARN of each service that was created for a stack, by account, region, stack and logical id; also if it failed.
made = {}


def key_of(service):
    return get_account_id(), get_region(), service


def cluster_name(properties):
    """A cluster is named by its name or its ARN; ministack takes the name alone."""
    return str(properties.get("Cluster", "default")).rsplit("/", 1)[-1]


def result(cluster, name):
    arn = f"arn:aws:ecs:{get_region()}:{get_account_id()}:service/{cluster}/{name}"
    return arn, {"ServiceArn": arn, "Name": name}


def wait_for_steady_state(key):
    """AWS completes the resource in steady state, and fails it when the circuit breaker trips."""
    patience = faults.patience(ecs._services[key]["taskDefinition"], STEADY_STATE_SECONDS)
    soonest = time.monotonic() + faults.steady_after(ecs._services[key]["taskDefinition"])
    deadline = time.monotonic() + patience
    watched = ecs._primary_deployment(ecs._services[key])["id"]
    while time.monotonic() < deadline:
        service = ecs._services.get(key)
        if service is None or service["status"] != "ACTIVE":
            raise ValueError(failure("Service was deleted", "NotStabilized"))
        deployment = next((one for one in service["deployments"] if one["id"] == watched), None)
        if deployment and deployment["rolloutState"] == "FAILED":
            reason = "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'."
            raise ValueError(failure(reason, "GeneralServiceException"))
        well = deployment and deployment["rolloutState"] == "COMPLETED"
        well = well and service["runningCount"] >= service["desiredCount"]
        if time.monotonic() >= soonest and (well or service["desiredCount"] == 0):
            return
        time.sleep(0.05)
    raise ValueError(failure("Exceeded attempts to wait", "NotStabilized"))


def failure(reason, code):
    return f'Resource handler returned message: "{reason}" (HandlerErrorCode: {code})'
