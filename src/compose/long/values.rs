//! Values in the form that the model has: lists of `KEY=value` as mappings, texts as lists of words, numbers as texts.
//!
//! Where variables were not filled in, they stay as they are written.

use super::super::forms::{self, said};
use super::super::{Map, Node, Value, words};
use super::{change, change_in, each_entry};
use crate::diagnostic::Diagnostic;

/// Of a network, volume, secret or config.
pub(super) fn of_resource(map: &mut Map) {
    for name in ["labels", "driver_opts"] {
        change(map, name, |node| mapping(node, Absent::Empty));
    }
}

/// Of a service.
pub(super) fn of_service(name: &str, map: &mut Map, diagnostics: &mut Vec<Diagnostic>) {
    spaces_before_values(name, map, diagnostics);
    change(map, "environment", |node| mapping(node, Absent::Null));
    for name in ["labels", "annotations", "sysctls", "storage_opt"] {
        change(map, name, |node| mapping(node, Absent::Empty));
    }
    for name in ["dns_search", "tmpfs"] {
        change(map, name, forms::listed);
    }
    if let Some(ports) = map.get("expose").and_then(|entry| entry.node.as_list()) {
        for port in ports.iter().filter(|port| matches!(port.value, Value::Float(_))) {
            diagnostics.push(Diagnostic::error(port.span, "a port is no fraction").hint("put it in quotes"));
        }
    }
    for name in ["expose", "group_add"] {
        change(map, name, |node| each_entry(node, text));
    }
    change_in(map, "build", |build| of_build(build, diagnostics));
    change(map, "extra_hosts", |node| hosts(node, diagnostics));
    change(map, "gpus", |node| each_entry(node, device_request));
    for name in ["command", "entrypoint"] {
        change(map, name, |node| command(node, name, diagnostics));
    }
    change_in(map, "healthcheck", |check| change(check, "test", test));
    change_in(map, "logging", |logging| {
        change(logging, "options", |node| mapping(node, Absent::Empty));
    });
    change_in(map, "deploy", of_deploy);
    for name in ["pre_start", "post_start", "pre_stop"] {
        change(map, name, |node| each_entry(node, |node| hook(node, diagnostics)));
    }
    change_in(map, "develop", |develop| {
        change(develop, "watch", |node| {
            each_entry(node, |mut rule| {
                if let Value::Map(map) = &mut rule.value {
                    change(map, "exec", |node| hook(node, diagnostics));
                }
                rule
            })
        });
    });
    change(map, "ports", |node| {
        each_entry(node, |mut port| {
            if let Value::Map(map) = &mut port.value {
                change(map, "published", |node| match node.value {
                    Value::Int(_) => text(node),
                    _ => node,
                });
            }
            port
        })
    });
    change(map, "volumes", |node| {
        each_entry(node, |mut mount| {
            if let Value::Map(map) = &mut mount.value {
                change_in(map, "volume", |volume| {
                    change(volume, "labels", |node| mapping(node, Absent::Empty));
                });
            }
            mount
        })
    });
    change_in(map, "networks", |networks| {
        for entry in networks.values_mut() {
            if let Value::Map(map) = &mut entry.node.value {
                change(map, "driver_opts", |node| mapping(node, Absent::Empty));
            }
        }
    });
}

/// What `KEY` without a value means.
#[derive(Clone, Copy, PartialEq)]
enum Absent {
    Null,
    Empty,
}

fn of_build(build: &mut Map, diagnostics: &mut Vec<Diagnostic>) {
    change(build, "args", |node| mapping(node, Absent::Null));
    for name in ["ssh", "labels", "additional_contexts"] {
        change(build, name, |node| mapping(node, Absent::Empty));
    }
    change(build, "extra_hosts", |node| hosts(node, diagnostics));
    change(build, "no_cache_filter", forms::listed);
    for name in ["provenance", "sbom"] {
        change(build, name, text);
    }
}

fn of_deploy(deploy: &mut Map) {
    change(deploy, "labels", |node| mapping(node, Absent::Empty));
    change_in(deploy, "resources", |resources| {
        change_in(resources, "reservations", |reservations| {
            change(reservations, "devices", |node| each_entry(node, device_request));
        });
    });
}

fn device_request(mut node: Node) -> Node {
    if let Value::Map(map) = &mut node.value {
        change(map, "options", |node| mapping(node, Absent::Empty));
        change(map, "count", |node| match node.as_str() {
            Some("all") => Node::new(Value::Int(-1), node.span),
            Some(text) => match text.parse() {
                Ok(count) => Node::new(Value::Int(count), node.span),
                Err(_) => node,
            },
            None => node,
        });
    }
    node
}

