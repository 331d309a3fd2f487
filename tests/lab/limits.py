"""How much ECS answers at once: ministack answers everything, and hides that a client reads only the first page."""

import json

from ministack.core.responses import error_response_json, json_response
from ministack.services import ecs

# ListServices gives ten a page unless asked for more; ListTasks of ministack pages as AWS does.
SERVICES_A_PAGE = 10
DESCRIBED_AT_ONCE = {"DescribeServices": ("services", 10), "DescribeTasks": ("tasks", 100)}


def install():
    list_all = ecs._ACTION_MAP["ListServices"]

    def list_page(data):
        status, headers, body = list_all(data)
        if status != 200:
            return status, headers, body
        arns = json.loads(body)["serviceArns"]
        start, size = int(data.get("nextToken") or 0), int(data.get("maxResults") or SERVICES_A_PAGE)
        page = {"serviceArns": arns[start : start + size]}
        if start + size < len(arns):
            page["nextToken"] = str(start + size)
        return json_response(page)

    ecs._ACTION_MAP["ListServices"] = list_page
    for action, (field, limit) in DESCRIBED_AT_ONCE.items():
        ecs._ACTION_MAP[action] = limited(ecs._ACTION_MAP[action], field, limit)


def limited(describe, field, limit):
    def describe_few(data):
        if not 0 < len(data.get(field) or []) <= limit:
            message = f"{field} must have between 1 and {limit} members."
            return error_response_json("InvalidParameterException", message, 400)
        return describe(data)

    return describe_few
