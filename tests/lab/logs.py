"""FilterLogEvents: ministack gives one page, does not know `logStreamNamePrefix`, and its events have no id.

A stack's log group: ministack empties one of the same name that is there already, where AWS refuses.
"""

import itertools
import json

from ministack.core.responses import error_response_json, json_response
from ministack.services import cloudwatch_logs
from ministack.services.cloudformation import provisioners

# AWS ends a page at 10,000 events or one megabyte.
PAGE = 1_000
ALL = 10_000


def install():
    page_events()
    refuse_taken_names()


def refuse_taken_names():
    handler = provisioners._RESOURCE_HANDLERS["AWS::Logs::LogGroup"]
    create = handler["create"]

    def create_new(logical_id, props, stack_name):
        name = props.get("LogGroupName")
        if name in cloudwatch_logs._log_groups:
            raise ValueError(f"Resource of type 'AWS::Logs::LogGroup' with identifier '{name}' already exists.")
        return create(logical_id, props, stack_name)

    handler["create"] = create_new


def page_events():
    append, ids = cloudwatch_logs._append_log_events, itertools.count(1)

    def append_with_ids(stream, events):
        for event in events:
            event["eventId"] = f"{next(ids):056}"
        append(stream, events)

    cloudwatch_logs._append_log_events = append_with_ids
    filter_events = cloudwatch_logs._filter_log_events

    def filter_page(data):
        names, prefix = data.get("logStreamNames"), data.get("logStreamNamePrefix")
        if names and prefix:
            message = "logStreamNamePrefix and logStreamNames are mutually exclusive"
            return error_response_json("InvalidParameterException", message, 400)
        if prefix:
            group = cloudwatch_logs._log_groups.get(cloudwatch_logs._resolve_log_group_name(data)) or {"streams": {}}
            names = [name for name in group["streams"] if name.startswith(prefix)]
            if not names:
                return json_response({"events": [], "searchedLogStreams": []})
        status, headers, body = filter_events({**data, "logStreamNames": names, "limit": ALL})
        if status != 200:
            return status, headers, body
        events = json.loads(body)["events"]
        start, size = int(data.get("nextToken") or 0), min(int(data.get("limit") or PAGE), PAGE)
        page = {"events": events[start : start + size], "searchedLogStreams": []}
        if start + size < len(events):
            page["nextToken"] = str(start + size)
        return json_response(page)

    cloudwatch_logs._filter_log_events = filter_page
