//! The laboratory itself: what the other tests take for granted.

use std::time::Duration;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{Capability, Parameter, Stack};

use crate::support::deadline;
use crate::support::engine::Engine;
use crate::support::lab::Lab;

const TEMPLATE: &str = include_str!("laboratory.template.yaml");

#[test]
fn accounts_do_not_see_each_other() {
    let (Some(one), Some(other)) = (Lab::shared(), Lab::shared()) else {
        return;
    };
    deploy(&one, &[]);
    assert_eq!(one.stacks(), ["laboratory"]);
    assert!(other.stacks().is_empty());
}

#[test]
fn tasks_are_containers_that_find_each_other() {
    let Some(lab) = Lab::with_containers() else { return };
    let stack = deploy(&lab, &[]);
    assert_eq!(
        status(&stack),
        "CREATE_COMPLETE",
        "{:?}\n{}",
        stack.stack_status_reason,
        lab.log()
    );
    let address = stack.outputs()[0].output_value().unwrap();

    let page = lab.fetch(address, "/").unwrap();
    assert_eq!((page.status, page.body.as_str()), (200, "hello from 1; visits: 1\n"));
    let said = log_events(&lab);
    assert!(said.iter().any(|line| line == "password has 17 characters"), "{said:?}");

    let client = Client::new(&lab.aws());
    deadline::block_on(client.delete_stack().stack_name("laboratory").send()).unwrap();
    let gone = deadline::within(Duration::from_secs(30), || lab.stacks().is_empty().then_some(()));
    gone.unwrap_or_else(|| panic!("the stack is still there\n{}", lab.log()));
    assert_eq!(lab.containers(), Vec::<String>::new());
}

#[test]
fn a_laboratory_that_ends_takes_its_containers_with_it() {
    let (Some(engine), Some(lab)) = (Engine::reach(), Lab::with_containers()) else {
        return;
    };
    let network = format!("ctx-lab-{}", lab.url().rsplit(':').next().unwrap());
    assert_eq!(status(&deploy(&lab, &[])), "CREATE_COMPLETE", "{}", lab.log());
    let containers = lab.containers();
    assert!(containers.len() > 3, "{containers:?}");
    assert!(engine.try_docker(&["network", "inspect", &network]).is_ok());

    drop(lab);
    let left = engine.docker(&["ps", "-a", "--format", "{{.Names}}"]);
    assert!(containers.iter().all(|name| !left.contains(name)), "{left}");
    assert!(engine.try_docker(&["network", "inspect", &network]).is_err());
}

#[test]
fn a_service_whose_tasks_fail_fails_its_stack() {
    let Some(lab) = Lab::with_containers() else { return };
    let stack = deploy(&lab, &[("RedisCommand", "no-such-program")]);
    assert_eq!(status(&stack), "ROLLBACK_COMPLETE", "{}", lab.log());
    let client = Client::new(&lab.aws());
    let events = deadline::block_on(client.describe_stack_events().stack_name("laboratory").send()).unwrap();
    let reason = events
        .stack_events()
        .iter()
        .filter_map(|event| event.resource_status_reason());
    assert!(
        reason.clone().any(|reason| reason.contains("Circuit Breaker")),
        "{:?}",
        reason.collect::<Vec<_>>()
    );
}

fn deploy(lab: &Lab, parameters: &[(&str, &str)]) -> Stack {
    let client = Client::new(&lab.aws());
    let given = [
        ("VpcId", "vpc-00000001"),
        ("Subnet1", "subnet-00000001"),
        ("Subnet2", "subnet-00000002"),
    ];
    let image = [("WebImage", "ctx-test/web:1")];
    let parameters = given.iter().chain(&image).chain(parameters);
    let parameters =
        parameters.map(|(key, value)| Parameter::builder().parameter_key(*key).parameter_value(*value).build());
    let create = client.create_stack().stack_name("laboratory").template_body(TEMPLATE);
    let create = create
        .set_parameters(Some(parameters.collect()))
        .capabilities(Capability::CapabilityIam);
    deadline::block_on(create.send()).unwrap();
    let finished = deadline::within(Duration::from_mins(1), || {
        let stacks = deadline::block_on(client.describe_stacks().stack_name("laboratory").send()).unwrap();
        let stack = stacks.stacks.unwrap_or_default().remove(0);
        (!status(&stack).ends_with("IN_PROGRESS")).then_some(stack)
    });
    finished.unwrap_or_else(|| panic!("the stack does not end\n{}", lab.log()))
}

fn status(stack: &Stack) -> String {
    stack
        .stack_status()
        .map(|status| status.as_str().to_owned())
        .unwrap_or_default()
}

fn log_events(lab: &Lab) -> Vec<String> {
    let client = aws_sdk_cloudwatchlogs::Client::new(&lab.aws());
    let events = client
        .filter_log_events()
        .log_group_name("/laboratory")
        .log_stream_name_prefix("laboratory/first");
    let events = deadline::block_on(events.send()).unwrap().events.unwrap_or_default();
    events.into_iter().filter_map(|event| event.message).collect()
}
