"""SSM's public parameters: ministack knows two images; AWS also names those for the instances of ECS."""

from ministack.services import ssm

BASE = "/aws/service/ecs/optimized-ami/amazon-linux-2023"
KINDS = {"": "ami-0ec50000000000001", "/arm64": "ami-0ec50000000000002", "/gpu": "ami-0ec50000000000003"}


def install():
    for kind, image in KINDS.items():
        ssm._PUBLIC_AMI_PARAMETERS[f"{BASE}{kind}/recommended/image_id"] = image
