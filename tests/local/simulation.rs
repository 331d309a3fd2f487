//! Contexts of the type ecs-local: what a task would find on ECS, on the real engine.

use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::scene::Scene;
use crate::support::server::{Answer, Asked, Server};

/// Keys that nobody else has, so that they can be looked for everywhere.
const KEY: &str = "AKIDCTXSIMULATION";
const SECRET: &str = "ctx-simulation-secret";
const TOKEN: &str = "ctx-simulation-token";

const BUSYBOX: &str = "ctx-test/busybox:1";

/// A scene whose context `sim` takes what the environment has.
fn simulated(compose: &str) -> Option<Scene> {
    let mut scene = Scene::new(compose)?;
    scene.engine.make_busybox()?;
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", TOKEN),
        ("AWS_REGION", "eu-central-1"),
    ] {
        scene.sandbox.set(name, value);
    }
    scene.ok(&[
        "create",
        "ecs",
        "sim",
        "--local-simulation",
        "--account",
        "123456789012",
    ]);
    Some(scene)
}

/// A context `work` whose profile has keys that last, and AWS at an address.
fn with_lasting_keys(scene: &Scene, aws: &str) {
    let folder = scene.sandbox.home().join(".aws");
    std::fs::create_dir_all(&folder).unwrap();
    let keys = "[work]\naws_access_key_id = AKIDLASTING\naws_secret_access_key = s\n";
    std::fs::write(folder.join("credentials"), keys).unwrap();
    std::fs::write(
        folder.join("config"),
        format!("[profile work]\nendpoint_url = http://{aws}\n"),
    )
    .unwrap();
    scene.ok(&["create", "ecs", "work", "--local-simulation", "--profile", "work"]);
}

/// Fetches from a container, as a program in it would.
fn fetch(scene: &Scene, service: &str, url: &str) -> Value {
    let command = format!("wget -qO- {url}");
    let run = scene.ok(&["-c", "sim", "exec", "-T", service, "sh", "-c", &command]);
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stdout))
}

const CREDENTIALS: &str = "http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const METADATA: &str = "$ECS_CONTAINER_METADATA_URI_V4";

const WEB: &str = "
services:
  web:
    image: ctx-test/busybox:1
    command: [sleep, '1000']
    stop_grace_period: 0s
    cpus: 0.3
    mem_limit: 600m
    deploy: {replicas: 2}
  proxy:
    image: ctx-test/busybox:1
    command: [sleep, '1000']
    stop_grace_period: 0s
    network_mode: service:single
  single:
    image: ctx-test/busybox:1
    command: [sleep, '1000']
    stop_grace_period: 0s
    secrets: [password]
secrets:
  password: {environment: PASSWORD}
";

