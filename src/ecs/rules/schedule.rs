//! Services that run at certain times.

use crate::compose::{Node, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::{Value, fragment};
use crate::ecs::draft::Draft;
use crate::ecs::rules::job;

pub(in crate::ecs) const NAME: &str = "x-aws-schedule";

/// EventBridge Scheduler starts at most so many tasks at a time.
const MOST_TASKS: i64 = 10;

/// `x-aws-schedule: cron(…)`, or a mapping that also names a time zone.
pub(in crate::ecs) fn check(node: &Node, service: &Service, draft: &mut Draft) {
    let (expression, span) = expression(node);
    if let Some(mistake) = mistake(expression) {
        let hint = "the forms are `rate(5 minutes)`, `cron(0 3 * * ? *)` (minute, hour, day, month, weekday, year) and `at(2030-01-31T03:00:00)`";
        let message = format!("`{expression}` is no schedule: {mistake}");
        draft.say(Diagnostic::error(span, message).hint(hint));
    }
    if service.replicas() > MOST_TASKS {
        let message = format!("a schedule starts at most {MOST_TASKS} tasks at a time");
        draft.say(Diagnostic::error(span, message).hint("lower `deploy.replicas`"));
    }
}

/// Makes of the ECS service of a scheduled one its schedule.
pub(super) fn make(service: &Service, draft: &mut Draft) {
    let Some(node) = service.extensions.get(NAME) else {
        return;
    };
    let ecs = job::take_service(service, draft);
    let timezone = node.get("timezone").and_then(Node::as_str).unwrap_or("UTC");
    let holes = [
        ("Expression", expression(node).0.to_owned().into()),
        ("Timezone", timezone.to_owned().into()),
        ("ClusterArn", job::cluster_arn(draft)),
        ("ClusterName", job::cluster_name(draft)),
        ("TaskDefinition", Value::reference(draft.id(service, "TaskDefinition"))),
        ("TaskDefinitions", job::all_revisions(service, draft)),
        ("Roles", Value::List(job::roles_of(service, draft))),
    ];
    draft.add_for_service(&fragment::SCHEDULE, holes, service);
    let id = draft.id(service, "Schedule");
    let parameters = draft.properties(&id).entry("Target").entry("EcsParameters");
    parameters.set("TaskCount", service.replicas());
    for (name, value) in job::placement(&ecs) {
        parameters.set(name.clone(), value.clone());
    }
    if let Some(before) = ecs.get("DependsOn") {
        draft.resource(&id).set("DependsOn", before.clone());
    }
}

fn expression(node: &Node) -> (&str, Span) {
    let node = node.get("expression").unwrap_or(node);
    (node.as_str().unwrap_or_default(), node.span)
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// What EventBridge Scheduler would not understand.
fn mistake(expression: &str) -> Option<String> {
    let (kind, inside) = expression.strip_suffix(')').and_then(|text| text.split_once('('))?;
    let parts: Vec<_> = inside.split_whitespace().collect();
    match (kind, &parts[..]) {
        ("rate", [count, unit]) => {
            let count: u32 = match count.parse() {
                Ok(count) if count > 0 => count,
                _ => return Some(format!("`{count}` is no whole number above zero")),
            };
            let units = if count == 1 {
                ["minute", "hour", "day"]
            } else {
                ["minutes", "hours", "days"]
            };
            let known = units.contains(unit);
            (!known).then(|| format!("after {count} comes `{}`, `{}` or `{}`", units[0], units[1], units[2]))
        }
        ("rate", _) => Some("a rate is a number and a unit".to_owned()),
        ("cron", [minute, hour, day, month, weekday, year]) => {
            if (*day == "?") == (*weekday == "?") {
                return Some("one of day and weekday, and only one, is `?`".to_owned());
            }
            let fields: [(&str, &str, u32, u32, &[&str]); 6] = [
                ("minute", minute, 0, 59, &[]),
                ("hour", hour, 0, 23, &[]),
                ("day", day, 1, 31, &[]),
                ("month", month, 1, 12, &MONTHS),
                ("weekday", weekday, 1, 7, &DAYS),
                ("year", year, 1970, 2199, &[]),
            ];
            let mut wrong = fields
                .into_iter()
                .filter(|(name, text, least, most, words)| !is_field(name, text, *least, *most, words));
            wrong
                .next()
                .map(|(name, text, least, most, _)| format!("`{text}` is no {name} ({least} to {most})"))
        }
        ("cron", parts) => Some(format!("cron(…) has six fields, not {}", parts.len())),
        ("at", [time]) => {
            let time = time.parse::<jiff::civil::DateTime>();
            time.is_err().then(|| "at(…) takes a date and a time".to_owned())
        }
        _ => Some("it is `cron(…)`, `rate(…)` or `at(…)`".to_owned()),
    }
}

/// A field of a cron expression: lists of values, ranges and steps, and what days have besides.
fn is_field(name: &str, text: &str, least: u32, most: u32, words: &[&str]) -> bool {
    let is_value = |text: &str| {
        let number = text.parse().is_ok_and(|number: u32| (least..=most).contains(&number));
        number || words.contains(&text.to_ascii_uppercase().as_str())
    };
    let is_range = |text: &str| match text.split_once('-') {
        Some((from, to)) => is_value(from) && is_value(to),
        None => text == "*" || is_value(text),
    };
    text.split(',').all(|part| {
        let is_step = |(range, step): (&str, &str)| is_range(range) && step.parse::<u32>().is_ok_and(|step| step > 0);
        let of_days = match name {
            "day" => part == "?" || part == "L" || part == "LW" || part.strip_suffix('W').is_some_and(is_value),
            "weekday" => {
                let nth = part.split_once('#');
                part == "?"
                    || part == "L"
                    || part.strip_suffix('L').is_some_and(is_value)
                    || nth.is_some_and(|(day, nth)| is_value(day) && matches!(nth, "1" | "2" | "3" | "4" | "5"))
            }
            _ => false,
        };
        of_days || is_range(part) || part.split_once('/').is_some_and(is_step)
    })
}

#[cfg(test)]
mod tests {
    use super::mistake;

    #[test]
    fn schedules_that_are_understood() {
        for right in [
            "rate(1 minute)",
            "rate(5 minutes)",
            "rate(12 hours)",
            "cron(0 3 * * ? *)",
            "cron(0/15 8-17 ? * MON-FRI *)",
            "cron(0 9 ? * 2#1 *)",
            "cron(0 0 L * ? 2030)",
            "cron(30 6 15W JAN,jul ? *)",
            "at(2030-01-31T03:00:00)",
        ] {
            assert_eq!(mistake(right), None, "{right}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (wrong, said) in [
            ("rate(1 minutes)", "after 1 comes `minute`, `hour` or `day`"),
            ("rate(5 weeks)", "after 5 comes `minutes`, `hours` or `days`"),
            ("rate(0 minutes)", "`0` is no whole number above zero"),
            ("cron(0 3 * * *)", "cron(…) has six fields, not 5"),
            ("cron(0 3 * * * *)", "one of day and weekday, and only one, is `?`"),
            ("cron(60 3 * * ? *)", "`60` is no minute (0 to 59)"),
            ("cron(0 3 ? * MOO *)", "`MOO` is no weekday (1 to 7)"),
            ("at(tomorrow)", "at(…) takes a date and a time"),
        ] {
            assert_eq!(mistake(wrong).as_deref(), Some(said), "{wrong}");
        }
    }
}
