//! What a project takes from programs of the machine: providers, models; and the engine's own socket.

use std::os::unix::fs::PermissionsExt;

use crate::scene::Scene;

/// Makes a plugin of the docker CLI from a shell script.
fn plugin(scene: &Scene, name: &str, script: &str) {
    let folder = scene.sandbox.home().join(".docker/cli-plugins");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("docker-{name}"));
    std::fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
}

fn called(scene: &Scene) -> Vec<String> {
    let text = std::fs::read_to_string(scene.sandbox.project().join("called")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

const PROVIDED: &str = "
services:
  app:
    image: IMAGE
    command: [sleep, '1000']
    stop_signal: SIGKILL
    depends_on: [db]
  db:
    provider: {type: cloud, options: {size: big, zone: [a, b]}}
";

const CLOUD: &str = r#"
[ "$2" = metadata ] && exit 0
echo "$@" >> called
case "$3" in
up)
  echo '{"type": "info", "message": "asking the cloud"}'
  echo '{"type": "get-service-config"}'
  read config
  case "$config" in *cloud*) ;; *) exit 9 ;; esac
  echo '{"type": "setenv", "message": "URL=db://1"}'
  echo '{"type": "rawsetenv", "message": "PLAIN=x"}'
  echo '{"type": "debug", "message": "done"}' ;;
esac
"#;

#[test]
fn a_provider_brings_its_service_up_and_takes_it_down() {
    let Some(scene) = Scene::new(PROVIDED) else { return };
    plugin(&scene, "cloud", CLOUD);
    scene.ok(&["up", "-d"]);
    let environment = scene.inspect("app-1", "{{.Config.Env}}");
    assert!(
        environment.contains("DB_URL=db://1") && environment.contains("PLAIN=x"),
        "{environment}"
    );
    let up = format!(
        "compose --project-name={} up --size=big --zone=a --zone=b db",
        scene.project.name()
    );
    assert_eq!(called(&scene), [up.as_str()]);

    let before = scene.ids();
    scene.ok(&["up", "-d"]);
    assert_eq!(scene.ids(), before, "the same variables are the same configuration");
    scene.ok(&["stop"]);
    scene.ok(&["down"]);
    let down = up.replace(" up ", " down ");
    assert_eq!(
        called(&scene),
        [&up, &up, &down].map(String::as_str),
        "one that cannot stop is not asked to"
    );
}

#[test]
fn a_provider_says_what_it_takes() {
    let Some(scene) = Scene::new(PROVIDED) else { return };
    let metadata = |required: &str| {
        format!(
            r#"
if [ "$2" = metadata ]; then
  echo '{{"description": "x", "up": {{"parameters": [{{"name": "{required}", "required": true}}]}}, "stop": {{}}}}'; exit 0
fi
echo "$@" >> called
"#
        )
    };
    plugin(&scene, "cloud", &metadata("color"));
    let run = scene.sandbox.fails(&["up", "-d"]);
    assert!(
        run.stderr.contains("`color`") && run.stderr.contains("compose.yaml:9:"),
        "{}",
        run.stderr
    );
    plugin(&scene, "cloud", &metadata("size"));
    scene.ok(&["up", "-d"]);
    scene.ok(&["stop"]);
    let (name, called) = (scene.project.name(), called(&scene));
    let expected = [
        format!("compose --project-name={name} up --size=big db"),
        format!("compose --project-name={name} stop db"),
    ];
    assert_eq!(called, expected);
}

#[test]
fn a_provider_that_fails() {
    let Some(scene) = Scene::new(PROVIDED) else { return };
    let says = |words: &[&str]| {
        let run = scene.sandbox.fails(&["up", "-d"]);
        for word in words {
            assert!(run.stderr.contains(word), "no {word:?} in\n{}", run.stderr);
        }
    };
    says(&["compose.yaml:9:", "no provider `cloud`", "docker-cloud"]);
    plugin(
        &scene,
        "cloud",
        "[ \"$2\" = metadata ] && exit 0\necho '{\"type\":\"error\",\"message\":\"out of clouds\"}'\nsleep 1000",
    );
    says(&["compose.yaml:9:", "out of clouds"]);
    plugin(&scene, "cloud", "echo no sun >&2; exit 4");
    says(&["compose.yaml:9:", "status 4", "no sun"]);
    plugin(&scene, "cloud", "[ \"$2\" = metadata ] && exit 0\necho hello");
    says(&["compose.yaml:9:", "`hello`"]);
    assert!(
        scene.project.containers().is_empty(),
        "nothing is made without what it needs"
    );
}

const MODEL: &str = "
services:
  chat:
    image: IMAGE
    command: [sleep, '1000']
    stop_signal: SIGKILL
    models:
      llm: {}
      small-one: {endpoint_var: WHERE, model_var: WHICH}
