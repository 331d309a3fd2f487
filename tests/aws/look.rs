//! `ctx projects`, `images`, `port`, `top` and `stats`: what there is in an account.

use std::io::BufRead;

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
    let none = world.fails(&["port", "web", "80"]).stderr;
    assert!(none.contains("project `shop` does not run on ECS"), "{none}");
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
    assert_eq!(world.ok(&["images", "-q"]).stdout, "");
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

/// Writes as Container Insights does, of the cluster that a service's only task runs in; the result is the task's id.
fn measure(world: &World, service: &str, measurements: &[serde_json::Value]) -> String {
    let line = world.ok(&["ps", service, "--format", "json"]).stdout;
    let task: serde_json::Value = serde_json::from_str(&line).unwrap();
    let arn = task["ID"].as_str().unwrap().to_owned();
    let mut parts = arn.rsplit('/');
    let (id, cluster) = (parts.next().unwrap(), parts.next().unwrap());
    let group = format!("/aws/ecs/containerinsights/{cluster}/performance");
    let now = jiff::Timestamp::now().as_millisecond();
    let client = aws_sdk_cloudwatchlogs::Client::new(&world.lab.aws());
    block_on(async {
        // It is there already the second time.
        let _ = client.create_log_group().log_group_name(&group).send().await;
        let stream = client.create_log_stream().log_group_name(&group).log_stream_name("s");
        let _ = stream.send().await;
        let mut request = client.put_log_events().log_group_name(&group).log_stream_name("s");
        for (measurement, at) in measurements.iter().zip(now..) {
            let mut measurement = measurement.clone();
            measurement["Timestamp"] = at.into();
            if measurement["Type"] == "Task" {
                measurement["TaskId"] = id.into();
            }
            let event = InputLogEvent::builder().timestamp(at).message(measurement.to_string());
            request = request.log_events(event.build().unwrap());
        }
        request.send().await.unwrap();
    });
    id.to_owned()
}

fn measurement(cpu: f64) -> serde_json::Value {
    serde_json::json!({
        "Type": "Task", "CpuUtilized": cpu, "CpuReserved": 256.0, "MemoryUtilized": 100, "MemoryReserved": 512,
        "NetworkRxBytes": 1500, "NetworkTxBytes": 20, "StorageReadBytes": 4096, "StorageWriteBytes": 0,
    })
}

#[test]
fn what_tasks_use_is_what_container_insights_has_measured() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    for command in [&["top"][..], &["stats"], &["stats", "--no-stream"]] {
        let off = world.fails(command).stderr;
        assert!(
            off.contains("Container Insights is off") && off.contains("`x-aws-insights: true`"),
            "{off}"
        );
    }
    let cluster = serde_json::json!({"Type": "Cluster"});
    let id = measure(&world, "web", &[measurement(8.0), cluster, measurement(64.0)]);
    let said = world.ok(&["top", "web"]).stdout;
    assert!(
        said.contains("0.06 of 0.25 vCPU") && said.contains("100 of 512 MiB"),
        "{said}"
    );
    let other = world.ok(&["top", "cache"]).stdout;
    assert!(other.contains("not measured yet"), "{other}");

    let table = world.ok(&["stats", "--no-stream"]).stdout;
    let mut lines = table.lines();
    let header: Vec<&str> = lines
        .next()
        .unwrap()
        .split("  ")
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    let columns = [
        "CONTAINER ID",
        "NAME",
        "CPU %",
        "MEM USAGE / LIMIT",
        "MEM %",
        "NET I/O",
        "BLOCK I/O",
        "PIDS",
    ];
    assert_eq!(header, [&columns[..], &["MEASURED"]].concat(), "{table}");
    let of = |service: &str| {
        table
            .lines()
            .find(|line| line.contains(&format!(" {service}/")))
            .unwrap()
    };
    for expected in [
        &id[..12],
        "6.25%",
        "100MiB / 512MiB",
        "19.53%",
        "1.50kB/s / 20B/s",
        "4.10kB / 0B",
        "--",
        "Z",
    ] {
        assert!(of("web").contains(expected), "{expected}\n{table}");
    }
    assert!(of("cache").contains("-- / --") && !of("cache").contains('%'), "{table}");
    let whole = ["stats", "--no-stream", "--no-trunc", "--format", "json", "web"];
    let json: serde_json::Value = serde_json::from_str(&world.ok(&whole).stdout).unwrap();
    assert_eq!((&json["ID"], &json["PIDs"]), (&id.into(), &"--".into()), "{json}");
    assert!(json["Measured"].as_str().unwrap().ends_with('Z'), "{json}");
    let template = [
        "stats",
        "--no-stream",
        "--format",
        "{{.Name}} {{.CPUPerc}} {{.Measured}}",
        "cache",
    ];
    let said = world.ok(&template).stdout;
    assert!(said.starts_with("cache/") && said.ends_with(" -- --\n"), "{said}");
    let wrong = world.fails(&["stats", "--no-stream", "cash"]).stderr;
    assert!(wrong.contains("cash"), "{wrong}");
}

#[test]
fn tasks_that_have_stopped_are_shown_where_all_are_asked_for() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    let id = measure(&world, "web", &[measurement(64.0)]);
    world.ok(&["kill", "web"]);
    let names = |arguments: &[&str]| {
        let all = [
            &["stats", "--no-stream", "web", "--format", "{{.Name}} {{.CPUPerc}}"][..],
            arguments,
        ]
        .concat();
        world.ok(&all).stdout
    };
    let stopped = format!("web/{} --", &id[..8]);
    assert!(!names(&[]).contains(&id[..8]), "{}", names(&[]));
    assert!(names(&["--all"]).contains(&stopped), "{}", names(&["--all"]));
}

#[test]
fn what_tasks_use_is_shown_until_an_interrupt() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    measure(&world, "web", &[measurement(64.0)]);
    let mut command = world.sandbox.command(&["stats", "--format", "{{.Name}}", "web"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("web/"));
    let interrupt = ["-INT", &child.id().to_string()];
    assert!(
        std::process::Command::new("kill")
            .args(interrupt)
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
