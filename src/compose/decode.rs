//! From the complete document to the typed model.
//!
//! Validation has seen the kinds of all values before; what is left to find here are texts that are no size, no
//! duration and the like. Such a value is reported and left out, and decoding goes on.

mod service;

use indexmap::IndexMap;

use super::project::{Extensions, Mapping};
use super::{
    ByteSize, Duration, Entry, FileObject, Ipam, IpamPool, Map, Model, Network, Node, Project, Spanned, Value, Volume,
    forms,
};
use crate::diagnostic::{Diagnostic, Span};

pub(super) use service::service;

/// Reads the services and resources of a project out of its tree.
pub(super) fn project(project: &mut Project, diagnostics: &mut Vec<Diagnostic>) {
    let entries = |section: &str| {
        let map = project.tree.get(section).and_then(Node::as_map);
        map.into_iter()
            .flatten()
            .filter(|(_, entry)| entry.node.as_map().is_some())
    };
    let mut decoder = Decoder { diagnostics };
    let services = all(entries("services"), |name, map, span| {
        service(name, map, span, decoder.diagnostics)
    });
    let networks = all(entries("networks"), |name, map, span| decoder.network(name, map, span));
    let volumes = all(entries("volumes"), |name, map, span| decoder.volume(name, map, span));
    let secrets = all(entries("secrets"), |name, map, span| {
        decoder.file_object(name, map, span)
    });
    let configs = all(entries("configs"), |name, map, span| {
        decoder.file_object(name, map, span)
    });
    let models = all(entries("models"), |_, map, span| decoder.model(map, span));
    project.services = services;
    project.networks = networks;
    project.volumes = volumes;
    project.secrets = secrets;
    project.configs = configs;
    project.models = models;
}

/// Reads every entry of a section that is a mapping.
fn all<'n, T>(
    entries: impl Iterator<Item = (&'n String, &'n Entry)>,
    mut read: impl FnMut(&str, &'n Map, Span) -> T,
) -> IndexMap<String, T> {
    let read = |(name, entry): (&'n String, &'n Entry)| {
        let map = entry.node.as_map()?;
        Some((name.clone(), read(name, map, entry.key.or(entry.node.span))))
    };
    entries.filter_map(read).collect()
}

