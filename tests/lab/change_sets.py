"""What a change set says would be replaced, and of what a condition leaves out."""

import functools
import importlib.util
import json
import pathlib

from ministack.services.cloudformation import changesets, engine, stacks

REGION = "eu-central-1"


def install():
    by_table = stacks._property_recreation
    stacks._property_recreation = lambda kind, name: recreation(kind, name) or by_table(kind, name)
    resolve = changesets._resolve_props_for_diff
    changesets._resolve_props_for_diff = lambda template, *rest: resolve(what_is_made(template, *rest), *rest)


def recreation(kind, name):
    """What the type's own schema says, which cfn-lint brings along: ministack knows few of them."""
    schema = schema_of(kind)
    if not schema:
        return None
    path = f"/properties/{name}"
    fixed = schema.get("createOnlyProperties", [])
    if path in fixed:
        return "Always"
    perhaps = [*fixed, *schema.get("conditionalCreateOnlyProperties", [])]
    return "Conditionally" if any(f"{other}/".startswith(f"{path}/") for other in perhaps) else "Never"


@functools.cache
def schema_of(kind):
    file = schemas_by_type().get(kind)
    return file and json.loads(file.read_text())


@functools.cache
def schemas_by_type():
    folder = pathlib.Path(importlib.util.find_spec("cfnlint").origin).parent / "data/schemas"
    types = json.loads((folder / f"providers/{REGION}.json").read_text())
    return {kind: folder / f"resources/{digest}.json" for kind, digest in types.items()}


def what_is_made(template, parameters, *_):
    """The template without what its conditions leave out: ministack would list that as added."""
    if not template:
        return template
    holds = engine._evaluate_conditions(template, parameters)
    made = {
        name: resource
        for name, resource in template.get("Resources", {}).items()
        if holds.get(resource.get("Condition"), True)
    }
    return {**template, "Resources": made}
