//! The IAM policy that a deployer of a project needs: what `ctx` calls, and what CloudFormation does with the
//! deployer's rights for each resource type in the template.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::aws::change_set::LARGEST_BODY;
use super::aws::repositories;
use super::cloudformation::{Purpose, Template};

/// For each resource type the actions of its schema's handlers. A test writes it.
const ACTIONS: &str = include_str!("permissions/actions.txt");

/// The most characters that a managed policy may have, blanks not counted.
pub const LARGEST: usize = 6144;

/// What `ctx up`, `diff`, `down`, `ps` and `logs` call for every project.
const OWN: &[&str] = &[
    "cloudformation:CancelUpdateStack",
    "cloudformation:ContinueUpdateRollback",
    "cloudformation:CreateChangeSet",
    "cloudformation:DeleteChangeSet",
    "cloudformation:DeleteStack",
    "cloudformation:DescribeChangeSet",
    "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStacks",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:GetTemplate",
    "cloudformation:ListChangeSets",
    "cloudformation:ListStackResources",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ecs:DeregisterTaskDefinition",
    "ecs:DescribeServiceRevisions",
    "ecs:DescribeServices",
    "ecs:DescribeTaskDefinition",
    "ecs:DescribeTasks",
    "ecs:ExecuteCommand",
    "ecs:ListServiceDeployments",
    "ecs:ListTaskDefinitions",
    "ecs:ListTasks",
    "ecs:RegisterTaskDefinition",
    "ecs:RunTask",
    "ecs:StopTask",
    "ecs:TagResource",
    "ecs:UpdateService",
    "elasticfilesystem:DescribeFileSystems",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "logs:DeleteLogGroup",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:ListTagsForResource",
    "secretsmanager:ListSecrets",
    "tag:GetResources",
];

/// What goes with something that a project has.
const SECRETS: &[&str] = &[
    "secretsmanager:CreateSecret",
    "secretsmanager:DeleteSecret",
    "secretsmanager:DescribeSecret",
    "secretsmanager:PutSecretValue",
    "secretsmanager:RestoreSecret",
    "secretsmanager:TagResource",
    "secretsmanager:UpdateSecret",
];
const VOLUMES: &[&str] = &[
    "elasticfilesystem:DeleteFileSystem",
    "elasticfilesystem:DeleteMountTarget",
    "elasticfilesystem:DescribeMountTargets",
];
const IMAGES: &[&str] = &[
    "ecr:BatchCheckLayerAvailability",
    "ecr:CompleteLayerUpload",
    "ecr:CreateRepository",
    "ecr:DeleteRepository",
    "ecr:DescribeImages",
    "ecr:DescribeRepositories",
    "ecr:GetAuthorizationToken",
    "ecr:InitiateLayerUpload",
    "ecr:ListTagsForResource",
    "ecr:PutImage",
    "ecr:PutLifecyclePolicy",
    "ecr:TagResource",
    "ecr:UploadLayerPart",
];
/// To resolve a tag in ECR, and to see what its image runs on.
const TAGS: &[&str] = &[
    "ecr:BatchGetImage",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
];
/// `ctx forward`, where tasks let it in.
const SESSIONS: &[&str] = &["ssm:StartSession", "ssm:TerminateSession"];
const ZONES: &[&str] = &["route53:ListHostedZonesByName"];
const BUCKET: &[&str] = &[
    "cloudformation:CreateStack",
    "s3:CreateBucket",
    "s3:DeleteObject",
    "s3:GetBucketPolicy",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketTagging",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:PutObject",
];

/// What handlers may call for properties that no template here has: other services, users and groups, replicas.
const NEVER: &[&str] = &[
    "acm-pca:",
    "cognito-idp:",
    "firehose:",
    "kms:",
    "vpc-lattice:",
    "vpce:",
    "GroupPolicy",
    "UserPolicy",
    "Replication",
    "IpamPools",
    "VpnGateway",
    "AddressTransfer",
    "AccountSetting",
    "StackPolicy",
    "REST.",
    "TerminationProtection",
];

/// A policy, and the resource types of an overlay that nothing is known about.
#[derive(Debug)]
pub struct Permissions {
    pub policy: Value,
    pub unknown: Vec<String>,
}

