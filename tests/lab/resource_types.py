"""CloudFormation resource types that ministack refuses with "Unrecognized resource types"."""

import secrets

from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import ec2, ecs
from ministack.services.cloudformation import provisioners

HANDLERS = provisioners._RESOURCE_HANDLERS


def install():
    HANDLERS["AWS::EC2::SecurityGroupIngress"] = security_group_rule("IpPermissions")
    HANDLERS["AWS::EC2::SecurityGroupEgress"] = security_group_rule("IpPermissionsEgress")
    HANDLERS["AWS::EC2::EIP"] = {"create": create_address, "delete": release_address}
    HANDLERS["AWS::EC2::NatGateway"] = {"create": create_nat_gateway, "delete": delete_nat_gateway}
    HANDLERS["AWS::ECS::CapacityProvider"] = {"create": create_capacity_provider, "delete": delete_capacity_provider}
    HANDLERS["AWS::ECS::ClusterCapacityProviderAssociations"] = {
        "create": associate_capacity_providers,
        "update": lambda physical_id, old, new, stack: associate_capacity_providers(None, new, stack),
        "delete": lambda physical_id, properties: ecs._put_cluster_capacity_providers({"cluster": physical_id}),
    }
    HANDLERS["AWS::ApplicationAutoScaling::ScalableTarget"] = recorded(scalable_target)
    HANDLERS["AWS::ApplicationAutoScaling::ScalingPolicy"] = recorded(scaling_policy)


def security_group_rule(permissions):
    def create(logical_id, properties, stack):
        group = ec2._security_groups.get(properties.get("GroupId"))
        if not group:
            raise ValueError(f"The security group '{properties.get('GroupId')}' does not exist")
        group.setdefault(permissions, []).extend(provisioners._ec2_sg_permissions([properties]))
        rule = f"sgr-{secrets.token_hex(8)}0"
        return rule, {"Id": rule}

    def delete(physical_id, properties):
        group = ec2._security_groups.get(properties.get("GroupId"))
        if group:
            rules = provisioners._ec2_sg_permissions([properties])
            provisioners._ec2_sg_reconcile(group.setdefault(permissions, []), rules, [])

    def update(physical_id, old, new, stack):
        delete(physical_id, old)
        return create(None, new, stack)

    return {"create": create, "update": update, "delete": delete}


def added(records, action):
    """The key that an action adds to ministack's records."""
    before = set(records.keys())
    action()
    return next(key for key in records.keys() if key not in before)


def create_address(logical_id, properties, stack):
    allocation = added(ec2._addresses, lambda: ec2._allocate_address({"Domain": ["vpc"]}))
    address = ec2._addresses[allocation]["PublicIp"]
    return address, {"AllocationId": allocation, "PublicIp": address}


def release_address(physical_id, properties):
    for allocation, record in list(ec2._addresses.items()):
        if record["PublicIp"] == physical_id:
            ec2._addresses.pop(allocation, None)


def create_nat_gateway(logical_id, properties, stack):
    if properties["SubnetId"] not in ec2._subnets.keys():
        raise ValueError(f"The subnet ID '{properties['SubnetId']}' does not exist")
    request = {"SubnetId": [properties["SubnetId"]], "AllocationId": [properties.get("AllocationId", "")]}
    gateway = added(ec2._nat_gateways, lambda: ec2._create_nat_gateway(request))
    return gateway, {"NatGatewayId": gateway}


def delete_nat_gateway(physical_id, properties):
    ec2._nat_gateways.pop(physical_id, None)


def create_capacity_provider(logical_id, properties, stack):
    request = provisioners._pascal_to_camel(properties)
    request["name"] = properties.get("Name") or f"{stack}-{logical_id}"
    accept(ecs._create_capacity_provider(request))
    return request["name"], {}


def delete_capacity_provider(physical_id, properties):
    ecs._delete_capacity_provider({"capacityProvider": physical_id})


def associate_capacity_providers(logical_id, properties, stack):
    accept(ecs._put_cluster_capacity_providers(provisioners._pascal_to_camel(properties)))
    return properties["Cluster"], {}


def recorded(identify):
    """A type that is only recorded: ministack has no API behind it."""

    def create(logical_id, properties, stack):
        return identify(f"{stack}-{logical_id}", properties)

    def update(physical_id, old, new, stack):
        return physical_id, {}

    return {"create": create, "update": update, "delete": lambda physical_id, properties: None}


def scalable_target(name, properties):
    physical_id = "|".join(properties[key] for key in ("ResourceId", "ScalableDimension", "ServiceNamespace"))
    return physical_id, {"Id": physical_id}


def scaling_policy(name, properties):
    arn = f"arn:aws:autoscaling:{get_region()}:{get_account_id()}:scalingPolicy:{new_uuid()}:policyName/{name}"
    return arn, {"Arn": arn}


def accept(response):
    """Fails the resource when the service that stands behind it refuses."""
    status, _, body = response
    if status >= 400:
        raise ValueError(f"Resource handler returned message: {body!r}")
