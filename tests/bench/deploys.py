#!/usr/bin/env python3
"""How long `ctx` takes in the laboratory for each example, beside `aws cloudformation deploy` of the same template.

    $CTX_TEST_PYTHON_BIN/python tests/bench/deploys.py [PATH-OF-CTX] [ROUNDS]

Needs the AWS CLI. Prints the medians of the seconds of creating, updating and removing a stack, and those of `ctx`
alone: `up` without a change, `ps` and `logs`. Images are not built: every service gets one that nobody looks for.
The two take turns. Most of the CLI's time is its own waiting: it looks every thirty seconds.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import boto3
from kills import REGION, Laboratory

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


class Stage:
    """An account of the laboratory of its own, and a copy of an example."""

    def __init__(self, laboratory, ctx, number, example, folder):
        self.ctx, self.folder = ctx, folder / example.name
        shutil.copytree(example, self.folder)
        keys = {"aws_access_key_id": f"3{number:011}", "aws_secret_access_key": "of the laboratory"}
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": laboratory.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **{name.upper(): value for name, value in keys.items()},
        }
        session = boto3.Session(region_name=REGION, **keys)
        self.cloudformation = session.client("cloudformation", endpoint_url=laboratory.url)
        self.run(ctx, "create", "ecs", "lab", "--from-env")
        self.run(ctx, "use", "lab")
        files = [name for name in ("compose.yaml", "compose.override.yaml") if (self.folder / name).exists()]
        self.files = [word for name in files for word in ("-f", name)]
        service = self.run(ctx, "config", "--services").splitlines()[0]
        (self.folder / "change.yaml").write_text(f"services: {{{service}: {{environment: {{CHANGED: '1'}}}}}}\n")
        # The parameters of what would be built, and of nothing else, need values.
        template = self.run(ctx, "convert")
        built = self.run(ctx, "config", "--images").split()
        self.images = [
            word
            for line in template.split("\nResources:")[0].splitlines()
            if line.startswith("  ") and line.endswith("Image:")
            for word in ("--parameter", f"{line.strip(' :')}={built[0]}")
        ]

    def run(self, *command):
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def timed(self, *command):
        started = time.monotonic()
        self.run(*command)
        return time.monotonic() - started

    def up(self, *files):
        return self.timed(self.ctx, *files, "up", "--yes", *self.images)

    def stack(self):
        """Its template and its parameters."""
        template = self.cloudformation.get_template(StackName=self.folder.name)["TemplateBody"]
        stack = self.cloudformation.describe_stacks(StackName=self.folder.name)["Stacks"][0]
        path = self.folder / f"template-{time.monotonic_ns()}.yaml"
        path.write_text(template if isinstance(template, str) else str(template))
        return path, [f"{one['ParameterKey']}={one['ParameterValue']}" for one in stack["Parameters"]]

    def deploy(self, template, parameters):
        return self.timed(
            *("aws", "cloudformation", "deploy", "--stack-name", self.folder.name, "--template-file", str(template)),
            *("--capabilities", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND", "--parameter-overrides", *parameters),
        )

    def delete(self):
        name = ("--stack-name", self.folder.name)
        return self.timed("aws", "cloudformation", "delete-stack", *name) + self.timed(
            "aws", "cloudformation", "wait", "stack-delete-complete", *name
        )

    def round(self):
        own = [self.up()]
        first = self.stack()
        extra = [self.up(), self.timed(self.ctx, "ps"), self.timed(self.ctx, "logs", "--tail", "10")]
        own.append(self.up(*self.files, "-f", "change.yaml"))
        second = self.stack()
        own.append(self.timed(self.ctx, "down"))
        return own, [self.deploy(*first), self.deploy(*second), self.delete()], extra


def main():
    ctx = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "ctx"
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    steps = ("create", "update", "remove")
    alone = ("no change", "ps", "logs")
    print("| example | " + " | ".join(f"{step} ctx : aws" for step in steps) + " | " + " | ".join(alone) + " |")
    print("|---" * (1 + len(steps) + len(alone)) + "|")
    with Laboratory() as laboratory, tempfile.TemporaryDirectory() as folder:
        number = 0
        for example in sorted(EXAMPLES.iterdir()):
            measured = []
            for _ in range(rounds):
                number += 1
                place = pathlib.Path(folder, str(number))
                place.mkdir()
                measured.append(Stage(laboratory, ctx, number, example, place).round())
            own, other, extra = ([statistics.median(step) for step in zip(*part)] for part in zip(*measured))
            pairs = [f"{a:.2f} : {b:.2f} s ({a / b:.2f})" for a, b in zip(own, other)]
            print(f"| {example.name} | " + " | ".join(pairs + [f"{one:.3f} s" for one in extra]) + " |", flush=True)


main()
