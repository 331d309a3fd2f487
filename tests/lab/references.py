"""What `Ref` and `GetAtt` give, where ministack gives another thing than AWS, or nothing."""

from ministack.services.cloudformation import provisioners


def install():
    # AWS: the secret's ARN. ministack: its name, so that a template which works here fails there.
    ref("AWS::SecretsManager::Secret", lambda physical_id, attributes: attributes.get("Id", physical_id), secret_name)
    attribute("AWS::EC2::VPC", "CidrBlock")


def attribute(resource_type, name):
    """Makes a property what `GetAtt` gives under the same name."""
    handler = provisioners._RESOURCE_HANDLERS[resource_type]
    create, update = handler["create"], handler.get("update")

    def created(logical_id, properties, stack):
        physical_id, attributes = create(logical_id, properties, stack)
        return physical_id, {**attributes, name: properties[name]}

    def updated(physical_id, old, new, stack, *rest, **named):
        physical_id, attributes = update(physical_id, old, new, stack, *rest, **named)
        return physical_id, {**attributes, name: new[name]}

    handler["create"] = created
    if update:
        handler["update"] = updated


def secret_name(arn):
    """`arn:…:secret:NAME-abcdef` without what stands around the name."""
    return arn.split(":secret:")[1][: -len("-abcdef")] if ":secret:" in arn else arn


def ref(resource_type, to_ref, from_ref):
    """Makes `to_ref` of a resource's id what templates see, and hands `from_ref` of it back to ministack."""
    handler = provisioners._RESOURCE_HANDLERS[resource_type]
    create, update, delete = handler["create"], handler.get("update"), handler["delete"]

    def created(logical_id, properties, stack):
        physical_id, attributes = create(logical_id, properties, stack)
        return to_ref(physical_id, attributes), attributes

    def updated(physical_id, old, new, stack, *rest, **named):
        result = update(from_ref(physical_id), old, new, stack, *rest, **named)
        if not isinstance(result, tuple):
            return result
        same = result[0] == from_ref(physical_id)
        return (physical_id if same else to_ref(*result)), result[1]

    handler["create"] = created
    handler["delete"] = lambda physical_id, properties: delete(from_ref(physical_id), properties)
    if update:
        handler["update"] = updated
