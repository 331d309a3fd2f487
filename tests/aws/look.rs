//! `ctx projects`, `images`, `port` and `top`: what there is in an account.

use aws_sdk_cloudwatchlogs::types::InputLogEvent;

use crate::support::deadline::block_on;
use crate::world::World;

const WEB: &str = include_str!("up/web.yaml");
const STUCK: &str = include_str!("up/troubles/a_container_that_ends_with_an_error.yaml");

#[test]
fn projects_are_listed_with_what_runs_of_them() {
    let Some(world) = World::new() else { return };
    assert_eq!(world.ok(&["projects", "-q"]).stdout, "");
    world.stack("foreign", "Resources: {Group: {Type: 'AWS::Logs::LogGroup'}}", None);
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    world
        .sandbox
        .write("compose.yaml", STUCK.replace("name: shop", "name: broken"));
    world.fails(&["up"]);
    let said = world.ok(&["projects"]).stdout;
    let rows: Vec<Vec<&str>> = said
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows,
        [vec!["broken", "rollback_complete(1)"], vec!["shop", "running(2)"]],
        "{said}"
    );
}

#[test]
fn nested_stacks_are_no_projects_of_their_own() {
    let Some(world) = World::new() else { return };
    let nested = "\nx-aws-nested_stacks: true\n";
    world.sandbox.write("compose.yaml", WEB.to_owned() + nested);
    world.ok(&["up"]);
    assert_eq!(world.ok(&["projects", "-q"]).stdout, "shop\n");
}

#[test]
fn images_and_ports_of_tasks() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    let images = world.ok(&["images", "--format", "json"]).stdout;
    let images: Vec<serde_json::Value> = serde_json::from_str(&images).unwrap();
    let named: Vec<_> = images
        .iter()
        .map(|one| (one["Repository"].as_str().unwrap(), one["Tag"].as_str().unwrap()))
        .collect();
    assert!(
        named.contains(&("nginx", "1.27")) && named.contains(&("redis", "7")),
        "{images:?}"
    );
    assert!(images.iter().all(|one| one["Platform"] == "linux/amd64"), "{images:?}");
    let port = world.ok(&["port", "web", "80"]).stdout;
    assert!(port.trim_end().ends_with(":8080") && port.contains("elb"), "{port}");
    let none = world.fails(&["port", "cache", "6379"]).stderr;
    assert!(
        none.contains("port 6379/tcp of service `cache` is not published"),
        "{none}"
    );
    let none = world.fails(&["port", "--index", "2", "web", "80"]).stderr;
    assert!(none.contains("service `web` of project `shop` has no task 2"), "{none}");
}

#[test]
fn what_tasks_use_is_what_container_insights_has_measured() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    let off = world.fails(&["top"]).stderr;
    assert!(
        off.contains("Container Insights is off") && off.contains("`x-aws-insights: true`"),
        "{off}"
    );

    let line = world.ok(&["ps", "web", "--format", "json"]).stdout;
    let task: serde_json::Value = serde_json::from_str(&line).unwrap();
    let arn = task["ID"].as_str().unwrap().to_owned();
    let mut parts = arn.rsplit('/');
    let (id, cluster) = (parts.next().unwrap(), parts.next().unwrap());
    let group = format!("/aws/ecs/containerinsights/{cluster}/performance");
    let now = jiff::Timestamp::now().as_millisecond();
    let measured = |cpu: f64| {
        serde_json::json!({
            "Type": "Task", "TaskId": id, "CpuUtilized": cpu, "CpuReserved": 256.0, "MemoryUtilized": 100,
            "MemoryReserved": 512, "Timestamp": now,
        })
    };
    let client = aws_sdk_cloudwatchlogs::Client::new(&world.lab.aws());
    block_on(async {
        client.create_log_group().log_group_name(&group).send().await.unwrap();
        client
            .create_log_stream()
            .log_group_name(&group)
            .log_stream_name("s")
            .send()
            .await
            .unwrap();
        let event = |text: String, at| InputLogEvent::builder().timestamp(at).message(text).build().unwrap();
        let request = client.put_log_events().log_group_name(&group).log_stream_name("s");
        let request = request.log_events(event(measured(8.0).to_string(), now - 2));
        let request = request.log_events(event(r#"{"Type":"Cluster"}"#.to_owned(), now - 1));
        request
            .log_events(event(measured(64.0).to_string(), now))
            .send()
            .await
            .unwrap();
    });
    let said = world.ok(&["top", "web"]).stdout;
    assert!(
        said.contains("0.06 of 0.25 vCPU") && said.contains("100 of 512 MiB"),
        "{said}"
    );
    let other = world.ok(&["top", "cache"]).stdout;
    assert!(other.contains("not measured yet"), "{other}");
}
