//! Merging is associative: what three files say does not depend on which two of them meet first.
//!
//! Three things are not. `logging` and the address pools of networks, because the reference looks at one side of a
//! pair only: see [`logging_and_address_pools_are_not_associative`]. And a mapping that becomes a scalar in between,
//! which only extensions can: a scalar replaces what it meets, and nothing is left for the third to merge with.

use proptest::prelude::*;
use proptest::sample::select;

use super::merge_document;
use crate::compose::{Node, canonical, long, unique, yaml};
use crate::diagnostic::Sources;

/// Attributes, and what documents say about them.
const ATTRIBUTES: &[(&str, &[&str])] = &[
    ("image", &["x", "y", "null"]),
    ("command", &["[a]", "b c", "[]", "null"]),
    ("entrypoint", &["a b", "[c]"]),
    ("environment", &["{A: 1, B: }", "[B=2, C]", "[A=3]", "null"]),
    ("labels", &["{a: 1}", "[a=2, b]", "null"]),
    ("sysctls", &["{a: 1}", "[a=2]"]),
    (
        "depends_on",
        &[
            "[b]",
            "[c, b]",
            "{b: {condition: service_healthy}}",
            "{c: {condition: service_started, restart: true}}",
        ],
    ),
    (
        "networks",
        &[
            "[n]",
            "{n: {aliases: [a]}}",
            "{n: {aliases: [b, a]}, m: }",
            "{m: {priority: 1}}",
        ],
    ),
    (
        "ports",
        &[
            "['80:80']",
            "['81:81', '80:80/udp']",
            "[{target: 80, published: '80', mode: host}]",
        ],
    ),
    (
        "volumes",
        &[
            "['v:/a']",
            "['w:/a', './b:/b']",
            "[{type: bind, source: ./c, target: /b}]",
        ],
    ),
    ("devices", &["['/a:/b']", "['/c:/b', /d]"]),
    ("dns", &["1.1.1.1", "[2.2.2.2, 1.1.1.1]"]),
    ("tmpfs", &["/a", "['/b:size=1', /a]", "['/b:size=2']"]),
    ("env_file", &["a.env", "[b.env, a.env]"]),
    (
        "build",
        &[
            "./a",
            "{dockerfile: D, args: [A=1]}",
            "{context: ./b, args: {A: 2, B: }, tags: [t]}",
            "null",
        ],
    ),
    (
        "healthcheck",
        &["{test: a, interval: 1s}", "{test: [CMD, b]}", "{retries: 2}", "null"],
    ),
    (
        "deploy",
        &[
            "{replicas: 1, labels: [a=1]}",
            "{labels: {a: 2}, resources: {limits: {cpus: '1'}}}",
        ],
    ),
    ("extra_hosts", &["['a:1.1.1.1']", "{a: 2.2.2.2, b: 1.1.1.1}"]),
    ("ulimits", &["{n: 1}", "{n: {soft: 1, hard: 2}}", "{m: 3}"]),
    ("cap_add", &["[A]", "[B, A]"]),
    ("secrets", &["[s]", "[{source: s, uid: '1'}, t]"]),
    ("x-own", &["{a: [1], b: 1}", "{a: [2]}", "{b: 2}"]),
];

fn service() -> impl Strategy<Value = String> {
    let attribute = |(name, values): &(&'static str, &'static [&'static str])| {
        let name = *name;
        let said = select(*values).prop_map(move |value| format!("{name}: {value}"));
        prop_oneof![3 => Just(String::new()), 2 => said]
    };
    let attributes: Vec<_> = ATTRIBUTES.iter().map(attribute).collect();
    attributes.prop_map(|said| {
        let said: Vec<_> = said.into_iter().filter(|attribute| !attribute.is_empty()).collect();
        format!("services: {{web: {{{}}}}}", said.join(", "))
    })
}

fn read(text: &str) -> Node {
    let mut diagnostics = Vec::new();
    let file = Sources::default().add("compose.yaml", text);
    let mut documents = yaml::parse(text, file, &mut diagnostics);
    assert_eq!(diagnostics, [], "{text}");
    documents.remove(0).root
}

/// One document over another.
fn merged(mut base: Node, over: Node) -> Node {
    merge_document(&mut base, over);
    unique::unique(&mut base);
    base
}

/// What is left of a document in its long form.
fn shown(mut document: Node) -> String {
    long::expand(&mut document, false, &mut Vec::new());
    unique::unique(&mut document);
    canonical::tree_json(&document)
}

fn both_ways(one: &str, two: &str, three: &str) -> (String, String) {
    let left = merged(merged(read(one), read(two)), read(three));
    let right = merged(read(one), merged(read(two), read(three)));
    (shown(left), shown(right))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]
    #[test]
    fn merging_is_associative(one in service(), two in service(), three in service()) {
        let (left, right) = both_ways(&one, &two, &three);
        prop_assert_eq!(left, right, "{}\n{}\n{}", one, two, three);
    }
}

#[test]
fn logging_and_address_pools_are_not_associative() {
    let logging = |said: &str| format!("services: {{web: {{logging: {said}}}}}");
    // Options of a file without a driver belong to the driver that they meet first.
    let (left, right) = both_ways(
        &logging("{driver: one}"),
        &logging("{options: {a: 1}}"),
        &logging("{driver: two}"),
    );
    assert!(!left.contains("options") && right.contains("options"), "{left}{right}");
    // Pools that an override does not name are gone, and then nothing is left to merge with.
    let pool = |said: &str| format!("networks: {{front: {{ipam: {{config: [{said}]}}}}}}");
    let (left, right) = both_ways(
        &pool("{subnet: 10.0.0.0/8, gateway: 10.0.0.1}"),
        &pool("{subnet: 11.0.0.0/8}"),
        &pool("{subnet: 10.0.0.0/8}"),
    );
    assert!(!left.contains("gateway"), "{left}");
    assert!(!right.contains("11.0.0.0/8") || right.contains("gateway"), "{right}");
}
