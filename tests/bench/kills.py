#!/usr/bin/env python3
"""What a second `ctx up` makes of what a first one left that was killed at random moments, in the laboratory.

    $CTX_TEST_PYTHON_BIN/python tests/bench/kills.py [PATH-OF-CTX] [KILLS] [SEED]

Prints for each kill when it was, what was there then, how the second `up` ended, and what it lost or doubled in
comparison with an `up` that nobody killed. `tests/aws/faults.rs` kills after each request; this one in between as well.
"""

import collections
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

import boto3

TESTS = pathlib.Path(__file__).resolve().parents[1]
FILE = """name: shop
services:
  web: {image: nginx:1.27, ports: ['8080:80'], depends_on: [cache], labels: &slow {ctx.lab.steady: '0.5'}}
  cache: {image: redis:7, secrets: [password], volumes: [data:/data], labels: *slow}
secrets: {password: {file: ./password}}
volumes: {data: {}}
"""
REGION = "eu-central-1"


class Laboratory:
    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lab"],
            cwd=TESTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.url = json.loads(self.process.stdout.readline())["url"]
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


class Account:
    """One account of the laboratory, and a folder in which `ctx` deploys to it."""

    def __init__(self, laboratory, ctx, number, folder):
        self.ctx, self.folder = ctx, folder
        self.keys = {"aws_access_key_id": f"2{number:011}", "aws_secret_access_key": "of the laboratory"}
        self.session = boto3.Session(region_name=REGION, **self.keys)
        self.url = laboratory.url
        (folder / "compose.yaml").write_text(FILE)
        (folder / "password").write_text("x")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": laboratory.url,
            "AWS_REGION": REGION,
            **{name.upper(): value for name, value in self.keys.items()},
        }
        self.begin("create", "ecs", "lab", "--from-env").wait()

    def begin(self, *arguments):
        log = open(self.folder / "log", "w")
        return subprocess.Popen(
            [self.ctx, "--progress", "plain", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )

    def client(self, name):
        return self.session.client(name, endpoint_url=self.url)

    def stack(self):
        """Its status, and its waiting change sets."""
        cloudformation = self.client("cloudformation")
        stacks = [one for one in cloudformation.describe_stacks()["Stacks"] if one["StackName"] == "shop"]
        if not stacks:
            return "no stack", 0
        sets = cloudformation.list_change_sets(StackName="shop")["Summaries"]
        return stacks[0]["StackStatus"], sum(one["ExecutionStatus"] != "EXECUTE_COMPLETE" for one in sets)

    def resources(self):
        """Everything that may cost something or be in the way, by its kind and its name without what is random in it."""
        ecs, found = self.client("ecs"), []

        def add(kind, names):
            found.extend((kind, re.sub(r"[0-9a-f]{8,}|fs-\w+|sg-\w+", "*", name)) for name in names)

        add("stack", [one["StackName"] for one in self.client("cloudformation").describe_stacks()["Stacks"]])
        add("secret", [one["Name"] for one in self.client("secretsmanager").list_secrets()["SecretList"]])
        add("log group", [one["logGroupName"] for one in self.client("logs").describe_log_groups()["logGroups"]])
        systems = self.client("efs").describe_file_systems()["FileSystems"]
        add("file system", ["data" for _ in systems])
        add("access point", ["data" for _ in self.client("efs").describe_access_points()["AccessPoints"]])
        balancers = self.client("elbv2").describe_load_balancers()["LoadBalancers"]
        add("load balancer", ["balancer" for _ in balancers])
        add("target group", ["group" for _ in self.client("elbv2").describe_target_groups()["TargetGroups"]])
        groups = self.client("ec2").describe_security_groups()["SecurityGroups"]
        add("security group", ["group" for one in groups if one["GroupName"] != "default"])
        add("namespace", [one["Name"] for one in self.client("servicediscovery").list_namespaces()["Namespaces"]])
        add("role", [one["RoleName"].rsplit("-", 1)[0] for one in self.client("iam").list_roles()["Roles"]])
        for cluster in ecs.list_clusters()["clusterArns"]:
            add("cluster", [cluster.rsplit("/", 1)[-1]])
            for service in ecs.list_services(cluster=cluster, maxResults=100)["serviceArns"]:
                described = ecs.describe_services(cluster=cluster, services=[service])["services"][0]
                add("service", [f"{service.rsplit('/', 1)[-1].rsplit('-', 1)[0]} runs {described['runningCount']}"])
        active = ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"]
        add("task definition", [one.rsplit("/", 1)[-1].split(":")[0] for one in active])
        return collections.Counter(found)


def told(resources):
    return ", ".join(f"{kind} {name}" + (f" x{count}" if count > 1 else "") for (kind, name), count in resources.items())


def main():
    ctx = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "ctx"
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    chance = random.Random(seed)
    with Laboratory() as laboratory, tempfile.TemporaryDirectory() as folder:

        def account(number):
            place = pathlib.Path(folder, str(number))
            place.mkdir()
            return Account(laboratory, ctx, number, place)

        lengths = []
        # The laboratory is slow the first time.
        for number in (0, kills + 1):
            whole = account(number)
            started = time.monotonic()
            code = whole.begin("-c", "lab", "up", "--yes").wait()
            lengths.append(time.monotonic() - started)
            assert code == 0, (whole.folder / "log").read_text()
        length, expected = lengths[-1], whole.resources()
        print(f"seed {seed}; whole: {length:.2f} s, {sum(expected.values())} resources: {told(expected)}\n")
        print("| killed after | then there was | up again | lost | doubled | change sets left |\n|---|---|---|---|---|---|")
        for number, moment in enumerate(sorted(chance.uniform(0, length) for _ in range(kills)), 1):
            victim = account(number)
            up = victim.begin("-c", "lab", "up", "--yes")
            time.sleep(moment)
            up.kill()
            up.wait()
            (status, sets), before = victim.stack(), victim.resources()
            code = victim.begin("-c", "lab", "up", "--yes").wait()
            after, (end, left) = victim.resources(), victim.stack()
            was = f"{status}, {sum(before.values())} resources" + (f", {sets} change set" if sets else "")
            lost, doubled = told(expected - after) or "none", told(after - expected) or "none"
            print(f"| {moment:.2f} s | {was} | exit {code}, {end} | {lost} | {doubled} | {left} |", flush=True)
            if code or lost != "none" or doubled != "none":
                print((victim.folder / "log").read_text(), file=sys.stderr)


if __name__ == "__main__":
    main()
