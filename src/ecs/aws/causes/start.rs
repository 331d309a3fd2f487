//! Why a task cannot be started: its image, its secrets, its file systems, its role, a place to run.

use super::Cause;
use crate::ecs::aws::failure::{action, resource, sentence};
use crate::ecs::aws::tasks::StoppedContainer;

/// Why a task could not be started, or some containers of it.
pub(super) fn of_start(said: &str, containers: &[StoppedContainer], task: &[StoppedContainer]) -> Option<Cause> {
    let has = |words: &str| said.contains(words);
    if has("CannotPull") || has("pull image manifest") || has("pull command failed") {
        return Some(of_pull(said, containers, task));
    }
    if has("ResourceInitializationError") {
        return Some(of_initialization(said));
    }
    if has("assume the role") || has("assume role") {
        return Some(of_role(said));
    }
    if has("Capacity is unavailable") || has("capacity is unavailable") || has("unable to place") {
        return Some(of_capacity(said));
    }
    of_quota(said)
}

/// Whether a container is one that `ctx` puts beside another of the task, with the image of its own Parameter.
pub(super) fn is_helper(name: &str, task: &[StoppedContainer]) -> bool {
    let beside = name.strip_suffix("-init").or_else(|| name.strip_suffix("-health"));
    beside.is_some_and(|beside| task.iter().any(|other| other.name == beside))
}

fn of_pull(said: &str, containers: &[StoppedContainer], task: &[StoppedContainer]) -> Cause {
    const IMAGE: &[&str] = &["image", "build"];
    let bare = |image: &str| image.split(['@']).next().unwrap_or(image).to_owned();
    let name = |container: &StoppedContainer| {
        let image = bare(&container.image);
        image
            .rsplit_once(':')
            .map_or(image.clone(), |(name, _)| name.to_owned())
    };
    // One name may be the beginning of another.
    let named = containers
        .iter()
        .map(|container| (name(container), container))
        .filter(|(name, _)| !name.is_empty() && said.contains(name))
        .max_by_key(|(name, _)| name.len())
        .map(|(_, container)| container);
    let container = named.or_else(|| containers.iter().find(|container| !container.image.is_empty()));
    let image = container.map_or(String::from("the image"), |container| {
        format!("image `{}`", container.image)
    });
    let has = |words: &str| said.contains(words);
    let (why, attributes, hint): (&str, &'static [&'static str], &str) = if has("toomanyrequests") || has("rate limit")
    {
        (
            "its registry limits how often it is asked",
            IMAGE,
            "`x-aws-pull_credentials` signs in to the registry; a copy in ECR has no such limit",
        )
    } else if has("platform") || has("descriptor matching") {
        (
            "it is not built for the task's processor",
            &["platform", "image", "build"],
            "build it for `linux/amd64`, or say `platform: linux/arm64`",
        )
    } else if has("no space left") {
        (
            "the task's disk is full",
            &["x-aws-ephemeral_storage", "image"],
            "`x-aws-ephemeral_storage` gives the task a larger disk",
        )
    } else if has("may require authorization") || has("authorization failed") {
        (
            "there is no such image, or it is private",
            IMAGE,
            "check the name and the tag; `x-aws-pull_credentials` names the secret that opens a private registry",
        )
    } else if has("not found") || has("manifest unknown") || has("does not exist") || has("NotFound") {
        (
            "there is no such image or tag",
            IMAGE,
            "check the name and the tag; `ctx push` pushes what the project builds",
        )
    } else if has("denied") || has("unauthorized") || has("no basic auth") || has("403") || has("401") {
        (
            "its registry refuses",
            IMAGE,
            "`x-aws-pull_credentials` names the secret that opens a private registry",
        )
    } else if has("timeout") || has("dial tcp") || has("deadline exceeded") || has("no route") || has("i/o") {
        (
            "its registry cannot be reached from the task's subnets",
            IMAGE,
            "the subnets need a public address, a NAT gateway or VPC endpoints: `x-aws-vpc`, `x-aws-subnets`",
        )
    } else {
        (
            "its registry does not give it",
            IMAGE,
            "check the image's name and tag, and that the subnets reach its registry",
        )
    };
    let cause = match container {
        Some(container) if is_helper(&container.name, task) => {
            let what = format!("cannot pull {image}, with which `ctx` prepares each task: {why}");
            Cause::new(what, &[]).hint(
                "`ctx up --parameter InitImage=…` names a copy that the tasks can pull: any image with a static busybox",
            )
        }
        _ => Cause::new(format!("cannot pull {image}: {why}"), attributes).hint(hint),
    };
    match container {
        Some(container) => cause.of(&container.name),
        None => cause,
    }
}