/// Reads fields of mappings and collects what is wrong with them.
struct Decoder<'a> {
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Decoder<'_> {
    fn boolean(&mut self, map: &Map, name: &str) -> Option<Spanned<bool>> {
        let node = &map.get(name)?.node;
        let value = match &node.value {
            Value::Bool(value) => *value,
            Value::String(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "t" | "1" => true,
                "false" | "f" | "0" | "" => false,
                _ => {
                    self.wrong(node, name, "`true` or `false`");
                    return None;
                }
            },
            _ => return None,
        };
        Some(Spanned::new(value, node.span))
    }

    fn integer(&mut self, map: &Map, name: &str) -> Option<Spanned<i64>> {
        let node = &map.get(name)?.node;
        let value = match &node.value {
            Value::Int(number) => Some(*number),
            #[allow(clippy::cast_possible_truncation, reason = "that is what the warning says")]
            Value::Float(number) => {
                if number.fract() != 0.0 {
                    self.diagnostics.push(
                        Diagnostic::warning(node.span, format!("`{name}` is an integer: its fraction is dropped"))
                            .hint(format!("write `{name}: {}`", number.trunc())),
                    );
                }
                Some(*number as i64)
            }
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        if value.is_none() && node.value != Value::Null {
            self.wrong(node, name, "an integer");
        }
        Some(Spanned::new(value?, node.span))
    }

    /// An integer that cannot be negative.
    fn count(&mut self, map: &Map, name: &str) -> Option<Spanned<i64>> {
        let count = self.integer(map, name)?;
        if count.value < 0 {
            self.wrong(&map.get(name)?.node, name, "zero or more");
            return None;
        }
        Some(count)
    }

    fn float(&mut self, map: &Map, name: &str) -> Option<Spanned<f32>> {
        let node = &map.get(name)?.node;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "the model's precision"
        )]
        let value = match &node.value {
            Value::Int(number) => Some(*number as f32),
            Value::Float(number) => Some(*number as f32),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        if value.is_none() && node.value != Value::Null {
            self.wrong(node, name, "a number");
        }
        Some(Spanned::new(value?, node.span))
    }

    fn bytes(&mut self, map: &Map, name: &str) -> Option<Spanned<ByteSize>> {
        let node = &map.get(name)?.node;
        let value = match &node.value {
            Value::Int(number) => Some(ByteSize(*number)),
            #[allow(clippy::cast_possible_truncation, reason = "a whole number")]
            Value::Float(number) if number.fract() == 0.0 => Some(ByteSize(*number as i64)),
            Value::String(text) => ByteSize::parse(text),
            _ => None,
        };
        if value.is_none() && node.value != Value::Null {
            let what = "a size in bytes";
            self.wrong_with_hint(node, name, what, "write a number and a unit: `512m`, `1.5g`");
        }
        Some(Spanned::new(value?, node.span))
    }

    fn duration(&mut self, map: &Map, name: &str) -> Option<Spanned<Duration>> {
        let node = &map.get(name)?.node;
        let value = Duration::parse(node.as_str()?);
        if value.is_none() {
            self.wrong_with_hint(
                node,
                name,
                "a duration",
                "write numbers with their units: `30s`, `1m30s`",
            );
        }
        Some(Spanned::new(value?, node.span))
    }

    /// Permission bits: text is octal, a number is what it is (`0440` is octal in YAML already).
    fn mode(&mut self, map: &Map, name: &str) -> Option<Spanned<u32>> {
        let node = &map.get(name)?.node;
        let value = match &node.value {
            Value::Int(number) => u32::try_from(*number).ok(),
            Value::String(text) => u32::from_str_radix(text, 8).ok(),
            _ => None,
        };
        if value.is_none() && node.value != Value::Null {
            self.wrong(node, name, "permission bits in octal, such as `\"0440\"`");
        }
        Some(Spanned::new(value?, node.span))
    }

    fn wrong(&mut self, node: &Node, name: &str, wanted: &str) {
        let message = format!("`{name}` must be {wanted}");
        self.diagnostics.push(Diagnostic::error(node.span, message));
    }

    fn wrong_with_hint(&mut self, node: &Node, name: &str, wanted: &str, hint: &str) {
        let message = format!("`{name}` must be {wanted}");
        self.diagnostics.push(Diagnostic::error(node.span, message).hint(hint));
    }

    fn network(&mut self, key: &str, map: &Map, span: Span) -> Network {
        Network {
            span,
            name: resource_name(key, map),
            driver: text(map, "driver"),
            driver_opts: mapping(map, "driver_opts"),
            ipam: inner(map, "ipam").map(|(ipam, _)| Ipam {
                driver: text(ipam, "driver"),
                config: entries(ipam, "config")
                    .map(|(pool, _)| IpamPool {
                        subnet: text(pool, "subnet"),
                        gateway: text(pool, "gateway"),
                        ip_range: text(pool, "ip_range"),
                        aux_addresses: mapping(pool, "aux_addresses"),
                        extensions: extensions(pool),
                    })
                    .collect(),
                options: mapping(ipam, "options"),
                extensions: extensions(ipam),
            }),
            external: self.boolean(map, "external").is_some_and(|external| external.value),
            internal: self.boolean(map, "internal"),
            attachable: self.boolean(map, "attachable"),
            labels: mapping(map, "labels"),
            enable_ipv4: self.boolean(map, "enable_ipv4"),
            enable_ipv6: self.boolean(map, "enable_ipv6"),
            extensions: extensions(map),
        }
    }

    fn volume(&mut self, key: &str, map: &Map, span: Span) -> Volume {
        Volume {
            span,
            name: resource_name(key, map),
            driver: text(map, "driver"),
            driver_opts: mapping(map, "driver_opts"),
            external: self.boolean(map, "external").is_some_and(|external| external.value),
            labels: mapping(map, "labels"),
            extensions: extensions(map),
        }
    }

    fn file_object(&mut self, key: &str, map: &Map, span: Span) -> FileObject {
        FileObject {
            span,
            name: resource_name(key, map),
            file: text(map, "file"),
            environment: text(map, "environment"),
            content: text(map, "content"),
            external: self.boolean(map, "external").is_some_and(|external| external.value),
            labels: mapping(map, "labels"),
            driver: text(map, "driver"),
            driver_opts: mapping(map, "driver_opts"),
            template_driver: text(map, "template_driver"),
            extensions: extensions(map),
        }
    }

    fn model(&mut self, map: &Map, span: Span) -> Model {
        Model {
            span,
            name: text(map, "name"),
            model: text(map, "model").unwrap_or_else(|| Spanned::nowhere(String::new())),
            context_size: self.integer(map, "context_size"),
            runtime_flags: texts(map, "runtime_flags"),
            extensions: extensions(map),
        }
    }
}