/// The policy for a project's template. The region tells the partition; without one it is AWS's own.
#[must_use]
pub fn of_project(template: &Template, project: &str, region: Option<&str>) -> Permissions {
    let partition = region.map_or("aws", partition);
    let large = template.to_yaml().len() > LARGEST_BODY;
    let rows: BTreeMap<&str, &str> = ACTIONS.lines().filter_map(|row| row.split_once(' ')).collect();
    let mut actions: BTreeSet<&str> = OWN.iter().copied().collect();
    let mut unknown = BTreeSet::new();
    for kind in template.kinds() {
        match rows.get(kind) {
            Some(row) => {
                let used = |action: &&str| !NEVER.iter().any(|part| action.contains(part));
                actions.extend(row.split(' ').filter(used));
            }
            // What is not in the registry of types is made of parts that CloudFormation does itself.
            None if ACTIONS.lines().any(|row| row == kind) || kind.starts_with("Custom::") => {}
            None => drop(unknown.insert(kind.to_owned())),
        }
    }
    let mut purposes = template.parameters.values();
    if purposes.any(|purpose| purpose.secret().is_some()) {
        actions.extend(SECRETS);
    }
    if template
        .parameters
        .values()
        .any(|purpose| matches!(purpose, Purpose::Image { built: true, .. }))
    {
        actions.extend(IMAGES);
    }
    if template.parameters.values().any(is_of_ecr) {
        actions.extend(TAGS);
    }
    if template
        .parameters
        .values()
        .any(|purpose| matches!(purpose, Purpose::FileSystem { .. }))
    {
        actions.extend(VOLUMES);
    }
    if template.lets_sessions_in() {
        actions.extend(SESSIONS);
    }
    if actions.iter().any(|action| action.starts_with("route53:")) {
        actions.extend(ZONES);
    }
    if large || !template.nested.is_empty() {
        actions.extend(BUCKET);
    }
    let place = Place {
        project,
        partition,
        measured: template.measures_tasks(),
    };
    let exact = policy(&actions, &place);
    let policy = if size(&exact) > LARGEST {
        policy(&condensed(&actions), &place)
    } else {
        exact
    };
    Permissions {
        policy,
        unknown: unknown.into_iter().collect(),
    }
}

/// Whether an image that nobody builds comes from an account's ECR.
fn is_of_ecr(purpose: &Purpose) -> bool {
    let Purpose::Image {
        default: Some(image),
        built: false,
        ..
    } = purpose
    else {
        return false;
    };
    let registry = image.split('/').next().unwrap_or_default();
    repositories::is_private(registry)
}

/// The partition that a region is in.
pub(super) fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// How much of a managed policy's room a policy takes.
#[must_use]
pub fn size(policy: &Value) -> usize {
    policy.to_string().len()
}

/// What only looks at things, said with fewer words: it may look at more of the same service.
fn condensed(actions: &BTreeSet<&str>) -> BTreeSet<String> {
    let looks = |action: &&str| {
        ["Describe", "Get", "List"]
            .into_iter()
            .find(|verb| action.contains(&format!(":{verb}")))
    };
    actions
        .iter()
        .map(|action| match looks(action) {
            Some(verb) if scope(action) == Scope::Everything => {
                let service = action.split(':').next().unwrap_or_default();
                format!("{service}:{verb}*")
            }
            _ => (*action).to_owned(),
        })
        .collect()
}

/// Where a project's things are.
struct Place<'a> {
    project: &'a str,
    partition: &'a str,
    /// Whether Container Insights writes down what its tasks use.
    measured: bool,
}

fn policy<A: AsRef<str>>(actions: &BTreeSet<A>, place: &Place<'_>) -> Value {
    let mut scopes: BTreeMap<Scope, Vec<&str>> = BTreeMap::new();
    for action in actions {
        let action = action.as_ref();
        scopes.entry(scope(action)).or_default().push(action);
    }
    let statements: Vec<Value> = scopes
        .into_iter()
        .map(|(scope, actions)| {
            let (sid, resources) = scope.resources(place);
            let mut statement = json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources});
            if scope == Scope::Pass {
                let principals = ["ecs-tasks", "ecs", "scheduler", "lambda", "ec2"];
                let names = principals.map(|name| format!("{name}.amazonaws.com"));
                statement["Condition"] = json!({"StringEquals": {"iam:PassedToService": names}});
            }
            statement
        })
        .collect();
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// What a statement is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Stacks,
    Roles,
    Pass,
    ServiceRoles,
    Services,
    Logs,
    Secrets,
    Functions,
    Sessions,
    Templates,
    /// AWS takes no resource for the action, or gives the resource a name that nobody knows before.
    Everything,
}

