//! Short forms → long ones, and the defaults that the specification gives.

mod values;

use super::forms::{self, added, said};
use super::{Map, Node, Value, mount, port};
use crate::diagnostic::Diagnostic;

/// As many as there are: lists of ranges can otherwise stand for millions.
const MOST_PORTS: usize = 1 << 16;

/// Brings a whole document into its long form.
///
/// Where variables were not filled in (`raw`), a short form may not be readable yet, and values stay as they are.
pub(super) fn expand(document: &mut Node, raw: bool, diagnostics: &mut Vec<Diagnostic>) {
    each(document, "services", |name, service| {
        expand_service(name, service, raw, diagnostics);
    });
    for kind in ["networks", "volumes", "secrets", "configs"] {
        each(document, kind, |name, resource| {
            let Value::Map(map) = &mut resource.value else { return };
            external(name, map, diagnostics);
            if !raw {
                values::of_resource(map);
            }
        });
    }
}

/// Brings one service into its long form.
pub(super) fn expand_service(name: &str, service: &mut Node, raw: bool, diagnostics: &mut Vec<Diagnostic>) {
    let mut hidden = Vec::new();
    let diagnostics = if raw { &mut hidden } else { diagnostics };
    let Value::Map(map) = &mut service.value else { return };
    for name in ["dns", "label_file"] {
        change(map, name, forms::listed);
    }
    change(map, "build", |node| build(forms::build(node), diagnostics));
    change(map, "extends", |node| forms::keyed(node, "service"));
    change(map, "depends_on", forms::dependencies);
    change(map, "networks", forms::names);
    change(map, "models", forms::names);
    change(map, "gpus", |node| each_entry(forms::gpus(node), device_request));
    for name in ["secrets", "configs"] {
        change(map, name, |node| each_entry(node, |node| forms::keyed(node, "source")));
    }
    change(map, "env_file", |node| {
        each_entry(forms::listed(node), |node| {
            let mut file = forms::keyed(node, "path");
            if let Value::Map(map) = &mut file.value {
                map.entry("required".to_owned())
                    .or_insert_with(|| added(Value::Bool(true)));
            }
            file
        })
    });
    change(map, "devices", |node| devices(node, diagnostics));
    change(map, "ports", |node| ports(node, raw, diagnostics));
    change(map, "volumes", |node| mounts(node, diagnostics));
    change_in(map, "develop", |develop| {
        change(develop, "watch", |node| {
            each_entry(node, |mut rule| {
                if let Value::Map(map) = &mut rule.value {
                    change(map, "ignore", forms::listed);
                    change(map, "include", forms::listed);
                }
                rule
            })
        });
    });
    change_in(map, "deploy", |deploy| {
        change_in(deploy, "resources", |resources| {
            change_in(resources, "reservations", |reservations| {
                change(reservations, "devices", |node| each_entry(node, device_request));
            });
        });
    });
    if !raw {
        values::of_service(name, map, diagnostics);
    }
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
        for name in ["ssh", "additional_contexts"] {
            change(map, name, forms::mapping);
        }
        change(map, "secrets", |node| {
            each_entry(node, |node| forms::keyed(node, "source"))
        });
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

fn device_request(mut node: Node) -> Node {
    if let Value::Map(map) = &mut node.value
        && !map.contains_key("count")
        && !map.contains_key("device_ids")
    {
        map.insert("count".to_owned(), added(Value::String("all".to_owned())));
    }
    node
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

/// Where one port of a list cannot be read for its variables (`raw`), the list stays as it is.
fn ports(mut node: Node, raw: bool, diagnostics: &mut Vec<Diagnostic>) -> Node {
    let Value::List(list) = &mut node.value else {
        return node;
    };
    let is_unreadable = |port: &Node| port.as_str().is_some_and(|text| port::parse(text).is_err());
    let unreadable = raw && list.iter().any(is_unreadable);
    let mut long = Vec::with_capacity(list.len());
    for mut entry in std::mem::take(list) {
        if let Value::Map(map) = &mut entry.value {
            map.entry("mode".to_owned())
                .or_insert_with(|| added(Value::String("ingress".to_owned())));
            map.entry("protocol".to_owned())
                .or_insert_with(|| added(Value::String("tcp".to_owned())));
            long.push(entry);
            continue;
        }
        if unreadable {
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
    for entry in std::mem::take(list) {
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
        long.push(entry);
    }
    node.value = Value::List(long);
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
