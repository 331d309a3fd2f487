//! Projects that are too large for one stack.

use std::collections::BTreeMap;

use crate::support::lint;
use crate::support::sandbox::Sandbox;

/// A project of so many services that publish ports and wait for each other.
fn services(count: usize) -> String {
    let service = |n: usize| {
        let waits = n
            .checked_sub(1)
            .map_or(String::new(), |other| format!("depends_on: [s{other}], "));
        format!("  s{n}: {{image: nginx, {waits}expose: [80], environment: {{N: '{n}'}}}}\n")
    };
    "services:\n".to_owned() + &(0..count).map(service).collect::<String>()
}

/// The templates that `convert -o` writes, by their names.
fn written(file: &str) -> BTreeMap<String, String> {
    let sandbox = Sandbox::new();
    sandbox.write("compose.yaml", file);
    sandbox.ok(&["--project-name", "shop", "convert", "-o", "out/"]);
    read(&sandbox)
}

fn read(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let entries = sandbox.project().join("out").read_dir().unwrap();
    let file = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    entries.map(file).collect()
}

#[test]
fn each_service_has_a_stack_that_others_do_not_change() {
    let few = written(&(services(3) + "x-aws-nested_stacks: true\n"));
    let names: Vec<_> = few.keys().map(|name| name.split('.').next().unwrap()).collect();
    assert_eq!(names, ["s0", "s1", "s2", "template"]);
    let more = written(&(services(4) + "x-aws-nested_stacks: true\n"));
    for (name, text) in few.iter().filter(|(name, _)| *name != "template.yaml") {
        assert_eq!(more.get(name), Some(text), "{name}");
    }
}

/// What stays in one stack has one file, and what the limits allow stays.
#[test]
fn a_project_is_split_only_when_it_must_be() {
    let whole = written(&services(60));
    assert!(whole["template.yaml"].len() > 51_200);
    assert_eq!(whole.len(), 1);
    let split = written(&services(170));
    assert_eq!(split.len(), 171);
}

#[test]
fn what_is_split_is_clean() {
    let sandbox = Sandbox::new();
    let fixture = crate::fixtures::file("x-aws-nested_stacks", "yaml");
    sandbox.write("compose.yaml", std::fs::read(fixture).unwrap());
    let mut sandbox = sandbox;
    sandbox.set("SITE_KEY", "the value of a variable");
    let run = sandbox.ok(&["--project-name", "shop", "convert", "-o", "out"]);
    assert_eq!(run.stderr, "");
    let files: Vec<_> = read(&sandbox)
        .keys()
        .map(|name| sandbox.project().join("out").join(name))
        .collect();
    assert_eq!(files.len(), 3);
    lint::assert_clean(&files);
}

#[test]
fn one_stack_can_be_insisted_on() {
    let sandbox = Sandbox::new();
    sandbox.write("compose.yaml", services(170) + "x-aws-nested_stacks: false\n");
    let run = sandbox.fails(&["convert"]);
    assert!(
        run.stderr.starts_with("error: the template would have 5") && run.stderr.contains("x-aws-nested_stacks: false"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_no_split_makes_small_enough_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("compose.yaml", services(250));
    let run = sandbox.fails(&["convert"]);
    assert!(
        run.stderr
            .contains("the root of the nested stacks would have 255 parameters, and 200 is the most"),
        "{}",
        run.stderr
    );
}

/// Only what services can share stands in the root: the listener of a load balancer for applications, to which any of
/// them may add a rule.
#[test]
fn what_belongs_to_a_service_is_in_its_stack() {
    let file = "
services:
  web:
    image: nginx
    ports: [{target: 80, published: '80', x-aws-path: /}]
    deploy: {x-aws-autoscaling: {max: 3, requests: 100}}
  api:
    image: nginx
    ports: [{target: 80, published: '80', x-aws-path: /api}]
  db:
    image: redis
    ports: ['6379:6379']
    deploy: {x-aws-autoscaling: {max: 3, cpu: 50}}
x-aws-nested_stacks: true
";
    let written = written(file);
    let placed = |kind: &str| {
        let has = |text: &&str| text.contains(&format!("Type: AWS::{kind}\n"));
        let of =
            |(name, text): (&String, &String)| has(&text.as_str()).then(|| name.split('.').next().unwrap().to_owned());
        written.iter().filter_map(of).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(placed("ElasticLoadBalancingV2::ListenerRule"), "api web");
    assert_eq!(placed("ElasticLoadBalancingV2::TargetGroup"), "api db web");
    assert_eq!(placed("ElasticLoadBalancingV2::Listener"), "db template");
    assert_eq!(placed("ApplicationAutoScaling::ScalingPolicy"), "db web");
}