fn scope(action: &str) -> Scope {
    let (service, name) = action.split_once(':').unwrap_or((action, ""));
    match (service, name) {
        ("cloudformation", _) => Scope::Stacks,
        ("iam", "PassRole") => Scope::Pass,
        ("iam", "CreateServiceLinkedRole") => Scope::ServiceRoles,
        ("iam", _) => Scope::Roles,
        (
            "ecs",
            "CreateService"
            | "UpdateService"
            | "DeleteService"
            | "DescribeServices"
            | "DescribeTasks"
            | "ListTagsForResource"
            | "DescribeServiceDeployments"
            | "ListServiceDeployments"
            | "StopServiceDeployment"
            | "DeleteCluster"
            | "UpdateCluster"
            | "UpdateClusterSettings",
        ) => Scope::Services,
        ("logs", "DescribeLogGroups" | "DescribeResourcePolicies" | "PutResourcePolicy")
        | ("secretsmanager", "ListSecrets" | "GetRandomPassword") => Scope::Everything,
        ("logs", name) if !name.contains("Delivery") && !name.contains("IndexPolic") => Scope::Logs,
        ("secretsmanager", _) => Scope::Secrets,
        ("lambda", name) if name.contains("Function") => Scope::Functions,
        ("ssm", "StartSession" | "TerminateSession") => Scope::Sessions,
        ("s3", _) => Scope::Templates,
        _ => Scope::Everything,
    }
}

impl Scope {
    fn resources(self, place: &Place<'_>) -> (&'static str, Vec<String>) {
        let arns = |patterns: &[&str]| {
            let arn = |pattern: &&str| format!("arn:{}:{}", place.partition, pattern.replace("PROJECT", place.project));
            patterns.iter().map(arn).collect()
        };
        match self {
            Self::Stacks => (
                "Stacks",
                arns(&[
                    "cloudformation:*:*:stack/PROJECT/*",
                    "cloudformation:*:*:stack/PROJECT-*",
                    "cloudformation:*:*:stack/ctx-templates/*",
                ]),
            ),
            Self::Roles => (
                "Roles",
                arns(&[
                    "iam::*:role/PROJECT-*",
                    "iam::*:policy/*",
                    "iam::*:instance-profile/PROJECT-*",
                ]),
            ),
            Self::Pass => ("PassRoles", arns(&["iam::*:role/PROJECT-*"])),
            Self::ServiceRoles => ("ServiceLinkedRoles", arns(&["iam::*:role/aws-service-role/*"])),
            Self::Services => (
                "Services",
                arns(&[
                    "ecs:*:*:cluster/*",
                    "ecs:*:*:service/*/PROJECT-*",
                    "ecs:*:*:service-deployment/*/PROJECT-*",
                    "ecs:*:*:task/*",
                ]),
            ),
            Self::Logs => {
                let mut logs = arns(&["logs:*:*:log-group:/docker-compose/PROJECT*"]);
                if place.measured {
                    logs.extend(arns(&["logs:*:*:log-group:/aws/ecs/containerinsights/PROJECT*"]));
                }
                ("Logs", logs)
            }
            Self::Secrets => ("Secrets", arns(&["secretsmanager:*:*:secret:PROJECT/*"])),
            Self::Functions => ("Functions", arns(&["lambda:*:*:function:PROJECT-*"])),
            Self::Sessions => (
                "Sessions",
                arns(&[
                    "ecs:*:*:task/*",
                    "ssm:*:*:document/AWS-StartPortForwardingSession*",
                    "ssm:*:*:session/*",
                ]),
            ),
            Self::Templates => ("Templates", arns(&["s3:::ctx-templates-*"])),
            Self::Everything => ("Everything", vec!["*".to_owned()]),
        }
    }
}
