//! Base ⊕ override: how a later document changes what earlier ones said.
//!
//! Mappings merge, lists append and scalars replace, except for the attributes that [`rule`] names. A value that an
//! override changed points into the override.

#[cfg(test)]
mod properties;

use super::forms;
use super::functions;
use super::{Map, Node, Value};

/// How two values of an attribute become one.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Rule {
    /// Mappings merge, lists append, scalars replace; null keeps the base.
    Plain,
    /// The override, also when it is null.
    Replace,
    /// `KEY=value` lists and mappings, by key.
    Pairs,
    /// A string is a list of one.
    Strings,
    /// A string is the `context`.
    Build,
    /// A list of names is a mapping of names to defaults.
    Dependencies,
    /// A list of names is a mapping of names to null.
    Names,
    /// `all` of the base is a list of one.
    Gpus,
    /// Appended, without those that the base has already.
    Hosts,
    /// Merged for one driver, replaced for another.
    Logging,
    /// The override, unless it is null.
    Whole,
    /// Those of the override, each merged with the one of the same subnet.
    Pools,
    /// Part of a template: functions are values, null is kept to take away what the template has, and of lists only
    /// those of mappings append, because their items may have an identity.
    Template,
}

/// The rule of the attribute at a path.
fn rule(path: &[String]) -> Rule {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    match names[..] {
        ["services", _, ref inner @ ..] => service_rule(inner),
        ["networks", _, "ipam", "config"] => Rule::Pools,
        ["networks" | "volumes" | "secrets" | "configs", _, "labels"] => Rule::Pairs,
        ["x-aws-cloudformation", _, ..] => Rule::Template,
        _ => Rule::Plain,
    }
}

fn service_rule(path: &[&str]) -> Rule {
    match path {
        ["command" | "entrypoint"] | ["healthcheck", "test"] => Rule::Replace,
        ["environment" | "labels" | "annotations" | "sysctls"]
        | ["build", "args" | "labels" | "additional_contexts" | "ssh"]
        | ["deploy", "labels"] => Rule::Pairs,
        ["dns" | "dns_opt" | "dns_search" | "tmpfs" | "env_file" | "label_file"] => Rule::Strings,
        ["build"] => Rule::Build,
        ["depends_on"] => Rule::Dependencies,
        ["networks" | "models"] => Rule::Names,
        ["gpus"] => Rule::Gpus,
        ["extra_hosts"] | ["build", "extra_hosts"] => Rule::Hosts,
        ["logging"] => Rule::Logging,
        ["ulimits", _] | ["build", "ulimits", _] => Rule::Whole,
        _ => Rule::Plain,
    }
}

/// Merges a document into what came before it.
pub(super) fn merge_document(base: &mut Node, over: Node) {
    merge(base, over, &mut Vec::new());
}

/// Merges a service into the one that it extends.
pub(super) fn merge_service(base: &mut Node, over: Node) {
    merge(base, over, &mut vec!["services".to_owned(), String::new()]);
}

fn merge(base: &mut Node, over: Node, path: &mut Vec<String>) {
    let rule = rule(path);
    if rule == Rule::Replace || base.value == Value::Null {
        *base = over;
        return;
    }
    if over.value == Value::Null && rule != Rule::Template {
        return;
    }
    match rule {
        Rule::Plain | Rule::Replace => plain(base, over, path),
        Rule::Whole => *base = over,
        Rule::Pairs => {
            let over = pairs(over);
            take(base, pairs);
            match (&mut base.value, over.value) {
                (Value::Map(map), Value::Map(other)) => map.extend(other),
                (_, value) => *base = Node::new(value, over.span),
            }
        }
        Rule::Strings => both(base, over, path, forms::listed),
        Rule::Build => both(base, over, path, forms::build),
        Rule::Dependencies => both(base, over, path, forms::dependencies),
        Rule::Names => both(base, over, path, forms::names),
        Rule::Gpus => {
            take(base, forms::gpus);
            plain(base, over, path);
        }
        Rule::Hosts => hosts(base, over),
        Rule::Logging => {
            let driver = |node: &Node| node.get("driver").map(|driver| driver.value.clone());
            let (of_base, of_over) = (driver(base), driver(&over));
            if of_base.is_none() || of_over.is_none() || of_base == of_over {
                plain(base, over, path);
            } else {
                *base = over;
            }
        }
        Rule::Pools => pools(base, over, path),
        Rule::Template => {
            let items = |node: &Node| {
                let items = node.as_list();
                items.is_none_or(|items| {
                    items
                        .iter()
                        .all(|item| item.as_map().is_some() && !functions::is_function(item))
                })
            };
            if functions::is_function(base) || functions::is_function(&over) || !items(base) || !items(&over) {
                *base = over;
            } else {
                plain(base, over, path);
            }
        }
    }
}

