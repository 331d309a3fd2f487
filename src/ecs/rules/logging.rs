//! Where a container's output goes.

use crate::compose::{Logging, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::{Value, fragment, names};
use crate::ecs::draft::Draft;
use crate::ecs::rules::platform;

/// `logging`: options of the `awslogs` driver are passed on; what is about files on an engine has no effect.
pub(in crate::ecs) fn configuration(service: &Service, draft: &mut Draft) {
    let Some(logging) = &service.logging else { return };
    match logging.driver.as_ref().map(|driver| (driver.as_str(), driver.span)) {
        None | Some(("awslogs" | "json-file" | "local" | "journald", _)) => {}
        Some(("none", _)) => {
            draft.container(service).remove("LogConfiguration");
            return;
        }
        Some((driver, span)) if platform::is_windows(service) => {
            let message = format!("logging driver `{driver}` is not possible on ECS for Windows containers");
            draft.say(Diagnostic::error(span, message).hint("leave `logging` out: the output goes to CloudWatch Logs"));
            return;
        }
        Some((driver, span)) => {
            let Some(output) = output(driver, span, logging, draft) else {
                return;
            };
            route(service, output, draft);
            return;
        }
    }
    for (name, value) in &logging.options {
        if name.starts_with("awslogs-") || matches!(name.as_str(), "mode" | "max-buffer-size") {
            let options = draft.container(service).entry("LogConfiguration").entry("Options");
            options.set(name.clone(), value.value.clone());
        } else {
            let message = format!("`logging.options.{name}` has no effect on ECS: the output goes to CloudWatch Logs");
            draft.remark(Diagnostic::warning(value.span, message));
        }
    }
}

/// Drivers that become an output of Fluent Bit: its name, the option that says where the output goes, the usual port.
const OUTPUTS: [(&str, &str, &str, &str); 4] = [
    ("fluentd", "forward", "fluentd-address", "24224"),
    ("gelf", "gelf", "gelf-address", "12201"),
    ("loki", "loki", "loki-url", "3100"),
    ("syslog", "syslog", "syslog-address", "514"),
];

/// The options of an output of Fluent Bit. Those of `awsfirelens` are such already.
fn output(driver: &str, span: Span, logging: &Logging, draft: &mut Draft) -> Option<Value> {
    if driver == "awsfirelens" {
        let options = logging.options.iter();
        return Some(Value::map(
            options.map(|(name, value)| (name.clone(), value.value.clone().into())),
        ));
    }
    let Some((_, name, option, port)) = OUTPUTS.into_iter().find(|(of, ..)| *of == driver) else {
        let message = format!("logging driver `{driver}` is not possible on ECS");
        let hint = "leave `logging` out: the output goes to CloudWatch Logs; `awsfirelens` takes the options of any output of Fluent Bit";
        draft.say(Diagnostic::error(span, message).hint(hint));
        return None;
    };
    let address = logging.options.get(option);
    let (scheme, rest) = address.map_or(("", ""), |address| address.split_once("://").unwrap_or(("", address)));
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, said) = authority
        .rsplit_once(':')
        .unwrap_or((authority, if scheme == "https" { "443" } else { port }));
    if host.is_empty() || host == "localhost" || host.starts_with("127.") {
        let message = format!("on ECS, logging driver `{driver}` needs `{option}` to lead out of the task");
        let span = address.map_or(span, |address| address.span);
        draft.say(Diagnostic::error(span, message).hint("name a service of the project, or another host"));
        return None;
    }
    for (other, value) in logging.options.iter().filter(|(other, _)| *other != option) {
        let message = format!("`logging.options.{other}` has no effect on ECS: Fluent Bit sends what it reads");
        draft.remark(Diagnostic::warning(value.span, message));
    }
    let mut options = Value::map([
        ("Name", Value::from(name)),
        ("Host", host.to_owned().into()),
        ("Port", said.to_owned().into()),
    ]);
    match scheme {
        "udp" | "tcp" if name != "forward" => options.set("Mode", scheme.to_owned()),
        "https" => options.set("tls", "on"),
        _ => {}
    }
    Some(options)
}

/// Puts a router of FireLens beside the container, one for all of a task. Its own words go to CloudWatch Logs.
fn route(service: &Service, options: Value, draft: &mut Draft) {
    let home = names::plain(&draft.home(service).name);
    let router = format!("{home}-log-router");
    let own = draft.init_container(service).get("LogConfiguration").cloned();
    let container = draft.container(service);
    let configuration = [("LogDriver", "awsfirelens".into()), ("Options", options)];
    container.set("LogConfiguration", Value::map(configuration));
    let waits = |name: &str, condition: &'static str| {
        Value::map([
            ("ContainerName", name.to_owned().into()),
            ("Condition", condition.into()),
        ])
    };
    container.push_once("DependsOn", waits(&router, "START"));
    let id = "LogRouterImage";
    let declaration = fragment::STACK.parameter(id);
    draft.template.document.parameters.insert(id.to_owned(), declaration);
    let containers = draft.task(service).entry("ContainerDefinitions").items();
    if containers
        .iter()
        .any(|container| container.get("Name").and_then(Value::as_str) == Some(router.as_str()))
    {
        return;
    }
    let mut definition = Value::map([
        ("Name", Value::from(router)),
        ("Image", Value::reference(id)),
        ("Essential", true.into()),
        ("User", "0".into()),
        ("DependsOn", Value::list([waits(&format!("{home}-init"), "SUCCESS")])),
        ("FirelensConfiguration", Value::map([("Type", "fluentbit".into())])),
    ]);
    if let Some(own) = own {
        definition.set("LogConfiguration", own);
    }
    containers.push(definition);
}
