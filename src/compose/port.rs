//! The short form of ports: `[ip:][host[-range]:]container[-range][/protocol]`.

use std::net::IpAddr;

use super::forms::{added, said};
use super::{Map, Node, Value};
use crate::diagnostic::Span;

/// One published port of a short form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Short {
    pub(super) host_ip: Option<String>,
    pub(super) published: Option<String>,
    pub(super) target: u16,
    pub(super) protocol: String,
}

/// What is wrong with a short form, and what to do instead.
pub(super) type Mistake = (String, &'static str);

const FORM: &str = "the form is `[ip:][host:]container[/protocol]`, with ports from 1 to 65535";

/// Reads a short form; a range of container ports is several ports.
pub(super) fn parse(text: &str) -> Result<Vec<Short>, Mistake> {
    let mut fields = text.rsplitn(3, ':');
    let container = fields.next().unwrap_or_default();
    let host = fields.next().unwrap_or_default();
    let ip = fields.next().unwrap_or_default();
    let (inside, protocol) = match container.split_once('/') {
        Some((inside, protocol)) => match protocol.split('/').next().unwrap_or_default() {
            "" => (inside, "tcp".to_owned()),
            protocol => (inside, protocol.to_lowercase()),
        },
        None => (container, "tcp".to_owned()),
    };
    if !["tcp", "udp", "sctp"].contains(&protocol.as_str()) {
        return Err((
            format!("`{protocol}` is no protocol of ports"),
            "it is `tcp`, `udp` or `sctp`",
        ));
    }
    let ip = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(ip);
    if !ip.is_empty() && ip.parse::<IpAddr>().is_err() {
        return Err((format!("`{ip}` is no IP address"), FORM));
    }
    let (first, last) = range(inside)?;
    let host = if host.is_empty() { None } else { Some(range(host)?) };
    let count = last - first;
    if let Some((from, to)) = host
        && to - from != count
        && count > 0
    {
        return Err((
            format!(
                "{} host ports cannot reach {} container ports",
                to - from + 1,
                count + 1
            ),
            "make the two ranges equally long",
        ));
    }
    let mut ports: Vec<_> = (0..=count)
        .map(|offset| Short {
            host_ip: (!ip.is_empty()).then(|| ip.to_owned()),
            published: host.map(|(from, to)| match to - from {
                more if count == 0 && more > 0 => format!("{from}-{to}"),
                _ => (from + offset).to_string(),
            }),
            target: first + offset,
            protocol: protocol.clone(),
        })
        .collect();
    // The order in which Docker Compose lists them.
    ports.sort_by_key(|port| port.target.to_string());
    Ok(ports)
}

/// `from-to`, or one port.
fn range(text: &str) -> Result<(u16, u16), Mistake> {
    if text.is_empty() {
        return Err(("the port in the container is missing".to_owned(), FORM));
    }
    let number = |text: &str| {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if plain { text.parse().ok() } else { None };
        number.ok_or_else(|| (format!("`{text}` is no port"), FORM))
    };
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    if first > last {
        return Err((format!("the range `{text}` ends before it begins"), FORM));
    }
    Ok((first, last))
}

impl Short {
    /// The long form; it stands where the short one stands.
    pub(super) fn into_node(self, span: Span) -> Node {
        let mut map = Map::default();
        let mut put = |name: &str, entry| map.insert(name.to_owned(), entry);
        put("mode", added(Value::String("ingress".to_owned())));
        if let Some(ip) = self.host_ip {
            put("host_ip", said(Value::String(ip), span));
        }
        put("target", said(Value::Int(self.target.into()), span));
        if let Some(published) = self.published {
            put("published", said(Value::String(published), span));
        }
        put("protocol", said(Value::String(self.protocol), span));
        Node::new(Value::Map(map), span)
    }
}

/// What makes two entries of `ports` the same.
pub(super) fn key(node: &Node) -> Option<String> {
    if node.as_map().is_none() {
        return super::forms::text_of(&node.value);
    }
    let part = |name: &str| node.get(name).and_then(|node| super::forms::text_of(&node.value));
    let host = part("host_ip").unwrap_or_else(|| "0.0.0.0".to_owned());
    Some(format!(
        "{host}:{}:{}/{}",
        part("published").unwrap_or_default(),
        part("target")?,
        part("protocol").unwrap_or_else(|| "tcp".to_owned())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<Vec<String>, String> {
        let ports = parse(text).map_err(|(message, _)| message)?;
        let show = |port: Short| {
            format!(
                "{}|{}|{}/{}",
                port.host_ip.unwrap_or_default(),
                port.published.unwrap_or_default(),
                port.target,
                port.protocol
            )
        };
        Ok(ports.into_iter().map(show).collect())
    }

    #[test]
    fn short_forms() {
        for (text, expected) in [
            ("80", vec!["||80/tcp"]),
            ("8080:80", vec!["|8080|80/tcp"]),
            ("127.0.0.1:8080:80/udp", vec!["127.0.0.1|8080|80/udp"]),
            ("127.0.0.1::80", vec!["127.0.0.1||80/tcp"]),
            ("[::1]:8080:80", vec!["::1|8080|80/tcp"]),
            (":80", vec!["||80/tcp"]),
            ("3000-3002", vec!["||3000/tcp", "||3001/tcp", "||3002/tcp"]),
            ("8000-8002:80", vec!["|8000-8002|80/tcp"]),
            ("8000-8001:9000-9001", vec!["|8000|9000/tcp", "|8001|9001/tcp"]),
        ] {
            assert_eq!(
                shown(text),
                Ok(expected.into_iter().map(str::to_owned).collect()),
                "{text}"
            );
        }
    }

    #[test]
    fn mistakes() {
        for text in [
            "",
            "a",
            "80:",
            "localhost:80:80",
            "8000-8001:9000-9002",
            "70000",
            "80/icmp",
            "9-8",
            "+80",
        ] {
            assert!(shown(text).is_err(), "{text}");
        }
    }
}
