//! `ctx ps`: containers and tasks, in the form of `docker compose ps`.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::listing::{Format, Json, Listing};
use super::output;
use crate::backend::{Publication, Replica};
use crate::error::Result;

pub fn print(replicas: &[Replica], format: &Format) -> Result<()> {
    listing(replicas, Timestamp::now()).print(format)
}

pub fn print_ids(replicas: &[Replica]) -> Result<()> {
    output::document(&output::lines(replicas.iter().map(|replica| &replica.id)), None)
}

pub fn print_services(replicas: &[Replica]) -> Result<()> {
    let services: BTreeSet<_> = replicas.iter().map(|replica| &replica.service).collect();
    output::document(&output::lines(services), None)
}

fn listing(replicas: &[Replica], now: Timestamp) -> Listing<'static> {
    Listing {
        columns: &["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"],
        rows: replicas.iter().map(|replica| row(replica, now)).collect(),
        objects: replicas.iter().map(|replica| json(replica, now)).collect(),
        json: Json::Lines,
    }
}

fn row(replica: &Replica, now: Timestamp) -> Vec<String> {
    vec![
        replica.name.clone(),
        replica.image.clone(),
        shortened(&replica.command),
        replica.service.clone(),
        age(replica.created, now),
        replica.status.clone(),
        ports(&replica.ports),
    ]
}

/// The keys of `docker compose ps --format json`, as far as both targets know them.
fn json(replica: &Replica, now: Timestamp) -> Value {
    let publishers: Vec<_> = replica
        .ports
        .iter()
        .map(|port| {
            json!({
                "URL": port.host,
                "TargetPort": port.target,
                "PublishedPort": port.published.unwrap_or(0),
                "Protocol": port.protocol,
            })
        })
        .collect();
    json!({
        "Command": quoted(&replica.command),
        "CreatedAt": replica.created.map(|created| created.to_string()),
        "ExitCode": replica.exit_code.unwrap_or(0),
        "Health": replica.health.as_deref().unwrap_or(""),
        "ID": replica.id,
        "Image": replica.image,
        "Name": replica.name,
        "Ports": ports(&replica.ports),
        "Publishers": publishers,
        "RunningFor": age(replica.created, now),
        "Service": replica.service,
        "State": replica.state,
        "Status": replica.status,
    })
}

/// `0.0.0.0:8080->80/tcp, 443/tcp`, where neighbouring ports become a range.
fn ports(ports: &[Publication]) -> String {
    let mut ports = ports.to_vec();
    ports.sort_by(|a, b| (a.published.is_none(), a).cmp(&(b.published.is_none(), b)));
    ports.dedup();
    let mut ranges: Vec<(Publication, u16)> = Vec::new();
    for port in ports {
        match ranges.last_mut() {
            Some((first, more)) if continues(first, *more, &port) => *more += 1,
            _ => ranges.push((port, 0)),
        }
    }
    let text: Vec<_> = ranges.iter().map(|(first, more)| range(first, *more)).collect();
    text.join(", ")
}

/// Whether a port comes right after the range of `more` ports behind `first`.
fn continues(first: &Publication, more: u16, port: &Publication) -> bool {
    let next = |start: u16| start.checked_add(more + 1);
    first.host == port.host
        && first.protocol == port.protocol
        && next(first.target) == Some(port.target)
        && first.published.and_then(next) == port.published
}

fn range(first: &Publication, more: u16) -> String {
    let span = |start: u16| {
        if more == 0 {
            start.to_string()
        } else {
            format!("{start}-{}", start + more)
        }
    };
    let target = format!("{}/{}", span(first.target), first.protocol);
    match first.published {
        None => target,
        Some(published) => {
            // An IPv6 address and its port would run into one another.
            let is_ipv6 = first.host.contains(':') && !first.host.starts_with('[');
            let host = if is_ipv6 {
                format!("[{}]", first.host)
            } else {
                first.host.clone()
            };
            format!("{host}:{}->{target}", span(published))
        }
    }
}

fn quoted(command: &str) -> String {
    if command.is_empty() {
        String::new()
    } else {
        format!("\"{command}\"")
    }
}

/// The command's first twenty characters, in quotes, as the docker CLI shows it.
fn shortened(command: &str) -> String {
    const LENGTH: usize = 20;
    let command: String = command.split_whitespace().collect::<Vec<_>>().join(" ");
    if command.chars().count() <= LENGTH {
        return quoted(&command);
    }
    quoted(&format!("{}…", command.chars().take(LENGTH - 1).collect::<String>()))
}

