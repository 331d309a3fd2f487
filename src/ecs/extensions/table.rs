//! All extensions, each at the place where it may stand. Longer than other files because they are many.
//!
//! To add one: its row here, the rule that it names, a file under `tests/convert/`. A `Part` is read by the rule of the
//! attribute around it.

use super::shape::{Field, Shape};
use super::{Extension, Verdict};
use crate::ecs::rules::{connect, credentials, exec, role, rollout, scaling, schedule, size, stack, traffic, vpc};

use Shape::{Boolean, Document, Duration, Either, Form, Integer, List, Map, Object, Text, Word};
use Verdict::{Part, Project, Service};

/// An ARN of any partition.
const fn arn(what: &'static str) -> Shape {
    Form(what, "arn:[^:]+:.+", is_arn)
}

pub(super) fn is_arn(text: &str) -> bool {
    text.strip_prefix("arn:")
        .is_some_and(|rest| rest.split(':').count() >= 5)
}

const CIDR: Shape = Form(
    "a range of addresses such as `10.0.0.0/16`",
    "[0-9a-fA-F.:]+/[0-9]{1,3}",
    is_cidr,
);

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(_)) => 32,
        Ok(std::net::IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

const SUBNET: Shape = Form("the id of a subnet (subnet-…)", "subnet-[0-9a-f]+", |text| {
    text.starts_with("subnet-")
});
const GROUP: Shape = Form("the id of a security group (sg-…)", "sg-[0-9a-f]+", |text| {
    text.starts_with("sg-")
});
const DOMAIN: Shape = Form(
    "a domain name such as `shop.example.com`",
    "(\\*\\.)?[A-Za-z0-9.-]+\\.[A-Za-z]+",
    |text| {
        let text = text.strip_prefix("*.").unwrap_or(text);
        text.contains('.')
            && text.split('.').all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            })
    },
);
const URL_PATH: Shape = Form("a path of a URL such as `/health`", "/.*", |text| text.starts_with('/'));
const TIMEZONE: Shape = Text("a time zone such as `Europe/Berlin`");
const SCHEDULE: Shape = Form(
    "`cron(…)`, `rate(…)` or `at(…)`",
    "(cron|rate|at)\\(.+\\)",
    |text| ["cron(", "rate(", "at("].iter().any(|begin| text.starts_with(begin)) && text.ends_with(')'),
);

const fn field(name: &'static str, shape: Shape, does: &'static str) -> Field {
    Field {
        name,
        required: false,
        shape,
        does,
    }
}

const fn required(name: &'static str, shape: Shape, does: &'static str) -> Field {
    Field {
        name,
        required: true,
        shape,
        does,
    }
}

const VPC: &[Field] = &[
    required(
        "new",
        Word(&["public", "nat", "endpoints"]),
        "make a VPC: tasks in public subnets, or in private ones whose way out is a NAT gateway, or with endpoints of the AWS services only",
    ),
    field("cidr", CIDR, "its addresses, by default 10.0.0.0/16"),
    field(
        "nat_gateways",
        Word(&["one", "per-zone"]),
        "one NAT gateway for all zones (the default), or one in each",
    ),
];

const SUBNETS: Shape = Either(&[
    List(&SUBNET),
    Object(&[
        field(
            "public",
            List(&SUBNET),
            "for load balancers, and for tasks when there are no private ones",
        ),
        field("private", List(&SUBNET), "for tasks"),
    ]),
]);

const LOAD_BALANCER: Shape = Either(&[
    Text("the name or the ARN of a load balancer"),
    Object(&[
        field("arn", arn("the ARN of a load balancer"), "use this load balancer"),
        field("name", Text("the name of a load balancer"), "use this load balancer"),
        field(
            "type",
            Word(&["application", "network"]),
            "what to make, instead of what the ports ask for",
        ),
        field("internal", Boolean, "reachable from the VPC only"),
        field("subnets", List(&SUBNET), "where it stands"),
        field(
            "security_groups",
            List(&GROUP),
            "further groups that it is in; of an existing one, those from which it calls",
        ),
        field(
            "cidrs",
            List(&CIDR),
            "who may reach it, by default everybody; of an existing one, the addresses from which it calls",
        ),
        field("idle_timeout", Duration(1, 4000), "how long a connection may be silent"),
        field("deletion_protection", Boolean, "refuse to be deleted"),
        field(
            "access_logs",
            Text("the name of a bucket"),
            "keep its access logs in this bucket",
        ),
    ]),
]);

