//! `ctx ps`: containers and tasks, in the form of `docker compose ps`.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::{Value, json};

use super::listing::{Format, Json, Listing};
use super::output;
use crate::backend::{Fittings, Publication, Replica};
use crate::error::Result;

/// Why a task stopped can be long; `--no-trunc` shows it all.
const STATUS_LENGTH: usize = 80;

pub fn print(replicas: &[Replica], format: &Format, whole: bool) -> Result<()> {
    listing(replicas, Timestamp::now(), whole).print(format)
}

pub fn print_ids(replicas: &[Replica]) -> Result<()> {
    output::document(&output::lines(replicas.iter().map(|replica| &replica.id)), None)
}

pub fn print_services(replicas: &[Replica]) -> Result<()> {
    let services: BTreeSet<_> = replicas.iter().map(|replica| &replica.service).collect();
    output::document(&output::lines(services), None)
}

fn listing(replicas: &[Replica], now: Timestamp, whole: bool) -> Listing<'static> {
    Listing {
        columns: &["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"],
        rows: replicas.iter().map(|replica| row(replica, now, whole)).collect(),
        objects: replicas.iter().map(|replica| json(replica, now, whole)).collect(),
        json: Json::Lines,
    }
}

fn row(replica: &Replica, now: Timestamp, whole: bool) -> Vec<String> {
    vec![
        replica.name.clone(),
        if whole {
            replica.image.clone()
        } else {
            image(&replica.image)
        },
        if whole {
            quoted(&replica.command)
        } else {
            shortened(&replica.command)
        },
        replica.service.clone(),
        age(replica.created, now),
        if whole {
            replica.status.clone()
        } else {
            cut(&replica.status, STATUS_LENGTH)
        },
        ports(&replica.ports),
    ]
}

/// The keys of `docker compose ps --format json`; what only engines know is empty elsewhere.
fn json(replica: &Replica, now: Timestamp, whole: bool) -> Value {
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
        "Command": if whole { quoted(&replica.command) } else { shortened(&replica.command) },
        "CreatedAt": replica.created.map_or_else(String::new, |created| go_time(&created.to_zoned(TimeZone::system()))),
        "ExitCode": replica.exit_code.unwrap_or(0),
        "Health": replica.health.as_deref().unwrap_or(""),
        "ID": if whole { &replica.id } else { short(&replica.id) },
        "Image": replica.image,
        "Labels": labels(&replica.fittings),
        "LocalVolumes": replica.fittings.local_volumes.to_string(),
        "Mounts": mounts(&replica.fittings, whole),
        "Name": replica.name,
        "Names": replica.name,
        "Networks": replica.fittings.networks.join(","),
        "Ports": ports(&replica.ports),
        "Project": replica.fittings.project,
        "Publishers": publishers,
        "RunningFor": age(replica.created, now),
        "Service": replica.service,
        // Nobody asks the engine to measure it.
        "Size": "0B",
        "State": replica.state,
        "Status": replica.status,
    })
}

/// A container's id as people use it. Names of other things stay as they are.
fn short(id: &str) -> &str {
    let is_id = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { &id[..12] } else { id }
}

fn labels(fittings: &Fittings) -> String {
    let labels = fittings.labels.iter();
    labels
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join(",")
}

/// Each mount's first fifteen characters, as the docker CLI shows it, or all.
fn mounts(fittings: &Fittings, whole: bool) -> String {
    const LENGTH: usize = 15;
    let shown = |mount: &String| {
        if whole { mount.clone() } else { cut(mount, LENGTH) }
    };
    fittings.mounts.iter().map(shown).collect::<Vec<_>>().join(",")
}

/// A time as Go prints it: `2026-01-02 03:04:05 +0000 UTC`.
fn go_time(time: &Zoned) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string()
}

/// `443/tcp, 0.0.0.0:8080->80/tcp`, as the docker CLI shows them: first those that are not published, or as they are,
/// neighbours as ranges; then the others.
fn ports(ports: &[Publication]) -> String {
    let mut ports = ports.to_vec();
    ports.sort_by(|a, b| {
        (a.target, &a.host, a.published, &a.protocol).cmp(&(b.target, &b.host, b.published, &b.protocol))
    });
    ports.dedup();
    let (mut shown, mut ranges, mut mapped) = (Vec::new(), Vec::<(&Publication, u16)>::new(), Vec::new());
    for port in &ports {
        if let Some(published) = port.published.filter(|published| *published != port.target) {
            mapped.push(format!("{}:{published}->{}/{}", host(port), port.target, port.protocol));
            continue;
        }
        let same = |(first, _): &&mut (&Publication, u16)| first.host == port.host && first.protocol == port.protocol;
        match ranges.iter_mut().find(same) {
            Some((_, last)) if last.checked_add(1) == Some(port.target) => *last = port.target,
            Some(ended) => {
                shown.push(range(ended.0, ended.1));
                *ended = (port, port.target);
            }
            None => ranges.push((port, port.target)),
        }
    }
    shown.extend(ranges.iter().map(|(first, last)| range(first, *last)));
    shown.extend(mapped);
    shown.join(", ")
}

fn range(first: &Publication, last: u16) -> String {
    let span = if first.target == last {
        last.to_string()
    } else {
        format!("{}-{last}", first.target)
    };
    match first.published {
        None => format!("{span}/{}", first.protocol),
        Some(_) => format!("{}:{span}->{span}/{}", host(first), first.protocol),
    }
}

