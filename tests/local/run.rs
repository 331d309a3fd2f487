//! `run`: one container for one command.

use crate::exec::piped;
use crate::scene::Scene;
use crate::support::terminal::Terminal;

const SHOP: &str = "
services:
  web:
    image: IMAGE
    command: [sh, -c, 'echo the own command']
    restart: always
    environment: {COLOR: red, KEPT: yes}
    ports: ['53/udp']
    depends_on: {db: {condition: service_healthy}, job: {condition: service_completed_successfully}}
  db:
    image: IMAGE
    command: [sh, -c, ': > /ready; exec sleep 1000']
    stop_signal: SIGKILL
    healthcheck: {test: test -e /ready, interval: 300ms, retries: 50}
  job: {image: IMAGE, command: [sh, -c, exit 0]}
";

fn one_offs(scene: &Scene) -> Vec<String> {
    let mut names = scene.project.containers();
    names.retain(|name| name.contains("-run-") || name.ends_with("mine"));
    names
}

#[test]
fn a_command_runs_when_what_it_needs_is_there() {
    let Some(mut scene) = Scene::new(SHOP) else { return };
    let run = scene.sandbox.run(&["run", "--rm", "web"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "the own command\n"),
        "{}",
        run.stderr
    );
    assert_eq!(scene.inspect("db-1", "{{.State.Health.Status}}"), "healthy");
    assert_eq!(one_offs(&scene), Vec::<String>::new());
    assert!(!scene.project.containers().contains(&scene.container("web-1")));

    scene.sandbox.set("FROM_HERE", "blue");
    scene.sandbox.write("some.env", "FILED=a\n");
    let told = "echo $COLOR $KEPT $GIVEN $FROM_HERE $FILED $0 $@; cat /proc/self/comm; exit 7";
    let run = scene.sandbox.run(&[
        "run",
        "--rm",
        "-e",
        "COLOR=green",
        "-e",
        "FROM_HERE",
        "-e",
        "GIVEN=a b",
        "--env-from-file",
        "some.env",
        "-w",
        "/proc",
        "web",
        "sh",
        "-c",
        told,
        "-T",
        "--rm",
    ]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (7, "green yes a b blue a -T --rm\ncat\n"),
        "{}",
        run.stderr
    );
    let (code, output) = piped(&scene, &["run", "--rm", "-T", "--no-deps", "web", "cat"], b"through");
    assert_eq!((code, output.as_slice()), (Some(0), &b"through"[..]));
    let run = scene.ok(&[
        "run",
        "--rm",
        "--entrypoint",
        "sh -c",
        "web",
        "echo from the entrypoint",
    ]);
    assert_eq!(run.stdout, "from the entrypoint\n");
    assert_eq!(one_offs(&scene), Vec::<String>::new());
}

#[test]
fn its_container_is_its_own() {
    let Some(scene) = Scene::new(SHOP) else { return };
    let name = format!("{}-mine", scene.project.name());
    let run = scene.ok(&[
        "run",
        "-d",
        "--no-deps",
        "--name",
        &name,
        "-p",
        "127.0.0.1::80",
        "-v",
        "./here:/there:ro",
        "-v",
        "/scratch",
        "-l",
        "a=b",
        "--user",
        "1000",
        "--cap-drop",
        "ALL",
        "web",
        "sleep",
        "1000",
    ]);
    assert_eq!(run.stdout, format!("{name}\n"));
    let inspect = |format: &str| scene.engine.docker(&["inspect", "--format", format, &name]);
    let label = |label: &str| inspect(&format!("{{{{index .Config.Labels \"{label}\"}}}}"));
    assert_eq!(label("com.docker.compose.oneoff"), "True");
    assert_eq!(label("com.docker.compose.slug").len(), 12);
    assert_eq!(label("a"), "b");
    assert_eq!(inspect("{{.Config.User}} {{.HostConfig.CapDrop}}").trim(), "1000 [ALL]");
    assert_ne!(inspect("{{.HostConfig.RestartPolicy.Name}}"), "always");
    let ports = inspect("{{json .HostConfig.PortBindings}}");
    assert!(
        ports.contains("80/tcp") && ports.contains("127.0.0.1") && !ports.contains("53/udp"),
        "{ports}"
    );
    let binds = inspect("{{.HostConfig.Binds}}");
    let here = scene.sandbox.project().join("here");
    assert!(
        binds.contains(&format!("{}:/there:ro", here.display())) || binds.contains("/here:/there:ro"),
        "{binds}"
    );
    let aliases = inspect("{{range .NetworkSettings.Networks}}{{.Aliases}}{{end}}");
    assert!(!aliases.contains("web "), "{aliases}");
    assert_eq!(scene.ok(&["ps", "--format", "{{.Name}}"]).stdout.trim(), name);
    scene.docker_compose(&["kill"]);

    for wrong in [
        &["run", "-p", "x", "web"][..],
        &["run", "-v", "a:b:c:d", "web"],
        &["run", "wep"],
        &["run", "--entrypoint", "'", "web"],
        &["run", "--env-from-file", "nowhere.env", "web"],
    ] {
        scene.sandbox.fails(wrong);
    }
    let failed = scene
        .sandbox
        .fails(&["run", "--rm", "--no-deps", "web", "no-such-program"]);
    assert_eq!(failed.code, 127, "{}", failed.stderr);
    assert_eq!(one_offs(&scene), [name]);
}

#[test]
fn a_terminal_is_the_commands() {
    let Some(scene) = Scene::new(SHOP) else { return };
    let line = "echo re''ady; trap 'echo inter''rupted' INT; read line; echo got:$line; test -t 1 && exit 9";
    let command = ["run", "--rm", "--no-deps", "web", "sh", "-c", line];
    let Some(mut terminal) = Terminal::start(&scene.sandbox, &command) else {
        return;
    };
    terminal.at("ready", "\u{3}");
    terminal.at("interrupted", "x\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 9, "{screen}");
    assert_eq!(one_offs(&scene), Vec::<String>::new());
}

#[test]
fn what_is_left_by_the_detach_keys_goes_on() {
    let Some(scene) = Scene::new(SHOP) else { return };
    let command = [
        "run",
        "--rm",
        "--no-deps",
        "--name",
        &scene.name("left", '-'),
        "web",
        "sh",
        "-c",
        "echo re''ady; sleep 1000",
    ];
    let Some(mut terminal) = Terminal::start(&scene.sandbox, &command) else {
        return;
    };
    terminal.at("ready", "\u{10}\u{11}");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("goes on"), "{screen}");
    assert_eq!(scene.inspect("left", "{{.State.Running}}"), "true");
}