const CAPACITY: Shape = Either(&[
    Word(&["fargate", "spot", "ec2"]),
    Object(&[
        field("fargate", Integer(0, 1000), "weight of on-demand capacity"),
        field("spot", Integer(0, 1000), "weight of spot capacity"),
        field(
            "base",
            Integer(0, 100_000),
            "so many tasks on demand before the weights count",
        ),
        field(
            "with_volumes",
            Boolean,
            "let spot's interruptions happen to a service that keeps data in volumes",
        ),
        field(
            "ec2",
            Either(&[Boolean, Object(EC2)]),
            "run on instances of the project's own",
        ),
    ]),
]);

const EC2: &[Field] = &[
    field(
        "instance_type",
        Text("an instance type such as `g5.xlarge`, or a family such as `g5`"),
        "instead of the cheapest that fits",
    ),
    field("min", Integer(0, 1000), "the fewest instances, by default 0"),
    field("max", Integer(1, 1000), "the most instances, by default 10"),
    field(
        "ami",
        Text("the id of an image (ami-…), or the name of an SSM parameter"),
        "instead of Amazon's for ECS",
    ),
    field("spot", Boolean, "spot instances"),
    field("volume_size", Integer(30, 16_384), "GiB of an instance's root volume"),
];

const HEALTH: Shape = Either(&[
    URL_PATH,
    Object(&[
        field("path", URL_PATH, "what is asked for, by default `/`"),
        field(
            "matcher",
            Text("HTTP codes such as `200-399`"),
            "the answers of a healthy container, by default 200-499",
        ),
        field("interval", Duration(5, 300), "time between two checks"),
        field("timeout", Duration(2, 120), "how long to wait for an answer"),
        field(
            "healthy",
            Integer(2, 10),
            "good answers until a container counts as healthy",
        ),
        field("unhealthy", Integer(2, 10), "bad answers until it is replaced"),
        field(
            "grace_period",
            Duration(0, 2_147_483_647),
            "how long after its start no answer counts against it",
        ),
        field("port", Integer(1, 65_535), "another port of the container"),
        field("protocol", Word(&["http", "https", "tcp"]), "how to ask"),
    ]),
]);

const AUTOSCALING: &[Field] = &[
    field("min", Integer(0, 5000), "the fewest tasks, by default 1"),
    required("max", Integer(1, 5000), "the most tasks"),
    field(
        "cpu",
        Integer(1, 100),
        "percent of its CPU at which the service is kept",
    ),
    field(
        "memory",
        Integer(1, 100),
        "percent of its memory at which the service is kept",
    ),
    field(
        "requests",
        Integer(1, 1_000_000_000),
        "requests per minute at which each task is kept",
    ),
    field(
        "cooldown",
        Either(&[
            Duration(0, 3600),
            Object(&[
                field("in", Duration(0, 3600), "after tasks were taken away"),
                field("out", Duration(0, 3600), "after tasks were added"),
            ]),
        ]),
        "time between two changes, by default 60s",
    ),
    field(
        "schedules",
        List(&Object(&[
            required("at", SCHEDULE, "when"),
            field("timezone", TIMEZONE, "whose time, by default UTC"),
            field("min", Integer(0, 5000), "the fewest tasks from then on"),
            field("max", Integer(0, 5000), "the most tasks from then on"),
        ])),
        "other bounds from given times on",
    ),
];

const ROLLOUT: Shape = Either(&[
    Word(&["rolling", "blue-green", "linear", "canary"]),
    Object(&[
        field(
            "strategy",
            Word(&["rolling", "blue-green", "linear", "canary"]),
            "how a new version takes over, by default rolling",
        ),
        field(
            "bake_time",
            Duration(0, 86_400),
            "how long the old tasks stay beside the new ones",
        ),
        field(
            "step_percent",
            Integer(1, 100),
            "how much of the traffic moves in a step",
        ),
        field("step_time", Duration(0, 86_400), "how long a step lasts"),
        field(
            "alarms",
            List(&Text("the name of a CloudWatch alarm")),
            "alarms that undo the deployment",
        ),
    ]),
]);