/// Merges after bringing both to one form.
fn both(base: &mut Node, over: Node, path: &mut Vec<String>, form: fn(Node) -> Node) {
    take(base, form);
    plain(base, form(over), path);
}

fn take(node: &mut Node, change: impl FnOnce(Node) -> Node) {
    let span = node.span;
    *node = change(std::mem::replace(node, Node::new(Value::Null, span)));
}

fn plain(base: &mut Node, over: Node, path: &mut Vec<String>) {
    match (&mut base.value, over.value) {
        (Value::Map(map), Value::Map(other)) => merge_maps(map, other, path),
        (Value::List(list), Value::List(other)) => list.extend(other),
        (_, value) => *base = Node::new(value, over.span),
    }
}

fn merge_maps(base: &mut Map, over: Map, path: &mut Vec<String>) {
    for (name, entry) in over {
        match base.get_mut(&name) {
            Some(existing) => {
                path.push(name);
                if entry.node.value != Value::Null {
                    existing.key = entry.key;
                }
                merge(&mut existing.node, entry.node, path);
                path.pop();
            }
            None => {
                base.insert(name, entry);
            }
        }
    }
}

/// A list of `KEY=value` as a mapping; other lists are left for validation to report.
fn pairs(node: Node) -> Node {
    match node.as_list() {
        Some(list) if !list.iter().all(forms::is_pair) => node,
        _ => forms::mapping(node),
    }
}

fn hosts(base: &mut Node, over: Node) {
    take(base, forms::host_list);
    let over = forms::host_list(over);
    match (&mut base.value, over.value) {
        (Value::List(list), Value::List(other)) => {
            for entry in other {
                if !list.iter().any(|existing| existing.value == entry.value) {
                    list.push(entry);
                }
            }
        }
        (_, value) => *base = Node::new(value, over.span),
    }
}

fn pools(base: &mut Node, over: Node, path: &mut Vec<String>) {
    let subnet = |node: &Node| node.get("subnet").map(|subnet| subnet.value.clone());
    match (&mut base.value, over.value) {
        (Value::List(list), Value::List(other)) => {
            // Pools of the base that the override does not name are gone, as they are for Docker Compose.
            let mut known = std::mem::take(list);
            for pool in other {
                let wanted = subnet(&pool);
                let at = known
                    .iter()
                    .position(|known| wanted.is_some() && subnet(known) == wanted);
                match at.map(|at| known.swap_remove(at)) {
                    Some(mut known) => {
                        plain(&mut known, pool, path);
                        list.push(known);
                    }
                    None => list.push(pool),
                }
            }
        }
        (_, value) => *base = Node::new(value, over.span),
    }
}

/// Takes away what a document's `!reset` and `!override` name from what came before it.
pub(super) fn cut(base: &mut Node, path: &[String]) {
    let Value::Map(map) = &mut base.value else { return };
    match path {
        [] => {}
        [last] => {
            map.shift_remove(last);
        }
        [first, rest @ ..] => {
            if let Some(entry) = map.get_mut(first) {
                cut(&mut entry.node, rest);
            }
        }
    }
}
