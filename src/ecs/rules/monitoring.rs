//! What one sees of a running project beside its logs: Container Insights, a dashboard.

use serde_json::{Value as Json, json};

use crate::compose::Service;
use crate::diagnostic::Diagnostic;
use crate::ecs::cloudformation::value::literal;
use crate::ecs::cloudformation::{Value, fragment, routes};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;

/// `x-aws-insights` and `x-aws-dashboard`, when all resources are there.
pub(in crate::ecs) fn finish(draft: &mut Draft) {
    insights(draft);
    dashboard(draft);
}

fn insights(draft: &mut Draft) {
    let Some(node) = draft.project.extensions.get("x-aws-insights") else {
        return;
    };
    let value = match extensions::boolean(node) {
        Some(true) => "enabled",
        Some(false) => "disabled",
        None => "enhanced",
    };
    if draft.cluster != Value::reference("Cluster") {
        let message = "`x-aws-insights` has no effect on a cluster that was there before";
        draft.say(
            Diagnostic::warning(node.span, message).hint("switch Container Insights on where the cluster is made"),
        );
        return;
    }
    let setting = [("Name", "containerInsights".into()), ("Value", value.into())];
    draft.properties("Cluster").push("ClusterSettings", Value::map(setting));
}

/// Widths and heights on a dashboard, which is 24 wide.
const THIRD: (u32, u32) = (8, 6);
const WHOLE: (u32, u32) = (24, 6);

/// A row for each task with what it uses, and how it answers when it is behind a load balancer; below, what the logs
/// say about errors.
fn dashboard(draft: &mut Draft) {
    let Some(node) = draft.project.extensions.get("x-aws-dashboard") else {
        return;
    };
    if extensions::boolean(node) != Some(true) {
        return;
    }
    let project = draft.project;
    let cluster = match &draft.cluster {
        Value::Text(cluster) => literal(cluster.rsplit('/').next().unwrap_or_default()),
        _ => "${Cluster}".to_owned(),
    };
    let mut widgets = Vec::new();
    let mut row = 0;
    for service in project.services.values() {
        let id = draft.id(service, "Service");
        if draft.is_sidecar(service) || !draft.template.document.resources.contains_key(&id) {
            continue;
        }
        let name = format!("${{{id}.Name}}");
        for (column, (title, metrics)) in of_tasks(&cluster, &name).into_iter().enumerate() {
            widgets.push(widget(
                column,
                row,
                &literal(&format!("{}: {title}", service.name)),
                &metrics,
            ));
        }
        row += THIRD.1;
        let answers = of_answers(service, draft);
        for (column, (title, metrics)) in answers.iter().enumerate() {
            widgets.push(widget(
                column,
                row,
                &literal(&format!("{}: {title}", service.name)),
                metrics,
            ));
        }
        row += if answers.is_empty() { 0 } else { THIRD.1 };
    }
    widgets.push(errors(row));
    let body = json!({ "widgets": widgets }).to_string();
    let holes = [("Body", Value::substitute(body))];
    draft.add(&fragment::DASHBOARD, "", holes, node.span);
}

/// CPU, memory, and how many tasks there are: each reports its CPU once a minute.
fn of_tasks(cluster: &str, service: &str) -> [(&'static str, Json); 3] {
    let of = |metric: &str, options: Json| {
        json!([[
            "AWS/ECS",
            metric,
            "ClusterName",
            cluster,
            "ServiceName",
            service,
            options
        ]])
    };
    [
        ("CPU (%)", of("CPUUtilization", json!({"stat": "Average"}))),
        ("memory (%)", of("MemoryUtilization", json!({"stat": "Average"}))),
        (
            "tasks",
            of(
                "CPUUtilization",
                json!({"stat": "SampleCount", "period": 60, "label": "tasks"}),
            ),
        ),
    ]
}

/// Requests, answers with 5xx and how long answers take, of all ports behind an application load balancer.
fn of_answers(service: &Service, draft: &mut Draft) -> Vec<(&'static str, Json)> {
    let balancers = draft.service(service).get("LoadBalancers").cloned().unwrap_or_default();
    let mut targets = Vec::new();
    for balancer in balancers.as_list() {
        let Some(group) = balancer.at(&["TargetGroupArn", "Ref"]).and_then(Value::as_str) else {
            continue;
        };
        let mut routes = routes::to(&draft.template, group).into_iter();
        let balancer = routes
            .find(|route| route.is_http)
            .and_then(|route| route.load_balancer.in_sub());
        targets.extend(balancer.map(|balancer| (format!("${{{group}.TargetGroupFullName}}"), balancer)));
    }
    if targets.is_empty() {
        return Vec::new();
    }
    let of = |metric: &str, stat: &str| {
        let line = |(group, balancer): &(String, String)| json!(["AWS/ApplicationELB", metric, "TargetGroup", group, "LoadBalancer", balancer, {"stat": stat}]);
        Json::Array(targets.iter().map(line).collect())
    };
    vec![
        ("requests", of("RequestCount", "Sum")),
        ("answers with 5xx", of("HTTPCode_Target_5XX_Count", "Sum")),
        ("seconds to answer (p95)", of("TargetResponseTime", "p95")),
    ]
}

fn widget(column: usize, row: u32, title: &str, metrics: &Json) -> Json {
    let (width, height) = THIRD;
    json!({
        "type": "metric", "x": column * 8, "y": row, "width": width, "height": height,
        "properties": {"title": title, "region": "${AWS::Region}", "view": "timeSeries", "metrics": metrics},
    })
}

fn errors(row: u32) -> Json {
    let (width, height) = WHOLE;
    let query = "SOURCE '${LogGroup}' | fields @timestamp, @logStream, @message \
                 | filter @message like /(?i)(error|exception|fatal|panic)/ | sort @timestamp desc | limit 100";
    json!({
        "type": "log", "x": 0, "y": row, "width": width, "height": height,
        "properties": {"title": "errors in the logs", "region": "${AWS::Region}", "view": "table", "query": query},
    })
}
