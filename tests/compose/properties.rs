//! What `config` prints loads to itself, for projects that nobody thought of.

use std::path::Path;

use ctx::compose::{LoadOptions, Project, canonical, load};
use proptest::prelude::*;
use proptest::sample::select;

/// Attributes, and values that are legal beside all others. (The limits of devices are not among them: in JSON, Docker
/// Compose gives these attributes the names that Go has for them.)
const ATTRIBUTES: &[(&str, &[&str])] = &[
    ("command", &["[a, 'b c']", "\"x 'y z' $$HOME\"", "[]", "null"]),
    (
        "environment",
        &[
            "{A: 1.10, B: , C: 'yes', D: \"a\\nb \\n\", E: '$$x'}",
            "['A=, #', 'B= - x', C, \"D=\\t\"]",
        ],
    ),
    ("labels", &["{a10: 1, a9: ' ', A: ~, 'x: y': '\"'}", "[a=é, b]"]),
    (
        "ports",
        &[
            "['80:80', '127.0.0.1:90-91:90-91/udp', 1]",
            "[{target: 80, published: 80-85, mode: host}]",
        ],
    ),
    (
        "volumes",
        &[
            "['v:/a:ro', './b:/b:z', /c]",
            "[{type: tmpfs, target: /d, tmpfs: {size: 1.5g, mode: 0755}}]",
        ],
    ),
    (
        "build",
        &[
            "./a",
            "{dockerfile_inline: \"FROM x\\nRUN y\\n\", args: [A=1, B], ulimits: {n: 1}, tags: [t]}",
        ],
    ),
    (
        "deploy",
        &[
            "{replicas: 0, resources: {reservations: {cpus: '0.10', memory: 1k}}, placement: {preferences: [{spread: z}]}}",
        ],
    ),
    (
        "healthcheck",
        &["{test: a b, interval: 1m30s, retries: 3}", "{disable: true}"],
    ),
    (
        "depends_on",
        &["[other]", "{other: {condition: service_healthy, restart: true}}"],
    ),
    (
        "networks",
        &["[n]", "{n: {aliases: [a], priority: 1, ipv4_address: 10.0.0.2}, m: }"],
    ),
    ("extra_hosts", &["['a:1.1.1.1', 'b=::1']", "{a: [1.1.1.1, 2.2.2.2]}"]),
    ("ulimits", &["{n: 5, m: {soft: 1, hard: 2}}"]),
    ("secrets", &["[s, {source: e, target: /x, mode: 0440}]"]),
    ("configs", &["[c]"]),
    ("devices", &["[/dev/a, '/dev/b:/dev/c:r']"]),
    ("gpus", &["all", "[{count: 1, capabilities: [gpu]}]"]),
    (
        "develop",
        &["{watch: [{path: w, action: sync, target: /w, ignore: [a]}]}"],
    ),
    ("post_start", &["[{command: a b, user: root, environment: [A=1]}]"]),
    ("blkio_config", &["{weight: 5}"]),
    ("credential_spec", &["{file: f.json}"]),
    ("logging", &["{driver: j, options: {max-size: 1, b: '2'}}"]),
    ("stop_grace_period", &["1d2h", "0.5s"]),
    ("cpus", &["0.5", "1000000", "33.333333"]),
    ("mem_limit", &["1.5g", "100"]),
    ("tmpfs", &["/t:size=1m", "[/t, /u]"]),
    (
        "x-own",
        &["{b: [1.0, 1e6, ~, true, {}], a: \"x\\n\"}", "[[], [[1]], 'no']"],
    ),
];

const RESOURCES: &str = "  other: {image: other}\n\
     networks: {n: {ipam: {config: [{subnet: 10.0.0.0/8}], driver: d}}, m: {external: true}}\n\
     volumes: {v: {driver_opts: {a: 1}}}\n\
     secrets: {s: {file: ./s}, e: {environment: E}}\n\
     configs: {c: {content: \"a\\n  b $$c\\n\"}}\n";

fn project() -> impl Strategy<Value = String> {
    let attribute = |(name, values): &(&'static str, &'static [&'static str])| {
        let name = *name;
        let said = select(*values).prop_map(move |value| format!("    {name}: {value}\n"));
        prop_oneof![Just(String::new()), said]
    };
    let attributes: Vec<_> = ATTRIBUTES.iter().map(attribute).collect();
    attributes.prop_map(|said| format!("services:\n  web:\n    image: web\n{}{RESOURCES}", said.concat()))
}

fn loaded(text: &str, folder: &Path) -> Project {
    std::fs::write(folder.join("compose.yaml"), text).unwrap();
    let options = LoadOptions {
        current_dir: folder.to_owned(),
        ..LoadOptions::default()
    };
    let loaded = load(&options).unwrap_or_else(|report| panic!("{:?}\n{text}", report.diagnostics));
    loaded.project
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]
    #[test]
    fn what_config_prints_loads_to_itself(text in project()) {
        let folder = tempfile::tempdir().unwrap();
        let first = loaded(&text, folder.path());
        let (yaml, json) = (canonical::project_yaml(&first), canonical::project_json(&first));
        let of_yaml = loaded(&yaml, folder.path());
        prop_assert_eq!(&canonical::project_yaml(&of_yaml), &yaml);
        prop_assert_eq!(&canonical::project_json(&of_yaml), &json);
        prop_assert_eq!(&canonical::project_json(&loaded(&json, folder.path())), &json);
    }
}
