"""Exit codes: ministack gives that of an essential container to all others of its task.

On AWS these are asked to stop when the essential one ends, and have codes of their own: that of a killed one, here.
"""

from ministack.services import ecs

KILLED = 137


def install():
    mark_stopped = ecs._mark_task_stopped

    def mark_each(task_arn, task, reason, stop_code, exit_code=None):
        if any(container.get("exitCode") is not None for container in task.get("containers", [])):
            exit_code = KILLED
        return mark_stopped(task_arn, task, reason, stop_code, exit_code)

    ecs._mark_task_stopped = mark_each