#[test]
fn a_container_finds_what_a_task_finds() {
    let Some(mut scene) = simulated(WEB) else { return };
    scene.sandbox.set("PASSWORD", "open");
    scene.ok(&["-c", "sim", "up", "-d"]);

    let found = fetch(&scene, "web", CREDENTIALS);
    assert_eq!((&found["AccessKeyId"], &found["Token"]), (&KEY.into(), &TOKEN.into()));
    assert!(
        found["Expiration"].as_str().is_some_and(|end| end.ends_with('Z')),
        "{found}"
    );

    // Each replica is a task of its own, and says so.
    let (one, two) = (scene.id("web-1"), scene.id("web-2"));
    let ask = |container: &str| {
        let container = scene.container(container);
        let said = scene
            .engine
            .docker(&["exec", &container, "sh", "-c", &format!("wget -qO- {METADATA}")]);
        serde_json::from_str::<Value>(&said).unwrap()["DockerId"].clone()
    };
    assert_eq!((ask("web-1"), ask("web-2")), (one.into(), two.into()));

    let task = fetch(&scene, "web", &format!("{METADATA}/task"));
    assert_eq!(task["Limits"], serde_json::json!({"CPU": 0.5, "Memory": 1024}));
    assert_eq!(task["LaunchType"], "FARGATE");
    assert!(
        task["TaskARN"]
            .as_str()
            .is_some_and(|arn| arn.starts_with("arn:aws:ecs:eu-central-1:123456789012:task/"))
    );
    assert_eq!(task["Containers"].as_array().map(Vec::len), Some(1));
    // Two services in one task share its address, and each is told about itself.
    let shared = fetch(&scene, "proxy", &format!("{METADATA}/task"));
    let names: Vec<_> = shared["Containers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["Name"])
        .collect();
    assert_eq!(names, ["single", "proxy"]);
    assert_eq!(fetch(&scene, "proxy", METADATA)["Name"], "proxy");
    assert_eq!(
        fetch(&scene, "web", "$ECS_CONTAINER_METADATA_URI/task")["Family"],
        task["Family"]
    );
    assert!(fetch(&scene, "web", &format!("{METADATA}/stats"))["memory_stats"].is_object());
    let all = fetch(&scene, "proxy", &format!("{METADATA}/task/stats"));
    assert_eq!(all.as_object().map(serde_json::Map::len), Some(2));

    // A quarter more than a quarter of a processor is half of one on Fargate, which comes with a GiB.
    let limits = "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}";
    assert_eq!(scene.inspect("web-1", limits), "500000000 1073741824 1073741824");
    assert_eq!(scene.inspect("single-1", limits), "250000000 536870912 536870912");
    let secret = scene.ok(&["-c", "sim", "exec", "-T", "single", "cat", "/run/secrets/password"]);
    assert_eq!(secret.stdout, "open");
    let variables = scene.inspect("web-1", "{{.Config.Env}}");
    for variable in ["AWS_REGION=eu-central-1", "AWS_EXECUTION_ENV=AWS_ECS_FARGATE"] {
        assert!(variables.contains(variable), "no {variable} in {variables}");
    }

    nothing_shows_the_keys(&scene);

    let before = scene.ids();
    let again = scene.ok(&["-c", "sim", "up", "-d"]);
    assert_eq!(scene.ids(), before, "{}", again.stderr);
    // Nobody has to know the context, or have the files, to take it down.
    std::fs::remove_file(scene.sandbox.project().join("compose.yaml")).unwrap();
    scene.ok(&["-c", "sim", "down"]);
    assert_eq!((scene.project.containers(), scene.project.networks()), (vec![], vec![]));
}

/// Whoever may look at the project, its images and its log must not see credentials.
fn nothing_shows_the_keys(scene: &Scene) {
    let mut seen = scene.ok(&["-c", "sim", "logs"]).stdout;
    let images: BTreeSet<_> = scene
        .project
        .containers()
        .iter()
        .map(|name| {
            seen += &scene.engine.docker(&["inspect", name]);
            seen += &scene.engine.docker(&["top", name]);
            scene.engine.docker(&["inspect", "--format", "{{.Image}}", name])
        })
        .collect();
    for image in images {
        seen += &scene.engine.docker(&["image", "inspect", &image]);
        seen += &scene.engine.docker(&["history", "--no-trunc", &image]);
    }
    for network in scene.project.networks() {
        seen += &scene.engine.docker(&["network", "inspect", &network]);
    }
    for key in [KEY, SECRET, TOKEN] {
        assert!(!seen.contains(key), "{key} can be seen");
    }
}

/// Stands in AWS's place: keeps what it is asked, and knows three answers of STS.
const STS: &str = r#"while read -r line && [ "$$line" != "$$(printf '\r')" ]; do
  echo "$$line" >> /asked
  case "$$line" in content-length:*) length=$$(echo "$$line" | tr -dc 0-9);; esac
done
asked=$$(head -c "$$length")
keys() { echo "<Credentials><AccessKeyId>$$1</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"; }
case "$$asked" in
*Action=GetCallerIdentity*) action=GetCallerIdentity; answer="<Arn>arn:aws:iam::123456789012:user/me</Arn><Account>123456789012</Account>";;
*Action=GetSessionToken*) action=GetSessionToken; answer=$$(keys AKIDSESSION);;
*worker*) action=AssumeRole; answer=$$(keys AKIDROLE);;
esac
answer="<$${action}Response xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><$${action}Result>$$answer</$${action}Result></$${action}Response>"
printf 'HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\nContent-Length: %s\r\n\r\n%s' "$${#answer}" "$$answer"
"#;

