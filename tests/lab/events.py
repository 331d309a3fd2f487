"""Events of stacks: ministack reports an update of every resource, also of those that stay as they are, and reports
new resources as updated and failed ones without their names."""

from ministack.services.cloudformation import _stacks, provisioners, stacks

from . import service

IN_PROGRESS, COMPLETE, FAILED = "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_FAILED"

# Updates that ministack has begun to report, by resource: whether there is anything to update is not known yet.
announced = {}
# Resources that are new in an update.
new = set()


def install():
    add_event = stacks._add_event
    update = stacks._update_keeping_seed

    def add(stack_id, stack_name, logical_id, resource_type, status, reason="", physical_id="", detailed_status=""):
        def report(status, reason, physical_id):
            add_event(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, detailed_status)

        key = key_of(stack_name, logical_id)
        if status == IN_PROGRESS and not reason and not physical_id:
            announced[key] = lambda status: report(status, "", physical_id_of(stack_name, logical_id))
            return
        if status == COMPLETE and announced.pop(key, None):
            return
        begin(key, IN_PROGRESS)
        if status in (COMPLETE, FAILED) and key in new:
            new.discard(key)
            status = status.replace("UPDATE", "CREATE")
        if status.endswith("_FAILED") and not physical_id:
            physical_id = physical_id_of(stack_name, logical_id)
        report(status, reason, physical_id)

    def update_what_changed(resource_type, physical_id, before, after, stack_name, logical_id, attributes):
        if before != after:
            begin(key_of(stack_name, logical_id), IN_PROGRESS)
        return update(resource_type, physical_id, before, after, stack_name, logical_id, attributes)

    stacks._add_event = add
    stacks._update_keeping_seed = update_what_changed
    stacks._provision_keeping_seed = telling_what_is_new(stacks._provision_keeping_seed)
    install_in_nested_stacks()


def install_in_nested_stacks():
    """These are updated by other calls, which also forget what `GetAtt` gives of resources that stay as they are."""
    update = provisioners._update_resource

    def update_what_changed(resource_type, physical_id, before, after, stack_name, logical_id=None, attributes=None):
        if before != after:
            begin(key_of(stack_name, logical_id), IN_PROGRESS)
        known = _stacks.get(stack_name, {}).get("_resources", {}).get(logical_id, {})
        attributes = attributes or known.get("Attributes")
        return update(resource_type, physical_id, before, after, stack_name, logical_id, attributes)

    provisioners._update_resource = update_what_changed
    provisioners._provision_resource = telling_what_is_new(provisioners._provision_resource)


def telling_what_is_new(provision):
    def create_what_is_new(resource_type, logical_id, properties, stack_name):
        key = key_of(stack_name, logical_id)
        if key in announced:
            new.add(key)
            begin(key, "CREATE_IN_PROGRESS")
        return provision(resource_type, logical_id, properties, stack_name)

    return create_what_is_new


def begin(key, status):
    """Reports what was announced, now that there is something to do."""
    report = announced.pop(key, None)
    if report:
        report(status)


def physical_id_of(stack_name, logical_id):
    """By which the tasks of a failed service can be found."""
    known = _stacks.get(stack_name, {}).get("_resources", {}).get(logical_id, {})
    return known.get("PhysicalResourceId") or service.made.get(key_of(stack_name, logical_id), "")


def key_of(stack_name, logical_id):
    return service.key_of(f"{stack_name}/{logical_id}")