models:
  llm: {model: ai/big, context_size: 1024, runtime_flags: [--fast]}
  small-one: {model: ai/small}
";

#[test]
fn models_need_their_plugin() {
    let Some(scene) = Scene::new(MODEL) else { return };
    let run = scene.sandbox.fails(&["up", "-d"]);
    for word in ["compose.yaml:11:", "plugin `model`", "Docker Model Runner"] {
        assert!(run.stderr.contains(word), "no {word:?} in\n{}", run.stderr);
    }
    plugin(
        &scene,
        "model",
        r#"
echo "$@" >> called
case "$1" in
status) echo '{"running": true, "endpoint": "http://models/v1"}' ;;
ls) echo '[{"id": "sha256:1", "tags": ["ai/small"]}]' ;;
docker-cli-plugin-metadata) echo '{"Version": "v1.0.7"}' ;;
esac
"#,
    );
    scene.ok(&["up", "-d"]);
    let environment = scene.inspect("chat-1", "{{.Config.Env}}");
    for variable in [
        "LLM_MODEL=ai/big",
        "LLM_URL=http://models/v1",
        "WHERE=http://models/v1",
        "WHICH=ai/small",
    ] {
        assert!(environment.contains(variable), "no {variable} in {environment}");
    }
    let called = called(&scene);
    for call in [
        "pull ai/big",
        "configure --context-size 1024 ai/big -- --fast",
        "configure ai/small",
    ] {
        assert!(called.iter().any(|called| called == call), "no {call:?} in {called:?}");
    }
    assert!(!called.iter().any(|called| called == "pull ai/small"), "{called:?}");
}

#[test]
fn a_container_with_the_engines_socket() {
    let file = "
services:
  tool: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, use_api_socket: true}
  other: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL}
";
    let Some(scene) = Scene::new(file) else { return };
    let folder = scene.sandbox.home().join(".docker");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("config.json"),
        r#"{"auths": {"r.example": {"auth": "bWU6c2VjcmV0"}}}"#,
    )
    .unwrap();
    scene.ok(&["up", "-d"]);
    let container = scene.container("tool-1");
    let read = |path: &str| scene.engine.docker(&["exec", &container, "cat", path]);
    assert_eq!(
        read("/run/secrets/docker/config.json"),
        r#"{"auths":{"r.example":{"auth":"bWU6c2VjcmV0"}}}"#
    );
    assert!(
        scene
            .inspect("tool-1", "{{.Config.Env}}")
            .contains("DOCKER_CONFIG=/run/secrets/docker")
    );
    assert!(
        scene
            .inspect("tool-1", "{{.HostConfig.Binds}}")
            .contains(":/var/run/docker.sock")
    );
    assert!(
        !scene
            .inspect("other-1", "{{.HostConfig.Binds}}")
            .contains("docker.sock")
    );
    let before = scene.ids();
    scene.ok(&["up", "-d"]);
    assert_eq!(scene.ids(), before);
}

#[test]
fn a_seccomp_profile_in_a_file() {
    let file = "services:\n  a:\n    image: IMAGE\n    command: [sleep, '1000']\n    stop_signal: SIGKILL\n    security_opt:\n      - seccomp:./profile.json\n";
    let Some(scene) = Scene::new(file) else { return };
    let run = scene.sandbox.fails(&["up", "-d"]);
    assert!(
        run.stderr.contains("compose.yaml:7:") && run.stderr.contains("profile.json"),
        "{}",
        run.stderr
    );
    scene
        .sandbox
        .write("profile.json", "{ \"defaultAction\": \"SCMP_ACT_ALLOW\" }");
    scene.ok(&["up", "-d"]);
    let options = scene.inspect("a-1", "{{.HostConfig.SecurityOpt}}");
    assert_eq!(options, r#"[seccomp={"defaultAction":"SCMP_ACT_ALLOW"}]"#);
}

/// Only engines on Windows take it; what matters here is that this one was asked.
#[test]
fn a_credential_spec_reaches_the_engine() {
    for (spec, said) in [
        ("{file: account.json}", "credentialspec=file://account.json"),
        ("{registry: account}", "credentialspec=registry://account"),
        ("{config: account}", "credentialspec=raw://{}"),
    ] {
        let file = format!(
            "services: {{a: {{image: IMAGE, credential_spec: {spec}}}}}\nconfigs: {{account: {{content: '{{}}'}}}}\n"
        );
        let Some(scene) = Scene::new(&file) else { return };
        let run = scene.sandbox.run(&["up", "-d"]);
        assert!(run.code == 0 || run.stderr.contains(said), "{}", run.stderr);
    }
}