const EBS: Shape = Either(&[
    Boolean,
    Object(&[
        field("size", Integer(1, 65_536), "GiB, by default 20"),
        field(
            "type",
            Word(&["gp2", "gp3", "io1", "io2", "st1", "sc1"]),
            "by default gp3",
        ),
        field("iops", Integer(100, 256_000), "operations a second"),
        field("throughput", Integer(125, 2000), "MiB a second"),
        field("file_system", Word(&["ext3", "ext4", "xfs"]), "by default ext4"),
        field(
            "snapshot",
            Text("the id of a snapshot (snap-…)"),
            "what is on it at first",
        ),
        field("kms_key", Text("the id or the ARN of a key"), "encrypt with this key"),
    ]),
]);

const KEYS: Shape = List(&Text("a key of the secret's JSON, or `*` for all"));
const VARIABLE: Shape = Form("the name of a variable", "[A-Za-z_][A-Za-z0-9_.-]*", |text| {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
});

#[rustfmt::skip]
pub(super) const EXTENSIONS: &[Extension] = &[
    Extension("x-aws-account", Form("the twelve digits of an account", "[0-9]{12}", |text| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())),
        "deploy to this account only", Part),
    Extension("x-aws-assign_public_ip", Boolean, "whether tasks have public addresses; by default those in private subnets have none", Project(vpc::public_ip)),
    Extension("x-aws-capacity", CAPACITY, "what all services run on", Part),
    Extension("x-aws-certificate", arn("the ARN of a certificate"), "the certificate of all HTTPS ports", Part),
    Extension("x-aws-cloudformation", Document("a template, or a part of one", &[]), "merged into the template", Part),
    Extension("x-aws-cluster", Text("the name or the ARN of a cluster"), "use this cluster", Project(stack::cluster)),
    Extension("x-aws-dashboard", Boolean, "make a CloudWatch dashboard", Part),
    Extension("x-aws-hosted_zone", Text("the id of a Route 53 hosted zone"), "the zone in which the records of `x-aws-domain` stand", Part),
    Extension("x-aws-insights", Either(&[Boolean, Word(&["enhanced"])]), "Container Insights of the cluster", Part),
    Extension("x-aws-loadbalancer", LOAD_BALANCER, "use this load balancer, or make it so", Part),
    Extension("x-aws-logs_retention", Integer(0, 3653), "days that logs are kept, by default 30; 0 for ever", Part),
    Extension("x-aws-permissions_boundary", arn("the ARN of a policy"), "the boundary of all roles that are made", Part),
    Extension("x-aws-nested_stacks", Boolean, "`true`: a nested stack for each service; `false`: one stack, or an error if it is too large", Part),
    Extension("x-aws-service_connect", Boolean, "services find each other by ECS Service Connect, on the ports that they list, instead of DNS", Project(connect::begin)),
    Extension("x-aws-subnets", SUBNETS, "where tasks and load balancers stand", Project(vpc::subnets)),
    Extension("x-aws-tags", Map(&Text("a tag's value")), "further tags of everything that is made", Part),
    Extension("x-aws-vpc", Either(&[Form("the id (vpc-…) or the ARN of a VPC, or `new`", "(new|vpc-[0-9a-f]+|arn:.+:vpc/vpc-[0-9a-f]+)", |text| text == "new" || text.rsplit('/').next().is_some_and(|id| id.starts_with("vpc-"))), Object(VPC)]),
        "the VPC that the project runs in", Project(vpc::vpc)),
    Extension("x-aws-zones", Integer(2, 3), "how many availability zones to use, by default 2", Project(vpc::zones)),

    Extension("networks.*.x-aws-securitygroup", Text("the id of a security group"), "an older way to name an existing group", Part),

    Extension("secrets.*.x-aws-keys", KEYS, "the keys of its JSON that become files", Part),
    Extension("secrets.*.x-aws-kms_key", Form("the ARN of a key", "arn:[^:]+:kms:.+:key/.+", |text| text.contains(":kms:") && text.contains(":key/") && is_arn(text)),
        "the key that encrypts an external secret: ECS may decrypt with it", Part),

    Extension("volumes.*.x-aws-ebs", EBS, "an EBS volume for each task instead of one file system for all", Part),

    Extension("services.*.x-aws-assign_public_ip", Boolean, "whether the service's tasks have public addresses", Service(vpc::service_public_ip)),
    Extension("services.*.x-aws-capacity", CAPACITY, "what the service runs on", Part),
    Extension("services.*.x-aws-ephemeral_storage", Integer(21, 200), "GiB of disk of a task, which is gone when it ends", Service(size::ephemeral_storage)),
    Extension("services.*.x-aws-exec", Boolean, "let `ctx exec` into the containers", Service(exec::enable)),
    Extension("services.*.x-aws-loadbalancer", Boolean, "`false`: no load balancer for the service's ports; its tasks are reached themselves", Part),
    Extension("services.*.x-aws-policies", List(&arn("the ARN of a policy")), "managed policies of the containers", Service(role::policies)),
    Extension("services.*.x-aws-pull_credentials", arn("the ARN of a secret"), "a user name and a password for the image's registry (or `ctx up --with-registry-auth`)", Service(credentials::pull)),
    Extension("services.*.x-aws-repository", Text("the URI of an ECR repository"), "where an image that is built goes, instead of a repository that `up` makes", Part),
    Extension("services.*.x-aws-role", Document("a policy document with a `Statement`", &["Statement"]), "what the containers may do", Service(role::document)),
    Extension("services.*.x-aws-rollout", ROLLOUT, "how a new version takes over", Service(traffic::rollout)),
    Extension("services.*.x-aws-schedule", Either(&[SCHEDULE, Object(&[
        required("expression", SCHEDULE, "when it runs"),
        field("timezone", TIMEZONE, "whose time, by default UTC"),
    ])]), "run the service at these times instead of always", Service(schedule::check)),
    Extension("services.*.x-aws-subnets", List(&SUBNET), "where the service's tasks stand", Service(vpc::service_subnets)),
    Extension("services.*.deploy.x-aws-autoscaling", Object(AUTOSCALING), "the number of tasks follows the load", Service(scaling::autoscaling)),
    Extension("services.*.deploy.update_config.x-aws-max_percent", Integer(100, 200), "tasks that may run during a deployment", Service(rollout::max_percent)),
    Extension("services.*.deploy.update_config.x-aws-min_percent", Integer(0, 100), "tasks that must run during a deployment", Service(rollout::min_percent)),
    Extension("services.*.ports.*.x-aws-certificate", arn("the ARN of a certificate"), "the certificate of this HTTPS port", Part),
    Extension("services.*.ports.*.x-aws-cidrs", List(&CIDR), "who may reach this port, by default everybody", Part),
    Extension("services.*.ports.*.x-aws-domain", Either(&[DOMAIN, List(&DOMAIN)]), "the names under which this port is reached by HTTPS (or by TLS, where that is spoken)", Part),
    Extension("services.*.ports.*.x-aws-health_check", HEALTH, "how the load balancer sees that a container is healthy", Part),
    Extension("services.*.ports.*.x-aws-listener", arn("the ARN of a listener"), "an existing listener that gets a rule for this port", Part),
    Extension("services.*.ports.*.x-aws-loadbalancer", Boolean, "`false`: no load balancer for this port; the tasks are reached themselves", Part),
    Extension("services.*.ports.*.x-aws-path", Either(&[URL_PATH, List(&URL_PATH)]), "the paths that go to this port", Part),
    Extension("services.*.ports.*.x-aws-priority", Integer(1, 50_000), "the place of this port's rule among the listener's", Part),
    Extension("services.*.ports.*.x-aws-protocol", Word(&["http", "https", "http2", "grpc", "tcp", "tls"]), "what the container speaks on this port", Part),
    Extension("services.*.ports.*.x-aws-stickiness", Either(&[Boolean, Duration(1, 604_800)]), "a client stays with its task", Part),
    Extension("services.*.secrets.*.x-aws-env", Either(&[VARIABLE, Map(&VARIABLE)]), "the secret as a variable too, or members of its JSON: `{password: DB_PASSWORD}`", Part),
    Extension("services.*.secrets.*.x-aws-keys", KEYS, "the keys of its JSON that become files", Part),
    Extension("services.*.volumes.*.x-aws-bind", Word(&["ship", "efs", "refuse"]), "send what the disk has, make it a volume, or refuse it", Part),
];
