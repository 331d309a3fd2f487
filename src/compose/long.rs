//! Short forms → long ones, and the defaults that the specification gives.
//!
//! Long because that many attributes have a short form.

use super::forms::{self, added, said};
use super::{Entry, Map, Node, Value, mount, port, words};
use crate::diagnostic::Diagnostic;

/// As many as there are: lists of ranges can otherwise stand for millions.
const MOST_PORTS: usize = 1 << 16;

/// Brings a whole document into its long form.
///
/// Where variables were not filled in (`raw`), a short form may not be readable yet: it stays as it is.
pub(super) fn expand(document: &mut Node, raw: bool, diagnostics: &mut Vec<Diagnostic>) {
    each(document, "services", |name, service| {
        expand_service(name, service, raw, diagnostics);
    });
    for kind in ["networks", "volumes", "secrets", "configs"] {
        each(document, kind, |name, resource| {
            let Value::Map(map) = &mut resource.value else { return };
            change(map, "labels", |node| mapping(node, Absent::Empty));
            change(map, "driver_opts", |node| mapping(node, Absent::Empty));
            external(name, map, diagnostics);
        });
    }
}

/// Brings one service into its long form.
pub(super) fn expand_service(name: &str, service: &mut Node, raw: bool, diagnostics: &mut Vec<Diagnostic>) {
    let mut hidden = Vec::new();
    let diagnostics = if raw { &mut hidden } else { diagnostics };
    let Value::Map(map) = &mut service.value else { return };
    spaces_before_values(name, map, diagnostics);
    change(map, "environment", |node| mapping(node, Absent::Null));
    for name in ["labels", "annotations", "sysctls", "storage_opt"] {
        change(map, name, |node| mapping(node, Absent::Empty));
    }
    for name in ["dns", "dns_search", "tmpfs", "label_file"] {
        change(map, name, forms::listed);
    }
    if let Some(ports) = map.get("expose").and_then(|entry| entry.node.as_list()) {
        for port in ports.iter().filter(|port| matches!(port.value, Value::Float(_))) {
            diagnostics.push(Diagnostic::error(port.span, "a port is no fraction").hint("put it in quotes"));
        }
    }
    for name in ["expose", "group_add"] {
        change(map, name, texts);
    }
    change(map, "build", |node| build(forms::build(node), diagnostics));
    change(map, "extends", |node| forms::keyed(node, "service"));
    change(map, "depends_on", forms::dependencies);
    change(map, "networks", forms::names);
    change(map, "models", forms::names);
    change(map, "extra_hosts", |node| hosts(node, diagnostics));
    change(map, "gpus", gpus);
    for name in ["secrets", "configs"] {
        change(map, name, |node| each_entry(node, |node| forms::keyed(node, "source")));
    }
    change(map, "env_file", |node| {
        each_entry(forms::listed(node), |node| forms::keyed(node, "path"))
    });
    change(map, "devices", |node| devices(node, diagnostics));
    change(map, "ports", |node| ports(node, diagnostics));
    change(map, "volumes", |node| mounts(node, diagnostics));
    for name in ["command", "entrypoint"] {
        change(map, name, |node| command(node, name, diagnostics));
    }
    change_in(map, "healthcheck", |check| change(check, "test", test));
    change_in(map, "logging", |logging| {
        change(logging, "options", |node| mapping(node, Absent::Empty));
    });
    change_in(map, "deploy", deploy);
    for name in ["pre_start", "post_start", "pre_stop"] {
        change(map, name, |node| each_entry(node, |node| hook(node, diagnostics)));
    }
    change_in(map, "develop", |develop| {
        change(develop, "watch", |node| {
            each_entry(node, |mut rule| {
                if let Value::Map(map) = &mut rule.value {
                    change(map, "ignore", forms::listed);
                    change(map, "include", forms::listed);
                    change(map, "exec", |node| hook(node, diagnostics));
                }
                rule
            })
        });
    });
    if let Some(Entry { node, .. }) = map.get_mut("networks") {
        let networks = if let Value::Map(map) = &mut node.value {
            Some(map)
        } else {
            None
        };
        for (_, entry) in networks.into_iter().flatten() {
            if let Value::Map(map) = &mut entry.node.value {
                change(map, "driver_opts", |node| mapping(node, Absent::Empty));
            }
        }
    }
}

/// What `KEY` without a value means.
#[derive(Clone, Copy, PartialEq)]
enum Absent {
    Null,
    Empty,
}

fn each(document: &mut Node, kind: &str, mut change: impl FnMut(&str, &mut Node)) {
    if let Value::Map(map) = &mut document.value
        && let Some(entry) = map.get_mut(kind)
        && let Value::Map(map) = &mut entry.node.value
    {
        for (name, entry) in map {
            change(name, &mut entry.node);
        }
    }
}

