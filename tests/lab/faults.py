"""Tasks that fail as AWS lets them fail and no engine can: what labels of a service's containers ask for.

    ctx.lab.stops    the reason for which each task stops before it has started
    ctx.lab.exits    the code with which the container ends
    ctx.lab.reason   what ECS says of the container that ended
    ctx.lab.says     what it writes before
    ctx.lab.event    what ECS says of the service; no task is started then
    ctx.lab.after    the seconds after which it ends
    ctx.lab.well     how many tasks of the definition are well; those that start later fail
    ctx.lab.patience the seconds that CloudFormation waits for such a service
    ctx.lab.target   the reason and the description with which the load balancer calls each target unhealthy
    ctx.lab.refuses  what ECS answers when the service shall be created

And one of tasks that do not fail:

    ctx.lab.steady   the seconds after which CloudFormation calls such a service steady at the soonest
"""

import json
import time
from xml.sax.saxutils import escape

from ministack.core.concurrency import spawn_background
from ministack.core.responses import get_account_id, get_region, json_response, new_uuid, request_scope
from ministack.services import alb, ecs

PREFIX = "ctx.lab."
# How long tasks seem to start.
START_SECONDS = 0.05
# The same where a load balancer has to see them fail, which it does only while the service is there.
BALANCED_SECONDS = 1.5
# How long CloudFormation waits for a service that can have no tasks, instead of three hours. Whoever follows looks
# every two seconds.
PATIENCE_SECONDS = 5


# How many tasks of each definition have been started.
well = {}


def install():
    run = ecs._run_task

    def run_and_fail(data):
        definition = ecs._task_defs.get(ecs._resolve_td_key(data.get("taskDefinition", "")))
        wanted = faults(definition)
        if not wanted:
            return run(data)
        scope = get_account_id(), get_region()
        if "event" in wanted:
            spawn_background(tell, data, wanted["event"], scope)
            return json_response({"tasks": [], "failures": []})
        status, headers, body = run(data)
        for started in json.loads(body).get("tasks", []):
            task = ecs._tasks[started["taskArn"]]
            well[task["taskDefinitionArn"]] = well.get(task["taskDefinitionArn"], 0) + 1
            if well[task["taskDefinitionArn"]] <= int(wanted.get("well", 0)):
                continue
            task["lastStatus"] = "PENDING"
            spawn_background(fail, task, definition, wanted, scope)
        return status, headers, body

    ecs._run_task = ecs._ACTION_MAP["RunTask"] = run_and_fail
    describe = alb._describe_target_health
    known = next(name for name, value in vars(alb).items() if isinstance(value, dict) and describe in value.values())
    vars(alb)[known]["DescribeTargetHealth"] = lambda params: sick_targets(params) or describe(params)


def faults(definition):
    """What the labels of a task's containers ask for; with it the container that asks."""
    for container in (definition or {}).get("containerDefinitions", []):
        wanted = asked(container)
        wanted.pop("steady", None)
        if wanted:
            return {**wanted, "container": container["name"]}
    return {}


def asked(container):
    labels = container.get("dockerLabels") or {}
    return {name.removeprefix(PREFIX): value for name, value in labels.items() if name.startswith(PREFIX)}


def steady_after(definition_arn):
    """After how many seconds CloudFormation calls a service of this task definition steady at the soonest."""
    definition = ecs._task_defs.get(ecs._resolve_td_key(definition_arn)) or {}
    containers = definition.get("containerDefinitions", [])
    return max((float(asked(container).get("steady", 0)) for container in containers), default=0)


def refusal(definition_arn):
    """What ECS answers instead of creating a service of this task definition."""
    return faults(ecs._task_defs.get(ecs._resolve_td_key(definition_arn))).get("refuses")


def patience(definition_arn, seconds):
    """For how long CloudFormation waits for such a service."""
    wanted = faults(ecs._task_defs.get(ecs._resolve_td_key(definition_arn)))
    return float(wanted.get("patience", PATIENCE_SECONDS)) if "event" in wanted else seconds


def tell(data, message, scope):
    """Says of a service why it has no tasks, as soon as there is one."""
    with request_scope(*scope):
        time.sleep(START_SECONDS)
        for service in ecs._services.values():
            if data.get("group") == f"service:{service['serviceName']}":
                name = service["serviceName"]
                event = {"id": new_uuid(), "createdAt": ecs._iso(), "message": f"(service {name}) {message}"}
                service["events"].insert(0, event)


def fail(task, definition, wanted, scope):
    with request_scope(*scope):
        time.sleep(float(wanted.get("after", BALANCED_SECONDS if "target" in wanted else START_SECONDS)))
        container = next(one for one in task["containers"] if one["name"] == wanted["container"])
        defined = next(one for one in definition["containerDefinitions"] if one["name"] == wanted["container"])
        config = ecs._awslogs_config(defined, task["taskArn"].rsplit("/", 1)[-1], "")
        if "says" in wanted and config and ecs._ensure_awslogs_stream(config):
            for line in wanted["says"].splitlines():
                ecs._emit_awslogs_event(config, line)
        for other in task["containers"]:
            other["exitCode"] = 0 if other is not container and "exits" in wanted else None
        if "exits" in wanted:
            container["exitCode"] = int(wanted["exits"])
        if "reason" in wanted:
            container["reason"] = wanted["reason"]
        reason = wanted.get("stops", "Essential container in task exited")
        ecs._mark_task_stopped(task["taskArn"], task, reason, code(wanted))


def code(wanted):
    if "exits" in wanted or "health checks" in wanted.get("stops", ""):
        return "EssentialContainerExited"
    return "TaskFailedToStart"


def sick_targets(params):
    """The answer of a load balancer about the targets of a service that shall be sick."""
    group = alb._p(params, "TargetGroupArn")
    for service in list(ecs._services.values()):
        wanted = faults(ecs._task_defs.get(ecs._resolve_td_key(service.get("taskDefinition", ""))))
        mine = [one for one in service.get("loadBalancers", []) if one.get("targetGroupArn") == group]
        if mine and "target" in wanted:
            reason, _, description = wanted["target"].partition(" ")
            return alb._xml(
                200,
                "DescribeTargetHealth",
                "<TargetHealthDescriptions><member>"
                f"<Target><Id>10.0.0.1</Id><Port>{mine[0]['containerPort']}</Port></Target>"
                f"<TargetHealth><State>unhealthy</State><Reason>{escape(reason)}</Reason>"
                f"<Description>{escape(description)}</Description></TargetHealth>"
                "</member></TargetHealthDescriptions>",
            )
    return None