pub(super) fn of_initialization(said: &str) -> Cause {
    const NETWORK: &str =
        "the subnets need a public address, a NAT gateway or VPC endpoints: `x-aws-vpc`, `x-aws-subnets`";
    let has = |words: &str| said.contains(words);
    let attributes: &'static [&'static str] = if has("secret") || has("ssm") || has("asm") {
        &["secrets", "environment", "x-aws-pull_credentials"]
    } else if has("logger") || has("log stream") || has("log group") || has("logs:") {
        &["logging"]
    } else if has("EFS") || has("efs") || has("mount") {
        &["volumes"]
    } else {
        &["image"]
    };
    if has("not authorized to perform") {
        return of_permission(said, attributes);
    }
    let unreachable = has("timeout") || has("timed out") || has("dial tcp") || has("deadline exceeded");
    match attributes {
        ["volumes"] => Cause::new("a file system cannot be mounted", attributes).hint(
            "it needs a mount target in each of the tasks' subnets, and a security group that lets NFS (2049) in",
        ),
        _ if unreachable => Cause::new("the task's subnets do not reach AWS", attributes).hint(NETWORK),
        ["logging"] => {
            Cause::new("the task cannot write its log", attributes).hint("check `logging` and that its group exists")
        }
        ["image"] => Cause::new("the task could not be prepared", attributes).hint(NETWORK),
        _ => Cause::new("a secret cannot be read", attributes)
            .hint("check that the secret is there, has a value, and (for one key of it) is JSON with that key"),
    }
}

pub(super) fn of_role(said: &str) -> Cause {
    let role = said.split_whitespace().find(|word| word.contains(":role/"));
    let name = role.and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
    let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let what = if name.is_empty() {
        "ECS cannot take on the task's role".to_owned()
    } else {
        format!("ECS cannot take on role `{name}`")
    };
    Cause::new(what, &["x-aws-role"])
        .hint("the role must exist and trust `ecs-tasks.amazonaws.com`")
        .said(said)
}

pub(super) fn of_capacity(said: &str) -> Cause {
    const SIZE: &[&str] = &["deploy.resources", "x-aws-capacity", "deploy.placement"];
    let has = |words: &str| said.contains(words);
    let (what, hint) = if has("No Container Instances") {
        (
            "there is no instance for the task: the cluster has none",
            "check that instances start and join the cluster (their subnets must reach ECS)",
        )
    } else if has("insufficient") || has("RESOURCE:") || has("met all of its requirements") {
        (
            "there is no instance for the task: none has enough free CPU, memory or ports, or fits its constraints",
            "reserve less under `deploy.resources`, or let the cluster have more or larger instances",
        )
    } else {
        (
            "AWS has no capacity for the task at the moment",
            "try again later, or let the tasks run in more zones (`x-aws-subnets`) or at another size",
        )
    };
    Cause::new(what, SIZE).hint(hint).said(said)
}

/// A quota that is used up.
pub(super) fn of_quota(said: &str) -> Option<Cause> {
    let has = |words: &str| said.contains(words);
    let used_up = (has("reached") && (has("limit") || has("quota") || has("maximum number")))
        || has("LimitExceeded")
        || has("QuotaExceeded")
        || has("quota exceeded");
    if !used_up || has("pull rate limit") {
        return None;
    }
    let what = if has("vCPU") {
        "the account's quota of vCPUs is used up".to_owned()
    } else {
        format!("a quota of the account is used up: {}", sentence(said))
    };
    let hint = "remove what is no longer needed, or ask for more under Service Quotas";
    Some(
        Cause::new(what, &["deploy.replicas", "scale", "deploy.resources"])
            .hint(hint)
            .said(said),
    )
}

pub(super) fn of_permission(said: &str, attributes: &'static [&'static str]) -> Cause {
    let on = resource(said).map_or(String::new(), |on| format!(" on `{on}`"));
    let what = match action(said) {
        Some(action) => format!("the task's role may not do `{action}`{on}"),
        None => "a role of the task lacks a permission".to_owned(),
    };
    let hint = match action(said) {
        Some(action) => format!(
            "a role of one's own (`x-aws-role`, or what `x-aws-cloudformation` made of it) must allow `{action}`"
        ),
        None => "a role of one's own (`x-aws-role`) must allow it".to_owned(),
    };
    Cause::new(what, attributes).hint(hint)
}
