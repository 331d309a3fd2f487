"""What CloudFormation itself does otherwise."""

from ministack.services import ec2
from ministack.services.cloudformation import changesets, engine, handlers, stacks

# Parameters of these types must name something that exists.
EXISTING = {
    "AWS::EC2::VPC::Id": lambda: ec2._vpcs,
    "AWS::EC2::Subnet::Id": lambda: ec2._subnets,
    "AWS::EC2::SecurityGroup::Id": lambda: ec2._security_groups,
}


def install():
    # ministack asks for CAPABILITY_IAM only where it checks signatures too.
    handlers._capabilities_enforced = lambda: True
    wait_for_services_aside()
    check_parameter_types()
    disturbed_again()


def wait_for_services_aside():
    """ministack provisions on its event loop; a service that waits for its tasks would stop every other request."""
    blocks = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda resource_type: resource_type == "AWS::ECS::Service" or blocks(resource_type)


def disturbed_again():
    """ministack looks through what all accounts have while other threads add to it, and fails."""
    for name in ("_provision_resource", "_delete_resource"):
        setattr(stacks, name, patient(getattr(stacks, name)))


def patient(call):
    def patiently(*args, **named):
        while True:
            try:
                return call(*args, **named)
            except RuntimeError as error:
                if "changed size during iteration" not in str(error):
                    raise

    return patiently


def check_parameter_types():
    """ministack takes any text for a parameter whose type is an AWS resource."""
    resolve = engine._resolve_parameters

    def resolve_and_check(template, provided, *rest, **named):
        resolved = resolve(template, provided, *rest, **named)
        # An account's default VPC comes into being with its first call to EC2, which this need not be.
        ec2._init_defaults()
        for name, parameter in resolved.items():
            kind = parameter["Type"].removeprefix("List<").removesuffix(">")
            if kind not in EXISTING:
                continue
            ids = parameter["Value"].split(",") if parameter["Type"] != kind else [parameter["Value"]]
            for value in ids:
                if value not in EXISTING[kind]():
                    raise ValueError(
                        f"Parameter validation failed: parameter value {value} for parameter name {name} does not exist"
                    )
        return resolved

    for module in (engine, stacks, changesets, handlers):
        if hasattr(module, "_resolve_parameters"):
            module._resolve_parameters = resolve_and_check