/// A service `sts` that is it, and the config that it needs.
fn sts() -> (String, String) {
    let service = format!(
        "{{image: {BUSYBOX}, command: [nc, -ll, -p, '80', -e, sh, /etc/ctx/answer], stop_grace_period: 0s, \
         configs: [{{source: answer, target: /etc/ctx/answer}}]}}"
    );
    (service, format!("{{content: {}}}", serde_json::to_string(STS).unwrap()))
}

#[test]
fn a_program_with_the_sdk_gets_its_credentials() {
    let Some(scene) =
        simulated("services: {first: {image: ctx-test/busybox:1, command: [sleep, '1000'], stop_grace_period: 0s}}\n")
    else {
        return;
    };
    scene.ok(&["-c", "sim", "up", "-d"]);
    // The program with the SDK is `ctx` itself, which asks AWS who it is.
    let image = scene.inspect("ecs-local-endpoint-1", "{{.Config.Image}}");
    let folder: String = Sha256::digest("inner")
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let (sts, answer) = sts();
    let compose = format!(
        r#"
services:
  sts: {sts}
  app:
    image: {image}
    pull_policy: never
    entrypoint: [/ctx, -c, inner, ps, -p, shop]
    environment: {{LD_LIBRARY_PATH: /lib, HOME: /, AWS_ENDPOINT_URL: "http://sts", DOCKER_CONFIG: /docker}}
    configs: [{{source: context, target: /docker/contexts/meta/{folder}/meta.json}}]
    depends_on: [sts]
configs:
  answer: {answer}
  context:
    content: >-
      {{"Name":"inner","Metadata":{{"Type":"ecs"}},"Endpoints":{{"docker":{{}},"ecs":{{"CredentialsFromEnv":true,"Region":"eu-central-1"}}}}}}
"#
    );
    scene.sandbox.write("compose.yaml", compose);
    let run = scene.sandbox.run(&["-c", "sim", "run", "--rm", "-T", "app"]);
    let asked = scene
        .engine
        .try_docker(&["exec", &scene.container("sts-1"), "cat", "/asked"]);
    let asked = asked.unwrap_or_else(|error| panic!("{error}\n{}", run.stderr));
    assert!(asked.contains(&format!("Credential={KEY}/")), "{asked}\n{}", run.stderr);
    assert!(asked.contains(TOKEN), "{asked}");
}

#[test]
fn keys_that_do_not_end_become_a_session_or_a_role() {
    let Some(scene) = simulated("services: {}\n") else {
        return;
    };
    let (sts, answer) = sts();
    let compose = format!(
        "services:\n  sts: {sts}\n  \
         web: {{image: {BUSYBOX}, command: [sleep, '1000'], stop_grace_period: 0s}}\nconfigs:\n  answer: {answer}\n"
    );
    scene.sandbox.write("compose.yaml", compose);
    with_lasting_keys(&scene, &scene.container("sts-1"));
    scene.ok(&["-c", "work", "up", "-d"]);
    let session = fetch(&scene, "web", CREDENTIALS);
    assert_eq!(
        (&session["AccessKeyId"], &session["Expiration"]),
        (&"AKIDSESSION".into(), &"2099-01-01T00:00:00Z".into())
    );
    let role = fetch(&scene, "web", "http://169.254.170.2/role/worker");
    assert_eq!(role["AccessKeyId"], "AKIDROLE");
    assert_eq!(role["RoleArn"], "arn:aws:iam::123456789012:role/worker");
}

#[test]
fn the_endpoint_is_left_alone_whoever_is_named() {
    let service = "image: ctx-test/busybox:1, command: [sleep, '1000'], stop_grace_period: 0s";
    let file = format!(
        "services:\n  web: {{{service}, cpus: 0.2}}\n  side: {{{service}, cpus: 0.2, network_mode: 'service:web'}}\n  \
         other: {{{service}, networks: [back], secrets: [word]}}\n  tool: {{{service}, profiles: [tools]}}\n\
         networks: {{back: {{}}}}\nsecrets: {{word: {{environment: HOME}}}}\n"
    );
    let Some(scene) = simulated(&file) else { return };
    scene.ok(&["-c", "sim", "up", "-d"]);
    let before = scene.ids();
    for command in [
        &["up", "-d", "web"][..],
        &["up", "-d", "other"],
        &["run", "--rm", "-T", "tool", "true"],
        &["up", "-d"],
    ] {
        let run = scene.ok(&[&["-c", "sim"], command].concat());
        assert_eq!(scene.ids(), before, "{command:?}: {}", run.stderr);
    }
    // Two containers of a fifth of a processor each are a task of half of one, which each of them may use.
    let limits = "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}";
    for replica in ["web-1", "side-1"] {
        assert_eq!(scene.inspect(replica, limits), "500000000 1073741824", "{replica}");
    }
    let task = fetch(&scene, "side", &format!("{METADATA}/task"));
    assert_eq!(task["Limits"], serde_json::json!({"CPU": 0.5, "Memory": 1024}));
}