/// `KEY=value` lists and mappings with values of any kind as a mapping of texts.
fn mapping(node: Node, absent: Absent) -> Node {
    let text = |value: Value| match forms::text_of(&value) {
        Some(text) => Value::String(text),
        None if value == Value::Null && absent == Absent::Empty => Value::String(String::new()),
        None => value,
    };
    let mut node = forms::mapping(node);
    if let Value::Map(map) = &mut node.value {
        for entry in map.values_mut() {
            let value = std::mem::replace(&mut entry.node.value, Value::Null);
            entry.node.value = text(value);
        }
    }
    node
}

/// `NAME = value` in a list names the variable `NAME `, which nobody means.
fn spaces_before_values(service: &str, map: &Map, diagnostics: &mut Vec<Diagnostic>) {
    let list = map.get("environment").and_then(|entry| entry.node.as_list());
    for entry in list.into_iter().flatten() {
        let (name, value) = forms::pair(entry.as_str().unwrap_or_default());
        if name.ends_with(char::is_whitespace) {
            let trimmed = name.trim();
            diagnostics.push(
                Diagnostic::error(
                    entry.span,
                    format!("the name of the variable `{trimmed}` of service `{service}` ends with a space"),
                )
                .hint(if value.is_some() {
                    format!("write `{trimmed}=…`")
                } else {
                    format!("write `{trimmed}`")
                }),
            );
        }
    }
}

/// A number as text.
fn text(node: Node) -> Node {
    match forms::text_of(&node.value) {
        Some(text) => Node::new(Value::String(text), node.span),
        None => node,
    }
}

/// `host=address`, `host:address` and mappings as a mapping of hosts to lists of addresses.
fn hosts(node: Node, diagnostics: &mut Vec<Diagnostic>) -> Node {
    let span = node.span;
    let Value::List(list) = forms::host_list(node).value else {
        return Node::new(Value::Null, span);
    };
    for entry in &list {
        let text = entry.as_str().unwrap_or_default();
        if !text.contains(['=', ':']) {
            diagnostics.push(
                Diagnostic::error(entry.span, format!("`extra_hosts` gives `{text}` no address"))
                    .hint("the form is `host=address`"),
            );
        }
    }
    let mut map = Map::default();
    for entry in list {
        let text = entry.as_str().unwrap_or_default();
        let (host, address) = text
            .split_once('=')
            .or_else(|| text.split_once(':'))
            .unwrap_or((text, ""));
        let known = map
            .entry(host.to_owned())
            .or_insert_with(|| said(Value::List(Vec::new()), entry.span));
        let Value::List(addresses) = &mut known.node.value else {
            continue;
        };
        for address in address.split(',') {
            let bare = address.strip_prefix('[').and_then(|ip| ip.strip_suffix(']'));
            let text = bare.unwrap_or(address).to_owned();
            addresses.push(Node::new(Value::String(text), entry.span));
        }
    }
    Node::new(Value::Map(map), span)
}

fn command(node: Node, name: &str, diagnostics: &mut Vec<Diagnostic>) -> Node {
    let Some(text) = node.as_str() else { return node };
    let Some(command) = words::split(text) else {
        diagnostics.push(
            Diagnostic::error(
                node.span,
                format!("`{name}` has a quote or parenthesis that is never closed"),
            )
            .hint(format!("close it, or write a list: `{name}: [\"sh\", \"-c\", \"…\"]`")),
        );
        return node;
    };
    if let Some(dropped) = command.dropped {
        let operator: String = dropped.chars().take_while(|c| ";&|<>".contains(*c)).collect();
        diagnostics.push(
            Diagnostic::warning(
                node.span,
                format!("`{name}` ends at `{operator}`: Compose starts it without a shell and drops the rest"),
            )
            .hint(format!("write `{name}: [\"sh\", \"-c\", \"…\"]` to have a shell")),
        );
    }
    let list = command
        .words
        .into_iter()
        .map(|word| Node::new(Value::String(word), node.span));
    Node::new(Value::List(list.collect()), node.span)
}

fn test(node: Node) -> Node {
    let span = node.span;
    if let Value::String(text) = node.value {
        let word = |text: String| Node::new(Value::String(text), span);
        return Node::new(Value::List(vec![word("CMD-SHELL".to_owned()), word(text)]), span);
    }
    node
}

fn hook(mut node: Node, diagnostics: &mut Vec<Diagnostic>) -> Node {
    if let Value::Map(map) = &mut node.value {
        change(map, "command", |node| command(node, "command", diagnostics));
        change(map, "environment", |node| mapping(node, Absent::Null));
    }
    node
}
