//! Services that run to their end: jobs, which a deployment waits for, and those that a schedule starts.
//!
//! A job is a service that another one waits for to complete, or whose `deploy.mode` says so. CloudFormation cannot
//! wait for a task; it can wait for a function (a custom resource), and the function of `job-runner.yaml` waits for the
//! tasks. Rules treat a job as any service; in the end its ECS service becomes what runs it.

use crate::compose::{Condition, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::{Value, fragment, names, value};
use crate::ecs::draft::Draft;
use crate::ecs::rules::restart::{self, Restart};
use crate::ecs::rules::schedule;

/// How the tasks of a service come to run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::ecs) enum Runs {
    /// An ECS service keeps them running.
    Service,
    /// Whenever the task definition is new, to their end.
    Job,
    /// At certain times, to their end.
    Schedule,
}

/// How many tasks ECS describes at a time.
const MOST_TASKS: i64 = 100;

/// So often is a job run again that fails, when it is to be restarted and no number is given.
const RETRIES: i64 = 5;

/// Finds the services that do not run for ever.
pub(in crate::ecs) fn find(draft: &mut Draft) {
    let project = draft.project;
    let mut wishes = Vec::new();
    for service in project.services.values() {
        let scheduled = service.extensions.get(schedule::NAME);
        wishes.extend(scheduled.map(|node| (service, Runs::Schedule, node.span)));
    }
    for service in project.services.values() {
        let mode = service.deploy.as_ref().and_then(|deploy| deploy.mode.as_ref());
        if let Some(mode) = mode.filter(|mode| mode.ends_with("-job")) {
            wishes.push((service, Runs::Job, mode.span));
        }
        for (name, dependency) in &service.depends_on {
            if dependency.condition.value == Condition::CompletedSuccessfully
                && let Some(other) = project.services.get(name)
                && draft.home(other).name != draft.home(service).name
            {
                wishes.push((other, Runs::Job, dependency.condition.span.or(dependency.span)));
            }
        }
    }
    for (service, runs, span) in wishes {
        if draft.is_sidecar(service) {
            let home = &draft.home(service).name;
            let message = format!(
                "`{}` cannot run to its end on ECS while `{home}`, whose task it shares, goes on",
                service.name
            );
            draft.say(Diagnostic::error(span, message).hint("let it share nothing with other services"));
        } else {
            draft.runs.entry(&service.name).or_insert(runs);
        }
    }
    for service in project.services.values() {
        check(service, draft);
    }
}

/// What only an ECS service can have.
fn check(service: &Service, draft: &mut Draft) {
    let runs = draft.runs(service);
    if runs == Runs::Service {
        return;
    }
    if let Some(port) = service.ports.first() {
        let message = format!(
            "the ports of `{}` are not published on ECS: it runs to its end, and is not there in between",
            service.name
        );
        draft.remark(Diagnostic::warning(port.span, message));
    }
    if runs == Runs::Job && service.replicas() > MOST_TASKS {
        let deployed = service.deploy.as_ref().and_then(|deploy| deploy.replicas);
        let span = service
            .scale
            .or(deployed)
            .map_or(service.span, |replicas| replicas.span);
        let message = format!("a job has at most {MOST_TASKS} tasks on ECS");
        draft.say(Diagnostic::error(span, message).hint("give each of them more to do"));
    }
    let autoscaling = service
        .deploy
        .as_ref()
        .and_then(|deploy| deploy.extensions.get("x-aws-autoscaling"));
    if let Some(node) = autoscaling {
        let message = format!("`{}` runs to its end, so its tasks cannot follow a load", service.name);
        draft.say(Diagnostic::error(node.span, message).hint("say how many there are with `deploy.replicas`"));
    }
}

/// Makes of the ECS service of each job what runs the job.
pub(in crate::ecs) fn finish(draft: &mut Draft) {
    let project = draft.project;
    let runs: Vec<_> = project
        .services
        .values()
        .filter(|service| !draft.is_sidecar(service))
        .map(|service| (service, draft.runs(service)))
        .collect();
    let (mut definitions, mut roles) = (Vec::new(), Vec::new());
    let mut first = None;
    for (service, runs) in runs {
        match runs {
            Runs::Service => {}
            Runs::Schedule => schedule::make(service, draft),
            Runs::Job => {
                first = first.or(Some(service.span));
                definitions.push(all_revisions(service, draft));
                for role in roles_of(service, draft) {
                    if !roles.contains(&role) {
                        roles.push(role);
                    }
                }
                job(service, draft);
            }
        }
    }
    if let Some(span) = first {
        let holes = [
            ("ClusterArn", cluster_arn(draft)),
            ("ClusterName", cluster_name(draft)),
            ("LogGroup", Value::reference("LogGroup")),
            ("JobDefinitions", Value::List(definitions)),
            ("JobRoles", Value::List(roles)),
        ];
        draft.add(&fragment::JOB_RUNNER, "", holes, span);
    }
}

