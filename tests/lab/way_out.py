"""The way from a task's subnet to its image: ministack starts tasks in subnets that lead nowhere."""

from ministack.services import ec2
from ministack.services.cloudformation import provisioners

NEEDED = ("ecr.api", "ecr.dkr", "s3", "logs")


def install():
    handler = provisioners._RESOURCE_HANDLERS["AWS::ECS::Service"]
    create = handler["create"]

    def create_where_images_come(logical_id, properties, stack):
        network = (properties.get("NetworkConfiguration") or {}).get("AwsvpcConfiguration") or {}
        public = network.get("AssignPublicIp") == "ENABLED"
        on_instances = is_on_instances(properties)
        if on_instances and public:
            raise ValueError("InvalidParameterException: Assign public IP is not supported for this launch type.")
        for subnet in network.get("Subnets") or []:
            # Of tasks on instances, the instance pulls the image, which has a public address in a public subnet.
            check(subnet, public or on_instances)
        return create(logical_id, properties, stack)

    handler["create"] = create_where_images_come


def is_on_instances(properties):
    providers = [one["CapacityProvider"] for one in properties.get("CapacityProviderStrategy") or []]
    on_fargate = any(provider in ("FARGATE", "FARGATE_SPOT") for provider in providers)
    return properties.get("LaunchType") == "EC2" or bool(providers) and not on_fargate


def check(subnet_id, has_public_address):
    """Fails as ECS does, where a task could not pull its image."""
    ec2._ensure_defaults_initialized()
    subnet = ec2._subnets.get(subnet_id)
    if subnet is None:
        raise ValueError(f"The subnet ID '{subnet_id}' does not exist")
    route = default_route(subnet)
    through_gateway = has_public_address and str(route.get("GatewayId", "")).startswith("igw-")
    if through_gateway or route.get("NatGatewayId") in ec2._nat_gateways.keys() or has_endpoints(subnet["VpcId"]):
        return
    raise ValueError(
        "ResourceInitializationError: unable to pull secrets or registry auth: "
        f"there is no way from subnet {subnet_id} to the registry"
    )


def default_route(subnet):
    """Where a subnet's own route table, else its VPC's main one, leads the rest of the world."""
    if subnet["VpcId"] == ec2._DEFAULT_VPC_ID:
        return {"GatewayId": ec2._DEFAULT_IGW_ID}  # ministack forgot this route
    own, main = {}, {}
    for table in ec2._route_tables.values():
        route = next((one for one in table["Routes"] if one.get("DestinationCidrBlock") == "0.0.0.0/0"), {})
        for association in table["Associations"]:
            if association.get("SubnetId") == subnet["SubnetId"]:
                own = {"there": True, **route}
            elif association.get("Main") and table["VpcId"] == subnet["VpcId"]:
                main = route
    return own or main


def has_endpoints(vpc_id):
    there = [one["ServiceName"] for one in ec2._vpc_endpoints.values() if one["VpcId"] == vpc_id]
    return all(any(name.endswith(f".{service}") for name in there) for service in NEEDED)