/// `5 minutes ago`
pub(super) fn age(created: Option<Timestamp>, now: Timestamp) -> String {
    let Some(created) = created else {
        return String::new();
    };
    let age = Duration::try_from(now.duration_since(created)).unwrap_or_default();
    format!("{} ago", words(age))
}

/// A time span in the docker CLI's words.
fn words(span: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = span.as_secs();
    match seconds {
        0 => "Less than a second".to_owned(),
        1 => "1 second".to_owned(),
        2..MINUTE => format!("{seconds} seconds"),
        MINUTE..120 => "About a minute".to_owned(),
        120..HOUR => format!("{} minutes", seconds / MINUTE),
        HOUR..7200 => "About an hour".to_owned(),
        7200..172_800 => format!("{} hours", seconds / HOUR),
        172_800..1_209_600 => format!("{} days", seconds / DAY),
        1_209_600..5_184_000 => format!("{} weeks", seconds / DAY / 7),
        5_184_000..63_072_000 => format!("{} months", seconds / DAY / 30),
        _ => format!("{} years", seconds / DAY / 365),
    }
}

/// `12.3MB`: three digits, in steps of a thousand, as the docker CLI shows it.
pub(super) fn size(bytes: i64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut size = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if size < 1000.0 {
            let digits = if size >= 100.0 || unit == "B" {
                0
            } else if size >= 10.0 {
                1
            } else {
                2
            };
            return format!("{size:.digits$}{unit}");
        }
        size /= 1000.0;
    }
    format!("{size:.2}TB")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication(host: &str, published: Option<u16>, target: u16) -> Publication {
        Publication {
            host: host.to_owned(),
            published,
            target,
            protocol: "tcp".to_owned(),
        }
    }

    fn replica() -> Replica {
        Replica {
            name: "shop-web-1".to_owned(),
            id: "3f2a".to_owned(),
            service: "web".to_owned(),
            image: "nginx:1".to_owned(),
            command: "/docker-entrypoint.sh nginx -g 'daemon off;'".to_owned(),
            state: "running".to_owned(),
            status: "Up 5 minutes (healthy)".to_owned(),
            health: Some("healthy".to_owned()),
            exit_code: None,
            created: Some(Timestamp::from_second(1_000_000).unwrap()),
            ports: vec![publication("0.0.0.0", Some(8080), 80), publication("", None, 443)],
        }
    }

    fn five_minutes_later() -> Timestamp {
        Timestamp::from_second(1_000_305).unwrap()
    }

    #[test]
    fn the_table_is_docker_composes() {
        let table = listing(&[replica()], five_minutes_later())
            .render(&Format::Table)
            .unwrap();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "NAME         IMAGE     COMMAND                  SERVICE   CREATED         STATUS                   PORTS",
                "shop-web-1   nginx:1   \"/docker-entrypoint.…\"   web       5 minutes ago   Up 5 minutes (healthy)   0.0.0.0:8080->80/tcp, 443/tcp",
            ]
        );
    }

    #[test]
    fn json_is_an_object_a_line() {
        let listing = listing(&[replica(), replica()], five_minutes_later());
        let text = listing.render(&Format::Json).unwrap();
        let objects: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects.len(), 2);
        assert_eq!(objects[0]["Publishers"][0]["PublishedPort"], 8080);
        assert_eq!(objects[0]["RunningFor"], "5 minutes ago");
    }

    #[test]
    fn neighbouring_ports_become_a_range() {
        let range = [8001, 8000, 8002].map(|port| publication("0.0.0.0", Some(port), port - 1000));
        let others = [
            publication("::", Some(9000), 80),
            publication("lb.aws", Some(65535), 65535),
        ];
        assert_eq!(
            ports(&[range.as_slice(), &others].concat()),
            "0.0.0.0:8000-8002->7000-7002/tcp, [::]:9000->80/tcp, lb.aws:65535->65535/tcp"
        );
    }

    #[test]
    fn time_spans_are_told_in_the_docker_clis_words() {
        let told = [0, 59, 61, 180, 4000, 90_000, 200_000, 2_000_000, 9_000_000, 99_000_000]
            .map(|seconds| words(Duration::from_secs(seconds)));
        let expected = [
            "Less than a second",
            "59 seconds",
            "About a minute",
            "3 minutes",
            "About an hour",
            "25 hours",
            "2 days",
            "3 weeks",
            "3 months",
            "3 years",
        ];
        assert_eq!(told, expected);
    }
}