fn job(service: &Service, draft: &mut Draft) {
    let ecs = take_service(service, draft);
    let cluster = draft.cluster.clone();
    let holes = [
        ("Container", names::plain(&service.name).into()),
        ("JobRunnerArn", Value::attribute("JobRunner", "Arn")),
        ("TaskDefinition", Value::reference(draft.id(service, "TaskDefinition"))),
        ("Cluster", cluster),
    ];
    draft.add_for_service(&fragment::JOB, holes, service);
    let id = draft.id(service, "Job");
    let properties = draft.properties(&id);
    properties.set("Count", service.replicas());
    properties.set("Retries", retries(service));
    for (name, value) in placement(&ecs) {
        properties.entry("Task").set(api_name(name), api_form(value));
    }
    let mut before = ecs.get("DependsOn").map_or(&[][..], Value::as_list).to_vec();
    before.push("JobRunnerPolicy".into());
    draft.resource(&id).set("DependsOn", before);
}

/// Where a service's tasks run: what RunTask and a rule's target take of its properties.
pub(super) fn placement(ecs: &Value) -> impl Iterator<Item = &(value::Text, Value)> {
    let properties = ecs.get("Properties").map_or(&[][..], Value::as_map);
    properties.iter().filter(|(name, _)| {
        [
            "LaunchType",
            "CapacityProviderStrategy",
            "PlatformVersion",
            "NetworkConfiguration",
        ]
        .contains(&name.as_ref())
    })
}

/// Takes the ECS service and its name out of the template.
pub(super) fn take_service(service: &Service, draft: &mut Draft) -> Value {
    // A container that has done its work is not to be started again.
    draft.container(service).remove("RestartPolicy");
    let [ecs, _] = ["Service", "Discovery"].map(|kind| {
        let id = draft.id(service, kind);
        draft.template.origins.shift_remove(&id);
        draft.template.document.resources.shift_remove(&id)
    });
    ecs.unwrap_or_default()
}

/// The ARN of a task definition whatever its revision.
pub(super) fn all_revisions(service: &Service, draft: &mut Draft) -> Value {
    let family = draft
        .task(service)
        .get("Family")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let family = value::literal(family);
    Value::substitute(format!(
        "arn:${{AWS::Partition}}:ecs:${{AWS::Region}}:${{AWS::AccountId}}:task-definition/{family}:*"
    ))
}

/// The roles that a service's task has.
pub(super) fn roles_of(service: &Service, draft: &mut Draft) -> Vec<Value> {
    let task = draft.task(service);
    let roles = ["ExecutionRoleArn", "TaskRoleArn"]
        .into_iter()
        .filter_map(|role| task.get(role));
    roles.cloned().collect()
}

pub(super) fn cluster_arn(draft: &Draft) -> Value {
    match &draft.cluster {
        Value::Text(cluster) if cluster.starts_with("arn:") => draft.cluster.clone(),
        Value::Text(cluster) => Value::substitute(format!(
            "arn:${{AWS::Partition}}:ecs:${{AWS::Region}}:${{AWS::AccountId}}:cluster/{}",
            value::literal(cluster)
        )),
        _ => Value::attribute("Cluster", "Arn"),
    }
}

pub(super) fn cluster_name(draft: &Draft) -> Value {
    match &draft.cluster {
        Value::Text(cluster) => cluster.rsplit('/').next().unwrap_or_default().to_owned().into(),
        cluster => cluster.clone(),
    }
}

/// How often a job that fails is run again: as often as it is to be restarted.
fn retries(service: &Service) -> i64 {
    match restart::wanted(service) {
        None | Some((Restart::Never, _)) => 0,
        Some((Restart::OnFailure | Restart::Always, _)) => {
            restart::attempts(service).map_or(RETRIES, |(attempts, _)| attempts.max(0))
        }
    }
}

/// A value as the API of ECS wants it: names begin with a small letter.
fn api_form(value: &Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.iter().map(api_form).collect()),
        Value::Map(entries)
            if entries
                .iter()
                .any(|(name, _)| name == "Ref" || name.starts_with("Fn::")) =>
        {
            value.clone()
        }
        Value::Map(entries) => Value::map(entries.iter().map(|(name, value)| (api_name(name), api_form(value)))),
        plain => plain.clone(),
    }
}

fn api_name(name: &str) -> String {
    let (first, rest) = name.split_at(name.len().min(1));
    first.to_ascii_lowercase() + rest
}

/// The place of a dependency on a service that never gets where it is waited for, and what to say about it.
pub(super) fn unreachable(name: &str, runs: Runs, condition: Condition, span: Span) -> Option<Diagnostic> {
    match (runs, condition) {
        (Runs::Schedule, _) => {
            let message = format!("`{name}` runs at its own times on ECS, so nothing can wait for it");
            Some(Diagnostic::error(span, message).hint(format!(
                "remove the dependency, or the `{}` of `{name}`",
                schedule::NAME
            )))
        }
        (Runs::Job, Condition::Healthy) => {
            let message = format!("`{name}` is a job on ECS: it ends, and is not waited for to be healthy");
            Some(Diagnostic::error(span, message).hint("wait for it with `condition: service_completed_successfully`"))
        }
        _ => None,
    }
}
