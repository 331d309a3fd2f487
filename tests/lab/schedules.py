"""Schedules that run tasks: ministack's scheduler fires, and knows no tasks."""

from ministack.services import ecs, eventbridge, scheduler

from .resource_types import accept
from .task_definition import api_form

# Tests wait for schedules; sixty times as often is the same schedule.
RATE_SCALE = 1 / 60


def install():
    invoke, rate = eventbridge._invoke_target, eventbridge._parse_rate_seconds
    scheduler._SCHEDULE_TICK_INTERVAL = 0.5

    def invoke_or_run(target, event, rule, *rest, **named):
        if target["Arn"].split(":")[2] == "ecs":
            run(target)
        else:
            invoke(target, event, rule, *rest, **named)

    def scaled_rate(expression):
        seconds = rate(expression)
        return seconds and seconds * RATE_SCALE

    eventbridge._invoke_target = invoke_or_run
    eventbridge._parse_rate_seconds = scaled_rate


def run(target):
    task = api_form(target["EcsParameters"])
    task.update(
        cluster=target["Arn"].rsplit("/", 1)[-1],
        taskDefinition=task.pop("taskDefinitionArn"),
        count=int(task.pop("taskCount", 1)),
    )
    accept(ecs._run_task(task))