/// A mapping inside of a mapping, with its place.
fn inner<'a>(map: &'a Map, name: &str) -> Option<(&'a Map, Span)> {
    let entry = map.get(name)?;
    Some((entry.node.as_map()?, entry.node.span.or(entry.key)))
}

pub(super) fn extensions(map: &Map) -> Extensions {
    let own = map.iter().filter(|(name, _)| name.starts_with("x-"));
    own.map(|(name, entry)| (name.clone(), entry.node.clone())).collect()
}

fn text(map: &Map, name: &str) -> Option<Spanned<String>> {
    let node = &map.get(name)?.node;
    Some(Spanned::new(forms::text_of(&node.value)?, node.span))
}

fn texts(map: &Map, name: &str) -> Vec<Spanned<String>> {
    let list = map.get(name).and_then(|entry| entry.node.as_list()).unwrap_or_default();
    list.iter()
        .filter_map(|node| Some(Spanned::new(forms::text_of(&node.value)?, node.span)))
        .collect()
}

/// A list of texts that means something else when it is empty than when it is absent.
fn words(map: &Map, name: &str) -> Option<Spanned<Vec<String>>> {
    let node = &map.get(name)?.node;
    let list = node.as_list()?;
    let words = list.iter().filter_map(|node| forms::text_of(&node.value)).collect();
    Some(Spanned::new(words, node.span))
}

fn mapping(map: &Map, name: &str) -> Mapping {
    let entries = map.get(name).and_then(|entry| entry.node.as_map());
    let pairs = entries.into_iter().flatten().map(|(key, entry)| {
        let text = forms::text_of(&entry.node.value).unwrap_or_default();
        (key.clone(), Spanned::new(text, entry.node.span.or(entry.key)))
    });
    pairs.collect()
}

fn variables(map: &Map, name: &str) -> IndexMap<String, Spanned<Option<String>>> {
    let entries = map.get(name).and_then(|entry| entry.node.as_map());
    let pairs = entries.into_iter().flatten().map(|(key, entry)| {
        let text = forms::text_of(&entry.node.value);
        (key.clone(), Spanned::new(text, entry.node.span.or(entry.key)))
    });
    pairs.collect()
}

/// The maps of a list.
fn entries<'n>(map: &'n Map, name: &str) -> impl Iterator<Item = (&'n Map, Span)> + use<'n> {
    let list = map.get(name).and_then(|entry| entry.node.as_list()).unwrap_or_default();
    list.iter().filter_map(|node| Some((node.as_map()?, node.span)))
}

fn resource_name(key: &str, map: &Map) -> Spanned<String> {
    text(map, "name").unwrap_or_else(|| Spanned::nowhere(key.to_owned()))
}