/// Stands in AWS's place: says who one is, and knows one secret and one parameter.
fn vault(_: &str, asked: &Asked) -> Answer {
    let json = "Content-Type: application/x-amz-json-1.1\r\n".to_owned();
    let target = asked.headers.get("x-amz-target").map_or("", String::as_str);
    let is = |text: &str| asked.body.contains(text);
    match target.rsplit('.').next() {
        Some("GetSecretValue") if is("shop/login") => (
            200,
            json,
            r#"{"SecretString":"{\"password\":\"open sesame\"}"}"#.to_owned(),
        ),
        Some("GetParameter") if is("parameter/port") && is(r#""WithDecryption":true"#) => {
            (200, json, r#"{"Parameter":{"Value":"5432"}}"#.to_owned())
        }
        Some("GetSecretValue") => (
            400,
            json,
            r#"{"__type":"ResourceNotFoundException","message":"Secrets Manager can't find the specified secret."}"#
                .to_owned(),
        ),
        _ => (
            200,
            "Content-Type: text/xml\r\n".to_owned(),
            "<GetCallerIdentityResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><GetCallerIdentityResult>\
             <Arn>arn:aws:iam::123456789012:user/me</Arn><Account>123456789012</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
                .to_owned(),
        ),
    }
}

#[test]
fn an_external_secret_has_the_value_that_ecs_would_hand_over() {
    let file = "
services:
  web:
    image: ctx-test/busybox:1
    command: [sleep, '1000']
    stop_grace_period: 0s
    secrets: [login, password, port]
secrets:
  login: {external: true, name: shop/login}
  password: {external: true, name: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/login-a1b2c3:password::'}
  port: {external: true, name: 'arn:aws:ssm:eu-central-1:123456789012:parameter/port'}
";
    let Some(mut scene) = simulated(file) else { return };
    let server = Server::start(vault);
    scene
        .sandbox
        .set("AWS_ENDPOINT_URL", format!("http://{}", server.address));
    let told = scene.ok(&["-c", "sim", "up", "--dry-run"]).stdout;
    assert!(told.contains("create ") && server.granted().is_empty(), "{told}");
    scene.ok(&["-c", "sim", "up", "-d"]);
    let found = [
        "sim",
        "exec",
        "-T",
        "web",
        "sh",
        "-c",
        "cd /run/secrets; cat login; echo; cat password; echo; cat port",
    ];
    let found = scene.ok(&[&["-c"], &found[..]].concat());
    assert_eq!(found.stdout, "{\"password\":\"open sesame\"}\nopen sesame\n5432");
    let seen = scene.engine.docker(&["inspect", &scene.container("web-1")]);
    assert!(!seen.contains("sesame") && !seen.contains("5432"), "{seen}");
    let before = scene.ids();
    scene.ok(&["-c", "sim", "up", "-d"]);
    assert_eq!(scene.ids(), before);

    scene.rewrite(&file.replace("name: shop/login}", "name: shop/nothing}"));
    let failed = scene.sandbox.fails(&["-c", "sim", "up", "-d"]).stderr;
    assert!(
        failed.contains("compose.yaml:9:") && failed.contains("shop/nothing"),
        "{failed}"
    );
    // On an engine that simulates nothing there are no such secrets.
    let failed = scene.sandbox.fails(&["-c", "default", "up", "-d"]).stderr;
    assert!(failed.contains("an engine keeps no secrets"), "{failed}");

    for key in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        scene.sandbox.unset(key);
    }
    scene.rewrite(file);
    let failed = scene.sandbox.fails(&["-c", "sim", "up", "-d"]).stderr;
    assert!(
        failed.contains("compose.yaml:9:") && failed.contains("credentials"),
        "{failed}"
    );
    assert_eq!(scene.ids(), before);
}

#[test]
fn the_endpoint_asks_aws_through_the_proxy() {
    let Some(mut scene) = simulated("services: {}\n") else {
        return;
    };
    let (sts, answer) = sts();
    let compose = format!(
        "services:\n  sts: {sts}\n  \
         web: {{image: {BUSYBOX}, command: [sleep, '1000'], stop_grace_period: 0s}}\nconfigs:\n  answer: {answer}\n"
    );
    scene.sandbox.write("compose.yaml", compose);
    // Only the proxy knows where that is.
    with_lasting_keys(&scene, "sts.invalid");
    let proxy = format!("http://{}", scene.container("sts-1"));
    scene
        .sandbox
        .set("HTTP_PROXY", proxy)
        .set("https_proxy", "http://127.0.0.1:9");
    scene.ok(&["-c", "work", "up", "-d"]);
    assert_eq!(fetch(&scene, "web", CREDENTIALS)["AccessKeyId"], "AKIDSESSION");
    let variables = scene.inspect("ecs-local-endpoint-1", "{{.Config.Env}}");
    assert!(!variables.contains("127.0.0.1"), "{variables}");
}

#[test]
fn the_metadata_of_the_machine_are_out_of_reach() {
    let file = "services: {web: {image: ctx-test/busybox:1, command: [sleep, '1000'], stop_grace_period: 0s}}\n";
    let Some(scene) = simulated(file) else { return };
    scene.ok(&["-c", "sim", "up", "-d"]);
    let route = scene.ok(&[
        "-c",
        "sim",
        "exec",
        "-T",
        "web",
        "ip",
        "route",
        "get",
        "169.254.169.254",
    ]);
    assert!(!route.stdout.contains(" via "), "through the machine: {}", route.stdout);
}

#[test]
fn nobody_waits_for_the_end_of_the_endpoint() {
    let file = "services: {job: {image: ctx-test/busybox:1, command: [echo, done]}}\n";
    let Some(scene) = simulated(file) else { return };
    let run = scene.ok(&["-c", "sim", "up"]);
    assert!(run.stdout.contains("done"), "{}", run.stdout);
}

#[test]
fn two_projects_at_once_have_each_their_own() {
    let file = "services: {web: {image: ctx-test/busybox:1, command: [sleep, '1000'], stop_grace_period: 0s}}\n";
    let (Some(one), Some(mut two)) = (simulated(file), simulated(file)) else {
        return;
    };
    two.sandbox.set("AWS_ACCESS_KEY_ID", "AKIDOTHER");
    one.ok(&["-c", "sim", "up", "-d"]);
    two.ok(&["-c", "sim", "up", "-d"]);
    assert_eq!(fetch(&one, "web", CREDENTIALS)["AccessKeyId"], KEY);
    assert_eq!(fetch(&two, "web", CREDENTIALS)["AccessKeyId"], "AKIDOTHER");
    assert_eq!(fetch(&two, "web", METADATA)["DockerId"], two.id("web-1"));

    // What was exported anew reaches an endpoint that runs.
    two.sandbox.set("AWS_ACCESS_KEY_ID", "AKIDNEWER");
    let before = two.ids();
    two.ok(&["-c", "sim", "up", "-d"]);
    assert_eq!(two.ids(), before);
    assert_eq!(fetch(&two, "web", CREDENTIALS)["AccessKeyId"], "AKIDNEWER");
    let plan = two.ok(&["-c", "sim", "up", "--dry-run"]).stdout;
    assert!(!plan.contains("create "), "there is nothing to do\n{plan}");
}

#[test]
fn a_profile_is_read_where_it_stands() {
    let file = "services: {web: {image: ctx-test/busybox:1, command: [sleep, '1000'], stop_grace_period: 0s}}\n";
    let Some(scene) = simulated(file) else { return };
    let folder = scene.sandbox.home().join(".aws");
    std::fs::create_dir_all(&folder).unwrap();
    let keep = |key: &str| {
        let text = format!("[work]\naws_access_key_id = {key}\naws_secret_access_key = s\naws_session_token = t\n");
        std::fs::write(folder.join("credentials"), text).unwrap();
    };
    keep("AKIDPROFILE");
    scene.ok(&["create", "ecs", "work", "--local-simulation", "--profile", "work"]);
    scene.ok(&["-c", "work", "up", "-d"]);
    assert_eq!(fetch(&scene, "web", CREDENTIALS)["AccessKeyId"], "AKIDPROFILE");
    keep("AKIDEDITED");
    assert_eq!(fetch(&scene, "web", CREDENTIALS)["AccessKeyId"], "AKIDEDITED");
    std::fs::write(folder.join("credentials"), "").unwrap();
    let failed = scene.sandbox.run(&[
        "-c",
        "work",
        "exec",
        "-T",
        "web",
        "sh",
        "-c",
        &format!("wget -qO- {CREDENTIALS}"),
    ]);
    assert_ne!(failed.code, 0);
    let log = scene.ok(&["-c", "work", "logs", "ecs-local-endpoint"]);
    assert!(
        log.stdout.contains("profile \"work\" gives no credentials"),
        "{}",
        log.stdout
    );
}

#[test]
fn what_fargate_refuses_is_refused_at_its_line() {
    let file = "
services:
  web:
    image: IMAGE
    privileged: true
    cap_add: [NET_ADMIN]
    network_mode: host
    devices: [/dev/fuse]
";
    let Some(scene) = simulated(file) else { return };
    let run = scene.sandbox.fails(&["-c", "sim", "up", "-d"]);
    let check = scene.sandbox.fails(&["-c", "sim", "check"]);
    for line in [
        "compose.yaml:5:",
        "compose.yaml:6:",
        "compose.yaml:7:",
        "compose.yaml:8:",
    ] {
        assert!(run.stderr.contains(line), "no {line} in\n{}", run.stderr);
        assert!(check.stdout.contains(line), "no {line} in\n{}", check.stdout);
    }
    assert!(scene.project.containers().is_empty());
}

#[test]
fn what_would_be_done_is_told_and_not_done() {
    let file = "services: {web: {image: ctx-test/busybox:1, command: [sleep, '1000'], stop_grace_period: 0s}}\n";
    let Some(mut scene) = simulated(file) else { return };
    let told = scene.ok(&["-c", "sim", "up", "--dry-run"]).stdout;
    for words in ["ecs-local-endpoint", "web", "_ecs-local"] {
        assert!(told.contains(words), "no {words} in\n{told}");
    }
    assert!(scene.project.containers().is_empty());

    scene.sandbox.set("DOCKER_HOST", "tcp://192.0.2.1:2375");
    let run = scene.sandbox.fails(&["-c", "sim", "up", "-d"]);
    assert!(run.stderr.contains("simulates ECS on this machine"), "{}", run.stderr);
    assert!(run.stderr.contains("tcp://192.0.2.1:2375"), "{}", run.stderr);
}

#[test]
fn without_credentials_the_project_runs_and_says_so() {
    let file = "services: {web: {image: ctx-test/busybox:1, command: [sleep, '1000'], stop_grace_period: 0s}}\n";
    let Some(mut scene) = simulated(file) else { return };
    scene
        .sandbox
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY")
        .unset("AWS_SESSION_TOKEN");
    let run = scene.ok(&["-c", "sim", "up", "-d"]);
    assert!(run.stderr.contains("get none"), "{}", run.stderr);
    let command = format!("wget -qO- {CREDENTIALS}");
    assert_ne!(
        scene
            .sandbox
            .run(&["-c", "sim", "exec", "-T", "web", "sh", "-c", &command])
            .code,
        0
    );
    assert_eq!(fetch(&scene, "web", METADATA)["Name"], "web");
}

#[test]
fn names_of_the_simulation_are_taken() {
    let file = "\nservices:\n  ecs-local-endpoint:\n    image: IMAGE\n";
    let Some(scene) = simulated(file) else { return };
    let run = scene.sandbox.fails(&["-c", "sim", "up", "-d"]);
    assert!(run.stderr.contains("compose.yaml:3:"), "{}", run.stderr);
}