/// An IPv6 address and its port would run into one another.
fn host(port: &Publication) -> String {
    if port.host.contains(':') && !port.host.starts_with('[') {
        format!("[{}]", port.host)
    } else {
        port.host.clone()
    }
}

fn quoted(command: &str) -> String {
    if command.is_empty() {
        return String::new();
    }
    // As Go quotes, but for letters that cannot be printed.
    format!("{command:?}")
}

/// An image, of its digest the first twelve digits: on ECS each image has one.
fn image(image: &str) -> String {
    match image.split_once("@sha256:") {
        Some((name, digest)) => format!("{name}@sha256:{}", digest.get(..12).unwrap_or(digest)),
        None => image.to_owned(),
    }
}

/// The command's first twenty characters, in quotes, as the docker CLI shows it.
fn shortened(command: &str) -> String {
    const LENGTH: usize = 20;
    quoted(&cut(command, LENGTH))
}

fn cut(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(length - 1).collect::<String>())
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

    #[test]
    fn commands_are_quoted_as_the_docker_cli_does() {
        assert_eq!(shortened("sh -c 'trap \"exit 0\" TERM'"), r#""sh -c 'trap \"exit 0…""#);
        assert_eq!(quoted("sh -c 'a\nb\\c'"), r#""sh -c 'a\nb\\c'""#);
        assert_eq!(quoted(""), "");
    }

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
            fittings: Fittings {
                project: "shop".to_owned(),
                labels: [("a", "b"), ("c", "")]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
                mounts: vec!["shop_data".to_owned(), "/home/me/shop/src".to_owned()],
                local_volumes: 1,
                networks: vec!["shop_back".to_owned(), "shop_front".to_owned()],
            },
        }
    }

    fn five_minutes_later() -> Timestamp {
        Timestamp::from_second(1_000_305).unwrap()
    }

    #[test]
    fn the_table_is_docker_composes() {
        let table = listing(&[replica()], five_minutes_later(), false)
            .render(&Format::Table)
            .unwrap();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "NAME         IMAGE     COMMAND                  SERVICE   CREATED         STATUS                   PORTS",
                "shop-web-1   nginx:1   \"/docker-entrypoint.…\"   web       5 minutes ago   Up 5 minutes (healthy)   443/tcp, 0.0.0.0:8080->80/tcp",
            ]
        );
    }

    #[test]
    fn what_is_long_is_cut_in_the_table_alone() {
        let mut replica = replica();
        replica.image = format!("shop/web@sha256:{}", "0123456789abcdef".repeat(4));
        replica.status = format!("Stopped 1 second ago: {}", "blah ".repeat(99));
        let table = |whole| listing(std::slice::from_ref(&replica), five_minutes_later(), whole).rows;
        let cut = &table(false)[0][5];
        assert!(cut.chars().count() == STATUS_LENGTH && cut.ends_with('…'), "{cut}");
        assert_eq!(table(false)[0][1], "shop/web@sha256:0123456789ab");
        assert_eq!(
            (&table(true)[0][5], &table(true)[0][1]),
            (&replica.status, &replica.image)
        );
    }

    #[test]
    fn json_is_an_object_a_line() {
        let listing = listing(&[replica(), replica()], five_minutes_later(), false);
        let text = listing.render(&Format::Json).unwrap();
        let objects: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects.len(), 2);
        assert_eq!(objects[0]["Publishers"][0]["PublishedPort"], 8080);
        assert_eq!(objects[0]["RunningFor"], "5 minutes ago");
        let texts = ["Labels", "Mounts", "Networks", "LocalVolumes", "Project"].map(|key| objects[0][key].as_str());
        let expected = [
            "a=b,c=",
            "shop_data,/home/me/shop/…",
            "shop_back,shop_front",
            "1",
            "shop",
        ];
        assert_eq!(texts, expected.map(Some));
    }

    #[test]
    fn ids_are_short_and_times_are_gos() {
        let id = "0123456789abcdef".repeat(4);
        assert_eq!((short(&id), short("arn:aws:ecs")), ("0123456789ab", "arn:aws:ecs"));
        let time = Timestamp::from_second(1_000_000).unwrap().to_zoned(TimeZone::UTC);
        assert_eq!(go_time(&time), "1970-01-12 13:46:40 +0000 UTC");
    }

    #[test]
    fn ports_are_shown_as_the_docker_cli_shows_them() {
        let same = |host: &str, port| publication(host, Some(port), port);
        let all = [
            publication("0.0.0.0", Some(8001), 7001),
            publication("0.0.0.0", Some(8000), 7000),
            same("0.0.0.0", 81),
            same("0.0.0.0", 80),
            same("0.0.0.0", 83),
            publication("::", Some(9000), 80),
            same("lb.aws", 65535),
            publication("", None, 443),
            publication("", None, 444),
        ];
        let expected = "0.0.0.0:80-81->80-81/tcp, 0.0.0.0:83->83/tcp, 443-444/tcp, lb.aws:65535->65535/tcp, \
                        [::]:9000->80/tcp, 0.0.0.0:8000->7000/tcp, 0.0.0.0:8001->7001/tcp";
        assert_eq!(ports(&all), expected);
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
