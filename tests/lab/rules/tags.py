"""What the project's own templates promise about tags."""

from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

PROJECT = "com.docker.compose.project"


class TagOfTheProject(CloudFormationLintRule):
    """Whatever can be tagged says whose it is; and `x-aws-tags` stand beside that tag."""

    id = "E9010"
    shortdesc = "Everything that can be tagged has the project's tag"
    description = "In a template whose other resources have it; resources from an overlay are the user's own"
    source_url = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-type-schemas.html"
    tags = ["tags"]

    def match(self, cfn):
        resources = cfn.get_resources()
        if not any(PROJECT in str(resource) for resource in resources.values()):
            return
        for name, resource in resources.items():
            place = tag_property(cfn.regions[0], resource["Type"])
            if place and PROJECT not in str((resource.get("Properties") or {}).get(place)):
                yield RuleMatch(["Resources", name], f"{place} lacks {PROJECT}")


def tag_property(region, resource_type):
    """The property that holds a type's tags; none if the type cannot be tagged."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, resource_type).schema
    tagging = schema.get("tagging") or {}
    place = (tagging.get("tagProperty") or "").rsplit("/", 1)[-1]
    return place if tagging.get("taggable") and place in schema["properties"] else None