fn change(map: &mut Map, name: &str, form: impl FnOnce(Node) -> Node) {
    if let Some(entry) = map.get_mut(name) {
        let span = entry.node.span;
        let node = std::mem::replace(&mut entry.node, Node::new(Value::Null, span));
        entry.node = form(node);
    }
}

fn change_in(map: &mut Map, name: &str, form: impl FnOnce(&mut Map)) {
    if let Some(entry) = map.get_mut(name)
        && let Value::Map(map) = &mut entry.node.value
    {
        form(map);
    }
}

fn each_entry(mut node: Node, mut form: impl FnMut(Node) -> Node) -> Node {
    if let Value::List(list) = &mut node.value {
        *list = std::mem::take(list).into_iter().map(&mut form).collect();
    }
    node
}

/// `KEY=value` lists and mappings with values of any kind as a mapping of texts.
fn mapping(node: Node, absent: Absent) -> Node {
    let span = node.span;
    let text = |value: Value| match forms::text_of(&value) {
        Some(text) => Value::String(text),
        None if value == Value::Null && absent == Absent::Empty => Value::String(String::new()),
        None => value,
    };
    let map = match node.value {
        Value::Map(mut map) => {
            for (_, entry) in &mut map {
                let value = std::mem::replace(&mut entry.node.value, Value::Null);
                entry.node.value = text(value);
            }
            map
        }
        Value::List(list) => {
            let entries = list.into_iter().filter_map(|entry| {
                let (name, value) = forms::pair(entry.as_str()?);
                let value = value.map_or(Value::Null, |value| Value::String(value.to_owned()));
                Some((name.to_owned(), said(text(value), entry.span)))
            });
            entries.collect()
        }
        value => return Node::new(value, span),
    };
    Node::new(Value::Map(map), span)
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

/// Numbers of a list as texts.
fn texts(node: Node) -> Node {
    each_entry(node, |node| match forms::text_of(&node.value) {
        Some(text) => Node::new(Value::String(text), node.span),
        None => node,
    })
}

/// `external: {name: …}` was how old files said it.
fn external(key: &str, map: &mut Map, diagnostics: &mut Vec<Diagnostic>) {
    let Some(entry) = map.get_mut("external") else { return };
    let Value::Map(external) = &mut entry.node.value else {
        return;
    };
    let name = external.shift_remove("name");
    entry.node.value = Value::Bool(true);
    let Some(name) = name else { return };
    diagnostics.push(
        Diagnostic::warning(name.key, format!("`external.name` of `{key}` is deprecated"))
            .hint("write `external: true`, and `name:` beside it"),
    );
    if let Some(other) = map.get("name") {
        diagnostics.push(
            Diagnostic::error(other.node.span, format!("`{key}` has two names"))
                .note(name.node.span, "the other one is here")
                .hint("keep `name`"),
        );
    }
    map.entry("name".to_owned()).or_insert(name);
}

fn build(mut node: Node, diagnostics: &mut Vec<Diagnostic>) -> Node {
    if let Value::Map(map) = &mut node.value {
        without_values(map, diagnostics);
        map.entry("context".to_owned())
            .or_insert_with(|| added(Value::String(".".to_owned())));
        change(map, "args", |node| mapping(node, Absent::Null));
        change(map, "ssh", |node| mapping(node, Absent::Empty));
        for name in ["labels", "additional_contexts"] {
            change(map, name, |node| mapping(node, Absent::Empty));
        }
        change(map, "extra_hosts", |node| hosts(node, diagnostics));
        change(map, "no_cache_filter", forms::listed);
        change(map, "secrets", |node| {
            each_entry(node, |node| forms::keyed(node, "source"))
        });
        for name in ["provenance", "sbom"] {
            change(map, name, |node| match forms::text_of(&node.value) {
                Some(text) => Node::new(Value::String(text), node.span),
                None => node,
            });
        }
    }
    node
}

/// Lists whose entries mean nothing without a value.
fn without_values(build: &Map, diagnostics: &mut Vec<Diagnostic>) {
    for (name, form) in [("additional_contexts", "name=context"), ("ssh", "id=path")] {
        let list = build
            .get(name)
            .and_then(|entry| entry.node.as_list())
            .unwrap_or_default();
        for entry in list {
            let text = entry.as_str().unwrap_or_default();
            let agents_own = name == "ssh" && text == "default";
            if !agents_own && !text.contains('=') {
                diagnostics.push(
                    Diagnostic::error(entry.span, format!("`{text}` in `{name}` has no value"))
                        .hint(format!("the form is `{form}`")),
                );
            }
        }
    }
}

fn deploy(deploy: &mut Map) {
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
        if !map.contains_key("count") && !map.contains_key("device_ids") {
            map.insert("count".to_owned(), added(Value::Int(-1)));
        }
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

fn gpus(node: Node) -> Node {
    each_entry(forms::gpus(node), device_request)
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

fn devices(node: Node, diagnostics: &mut Vec<Diagnostic>) -> Node {
    each_entry(node, |node| {
        let Some(text) = node.as_str() else { return node };
        let parts: Vec<&str> = text.split(':').collect();
        let (source, target, permissions) = match parts[..] {
            [source] => (source, source, "rwm"),
            [source, target] => (source, target, "rwm"),
            [source, target, permissions] => (source, target, permissions),
            _ => {
                diagnostics.push(
                    Diagnostic::error(node.span, format!("`{text}` is no device"))
                        .hint("the form is `source[:target[:permissions]]`"),
                );
                return node;
            }
        };
        let text = |text: &str| said(Value::String(text.to_owned()), node.span);
        let map = Map::from_iter([
            ("source".to_owned(), text(source)),
            ("target".to_owned(), text(target)),
            ("permissions".to_owned(), text(permissions)),
        ]);
        Node::new(Value::Map(map), node.span)
    })
}

fn ports(mut node: Node, diagnostics: &mut Vec<Diagnostic>) -> Node {
    let Value::List(list) = &mut node.value else {
        return node;
    };
    let mut long = Vec::with_capacity(list.len());
    for mut entry in std::mem::take(list) {
        if let Value::Map(map) = &mut entry.value {
            map.entry("mode".to_owned())
                .or_insert_with(|| added(Value::String("ingress".to_owned())));
            map.entry("protocol".to_owned())
                .or_insert_with(|| added(Value::String("tcp".to_owned())));
            change(map, "published", |node| match node.value {
                Value::Int(port) => Node::new(Value::String(port.to_string()), node.span),
                value => Node::new(value, node.span),
            });
            long.push(entry);
            continue;
        }
        let Some(text) = forms::text_of(&entry.value) else {
            continue;
        };
        if matches!(entry.value, Value::Float(_)) {
            diagnostics.push(Diagnostic::error(entry.span, format!("`{text}` is no port")).hint("put it in quotes"));
            continue;
        }
        match port::parse(&text) {
            Ok(_) if long.len() > MOST_PORTS => {
                let message = format!("a service cannot have more than {MOST_PORTS} ports");
                diagnostics.push(Diagnostic::error(entry.span, message).hint("publish fewer ranges"));
                break;
            }
            Ok(ports) => long.extend(ports.into_iter().map(|port| port.into_node(entry.span))),
            Err((message, hint)) => {
                diagnostics.push(Diagnostic::error(entry.span, message).hint(hint));
                long.push(entry);
            }
        }
    }
    node.value = Value::List(long);
    node
}

fn mounts(mut node: Node, diagnostics: &mut Vec<Diagnostic>) -> Node {
    let Value::List(list) = &mut node.value else {
        return node;
    };
    let mut long = Vec::with_capacity(list.len());
    for mut entry in std::mem::take(list) {
        if let Some(text) = entry.as_str() {
            match mount::parse(text, entry.span) {
                Ok(mount) => long.push(mount),
                Err(message) => {
                    diagnostics.push(
                        Diagnostic::error(entry.span, format!("`{text}` is no volume: {message}"))
                            .hint("the form is `[source:]target[:options]`"),
                    );
                    long.push(entry);
                }
            }
            continue;
        }
        if let Value::Map(map) = &mut entry.value {
            change_in(map, "bind", |bind| {
                bind.entry("create_host_path".to_owned())
                    .or_insert_with(|| added(Value::Bool(true)));
            });
            change_in(map, "volume", |volume| {
                change(volume, "labels", |node| mapping(node, Absent::Empty));
            });
        }
        long.push(entry);
    }
    node.value = Value::List(long);
    node
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

/// Gives references to secrets their targets; those of builds have none.
pub(super) fn default_targets(service: &mut Node) {
    let Value::Map(map) = &mut service.value else { return };
    change(map, "secrets", |node| {
        each_entry(node, |mut node| {
            let source = node.get("source").and_then(Node::as_str).map(str::to_owned);
            if let (Value::Map(map), Some(source)) = (&mut node.value, source) {
                map.entry("target".to_owned())
                    .or_insert_with(|| added(Value::String(format!("/run/secrets/{source}"))));
            }
            node
        })
    });
}
