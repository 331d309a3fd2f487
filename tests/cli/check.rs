//! `ctx check` and `--strict`: what becomes of each attribute, before anything is done.

use serde_json::Value;

use crate::sandbox;
use crate::support::sandbox::Sandbox;

const FILE: &str = "\
services:
  web:
    image: nginx
    stdin_open: true
    privileged: true
    healthcheck: {test: [CMD, 'true'], interval: 1s}
    deploy: {placement: {preferences: [{spread: zone}]}}
    volumes: [data:/data]
  other: {image: nginx, privileged: true, profiles: [never]}
volumes:
  data:
";

fn project(file: &str) -> Sandbox {
    let sandbox = sandbox();
    sandbox.write("compose.yaml", file);
    sandbox
}

#[test]
fn every_attribute_is_listed_the_worst_first() {
    let run = project(FILE).fails(&["check", "--target", "ecs"]);
    assert_eq!(run.code, 1);
    let expected = "\
refused: 1
  compose.yaml:5:17: services.web.privileged
    `privileged` is not possible on ECS: Fargate runs no privileged containers
    instead: remove it, or run the service on instances of its own with `x-aws-capacity: ec2`

ignored: 2
  compose.yaml:4:5: services.web.stdin_open
    nobody types into a task
  compose.yaml:7:26: services.web.deploy.placement.preferences
    tasks are spread over the availability zones as it is

differs: 1
  compose.yaml:6:50: services.web.healthcheck.interval
    `healthcheck.interval` becomes 5s on ECS, which takes 5s to 300s

translated: 4
  services.web: image, healthcheck, volumes
  volumes

the project does not work on ECS before what is refused is changed
";
    assert_eq!(run.stdout, expected);
}

#[test]
fn the_same_for_programs() {
    let run = project(FILE).fails(&["check", "--target", "ecs", "--format", "json"]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["target"], "ecs");
    assert_eq!(document["counts"]["refused"], 1);
    let refused = &document["attributes"][0];
    assert_eq!(refused["path"], "services.web.privileged");
    assert_eq!(refused["line"], 5);
    assert_eq!(refused["verdict"], "refused");
    let attributes = document["attributes"].as_array().unwrap().iter();
    let paths: Vec<_> = attributes
        .map(|attribute| attribute["path"].as_str().unwrap())
        .collect();
    assert!(paths.contains(&"services.web.healthcheck.test"), "{paths:?}");
}

#[test]
fn the_context_chooses_the_target() {
    let sandbox = project(FILE);
    let engine = sandbox.ok(&["check"]);
    assert!(engine.stdout.contains("works on an engine"), "{}", engine.stdout);
    sandbox.ok(&["create", "ecs", "cloud", "--from-env"]);
    let ecs = sandbox.fails(&["-c", "cloud", "check"]);
    assert!(ecs.stdout.contains("does not work on ECS"), "{}", ecs.stdout);
}

#[test]
fn strict_refuses_what_is_ignored() {
    let sandbox = project("services: {web: {image: nginx, stdin_open: true}}");
    sandbox.ok(&["check", "--target", "ecs"]);
    assert_eq!(sandbox.fails(&["check", "--target", "ecs", "--strict"]).code, 1);
    assert!(sandbox.ok(&["convert"]).stderr.starts_with("warning: `stdin_open`"));
    let run = sandbox.fails(&["convert", "--strict"]);
    assert!(
        run.stderr.starts_with("error: `stdin_open` has no effect on ECS"),
        "{}",
        run.stderr
    );
    assert_eq!(run.stdout, "");
}

#[test]
fn a_project_that_works_says_so() {
    let sandbox = project("version: '3'\nservices: {web: {image: nginx}}");
    let run = sandbox.ok(&["check", "--target", "ecs", "--strict"]);
    assert!(
        run.stdout.ends_with("\nthe project works on ECS as it is\n"),
        "{}",
        run.stdout
    );
}
