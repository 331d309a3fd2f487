//! Building on the real engine: by the plugin where it is installed, by the engine's own builder always.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::ignores::Random;
use crate::scene::Scene;
use crate::support::registry::{PASSWORD, Registry, USER};
use crate::support::skip;

const SHOP: &str = "
services:
  web: {build: {context: web, args: {WORD: one}}, depends_on: [base]}
  base:
    image: PROJECT-base:1
    build: {dockerfile_inline: \"FROM IMAGE\\nRUN echo base > /base\\n\", context: web, labels: {team: shop}}
    command: [sh, -c, 'cat /base']
  plain: {image: IMAGE, command: [sh, -c, 'true']}
";
const DOCKERFILE: &str = "
FROM IMAGE
ARG WORD
COPY . /context/
RUN echo $WORD > /word
CMD [\"sh\", \"-c\", \"trap exit TERM; while :; do sleep 0.1; done\"]
";

/// Where a plugin is for all users of a machine.
const FOLDERS: &[&str] = &[
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];

/// A project whose images are removed with it.
struct Shop(Scene);

impl Shop {
    fn new(compose: &str) -> Option<Self> {
        let scene = Scene::new("services: {}")?;
        let shop = Self(scene);
        shop.rewrite(compose);
        shop.write("web/Dockerfile", DOCKERFILE);
        shop.write("web/.dockerignore", "*.secret\n");
        shop.write("web/a", "a");
        shop.write("web/b.secret", "b");
        Some(shop)
    }

    fn rewrite(&self, compose: &str) {
        self.0.rewrite(&compose.replace("PROJECT", self.0.project.name()));
    }

    fn write(&self, path: &str, text: &str) {
        self.0
            .sandbox
            .write(path, text.replace("IMAGE", &self.0.engine.image()));
    }

    fn image(&self, service: &str, format: &str) -> String {
        let image = self.0.container(service);
        self.0.engine.docker(&["image", "inspect", "--format", format, &image])
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.0.engine.remove_labelled(&self.0.project.label());
        let filter = format!("label={}", self.0.project.label());
        let images = self
            .0
            .engine
            .try_docker(&["images", "-q", "--filter", &filter])
            .unwrap_or_default();
        for image in images.lines() {
            let _ = self.0.engine.try_docker(&["rmi", "-f", image]);
        }
    }
}

/// Puts the machine's own plugin where the sandbox's docker CLI would look. `false` where there is none.
fn install_buildx(shop: &Shop) -> bool {
    let own = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let own = own.or_else(|| std::env::home_dir().map(|home| home.join(".docker")));
    let folders = own.into_iter().map(|folder| folder.join("cli-plugins"));
    let folders = folders.chain(FOLDERS.iter().map(PathBuf::from));
    let mut plugins = folders.map(|folder| folder.join("docker-buildx"));
    let works = |plugin: &PathBuf| {
        Command::new(plugin)
            .arg("version")
            .output()
            .is_ok_and(|run| run.status.success())
    };
    let Some(plugin) = plugins.find(works) else {
        skip::always("there is no plugin `buildx`");
        return false;
    };
    let folder = shop.0.sandbox.home().join(".docker/cli-plugins");
    std::fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(plugin, folder.join("docker-buildx")).unwrap();
    true
}

fn builds_and_builds_again(shop: &Shop) {
    let told = shop.0.ok(&["up", "-d"]).stderr;
    assert!(
        told.contains("-web  Built") && told.contains("-base:1  Built"),
        "{told}"
    );
    let listing = shop.0.ok(&["logs", "base"]).stdout;
    assert!(listing.contains("base"), "{listing}");
    let seen = shop
        .0
        .engine
        .docker(&["exec", &shop.0.container("web-1"), "sh", "-c", "ls /context; cat /word"]);
    assert_eq!(seen.split_whitespace().collect::<Vec<_>>(), ["Dockerfile", "a", "one"]);
    let label = |label: &str| {
        shop.image(
            "web",
            &format!("{{{{index .Config.Labels \"com.docker.compose.{label}\"}}}}"),
        )
    };
    assert_eq!(label("project"), shop.0.project.name());
    assert_eq!(
        (label("service"), label("version")),
        ("web".to_owned(), "2.40.3".to_owned())
    );

    // What is there is not built again, and its containers stay.
    let (image, container) = (shop.image("web", "{{.Id}}"), shop.0.id("web-1"));
    shop.write("web/a", "b");
    let told = shop.0.ok(&["up", "-d"]).stderr;
    assert!(!told.contains("Built"), "{told}");
    assert_eq!(shop.0.id("web-1"), container);
    // Unless that is asked for: then whoever has the image is made anew.
    shop.0.ok(&["up", "-d", "--build"]);
    assert_ne!(shop.image("web", "{{.Id}}"), image);
    assert_ne!(shop.0.id("web-1"), container);

    // What has a name of its own, and what others use, stays.
    let named = format!("{}-base:1", shop.0.project.name());
    let there = |image: &str| shop.0.engine.try_docker(&["image", "inspect", image]).is_ok();
    shop.0.ok(&["down", "--rmi", "local"]);
    assert!(!there(&shop.0.container("web")) && there(&named) && there(&shop.0.engine.image()));
}

/// A machine may have the plugin for all of its users, and then nothing is built without it.
fn without_buildx() -> bool {
    let there = FOLDERS
        .iter()
        .any(|folder| Path::new(folder).join("docker-buildx").exists());
    if there {
        skip::always("the plugin `buildx` is there for all users");
    }
    !there
}

#[test]
fn the_engines_first_builder_builds_what_is_missing() {
    let Some(mut shop) = Shop::new(SHOP) else { return };
    shop.0.sandbox.set("DOCKER_BUILDKIT", "0");
    builds_and_builds_again(&shop);
}

#[test]
fn the_engines_buildkit_builds_what_is_missing_and_says_which_step_failed() {
    let Some(shop) = Shop::new(SHOP) else { return };
    if !without_buildx() {
        return;
    }
    builds_and_builds_again(&shop);
    says_which_step_failed(&shop);
    // What is not there is no error, but it is asked for.
    shop.rewrite(&SHOP.replace("shop}", "shop}, cache_from: ['127.0.0.1:1/no/cache:1']"));
    let told = shop.0.ok(&["build", "base"]).stderr;
    assert!(told.contains("Cache 127.0.0.1:1/no/cache:1  Not used: "), "{told}");
    shop.rewrite("services: {web: {build: {context: web, platforms: [linux/amd64, linux/arm64], cache_to: ['type=local,dest=/x']}}}");
    let run = shop.0.sandbox.fails(&["build"]);
    assert!(
        run.stderr.contains("several `platforms`") && run.stderr.contains("`cache_to` of type `local`"),
        "{}",
        run.stderr
    );
    let run = shop.0.sandbox.fails(&["build", "--check"]);
    assert!(
        run.stderr.contains("`--check` needs the plugin `buildx`"),
        "{}",
        run.stderr
    );
}

/// A context holds what it holds, and the engine gets only what it does not have.
#[test]
fn only_what_changed_is_sent_to_the_engines_buildkit() {
    const LARGE: usize = 3 << 20;
    let Some(mut shop) = Shop::new("services: {web: {build: web}}") else {
        return;
    };
    if !without_buildx() {
        return;
    }
    let Some(meter) = Meter::before(shop.0.engine.host()) else {
        skip::always("the engine does not listen on a socket");
        return;
    };
    shop.0
        .sandbox
        .set("DOCKER_HOST", format!("unix://{}", meter.socket.display()));
    let noise = |seed: u64| -> Vec<u8> {
        let mut random = Random(seed);
        (0..LARGE).map(|_| u8::try_from(random.below(256)).unwrap()).collect()
    };
    let seed = std::process::id().into();
    shop.0.sandbox.write("web/large", noise(seed));
    shop.0.sandbox.write("web/more.secret", noise(seed + 1));
    // All are asked for at once.
    for file in 0..3000 {
        shop.0.sandbox.write(format!("web/many/{file}"), "x");
    }
    let large = shop.0.sandbox.project().join("web/large");
    let web = large.parent().unwrap();
    std::fs::set_permissions(&large, std::os::unix::fs::PermissionsExt::from_mode(0o751)).unwrap();
    std::os::unix::fs::symlink("large", web.join("link")).unwrap();
    shop.write(
        "web/Dockerfile",
        "FROM IMAGE\nCOPY . /context/\nRUN ls -l /context > /list\n",
    );
    let sent = || {
        let before = meter.sent();
        shop.0.ok(&["build"]);
        meter.sent() - before
    };
    let first = sent();
    assert!((LARGE..LARGE * 2).contains(&first), "{first}");
    shop.write("web/a", "another");
    let second = sent();
    assert!(second < LARGE / 5, "{second}");
    let image = shop.0.container("web");
    let listing = shop
        .0
        .engine
        .docker(&["run", "--rm", &image, "cat", "/list", "/context/a"]);
    assert!(
        listing.contains("-rwxr-x--x") && listing.contains("link -> large") && listing.contains("another"),
        "{listing}"
    );
    assert!(!listing.contains("more.secret"), "{listing}");
}

#[test]
fn builds_see_the_ssh_agent_through_the_engines_buildkit() {
    let Some(mut shop) = Shop::new("services: {web: {build: {context: web, ssh: [default]}}}") else {
        return;
    };
    if !without_buildx() {
        return;
    }
    shop.write(
        "web/Dockerfile",
        "FROM IMAGE\nRUN --mount=type=ssh ls -l $SSH_AUTH_SOCK > /said\n",
    );
    shop.0.sandbox.unset("SSH_AUTH_SOCK");
    let run = shop.0.sandbox.fails(&["build"]);
    assert!(run.stderr.contains("has no agent"), "{}", run.stderr);
    let file = shop.0.sandbox.write("key", "-----BEGIN");
    let run = shop
        .0
        .sandbox
        .fails(&["build", "--ssh", &format!("default={}", file.display())]);
    assert!(
        run.stderr.contains("no socket of an agent") && run.stderr.contains("ssh-add"),
        "{}",
        run.stderr
    );
    let socket = shop.0.sandbox.home().join("agent");
    let _agent = UnixListener::bind(&socket).unwrap();
    shop.0.sandbox.set("SSH_AUTH_SOCK", socket.display().to_string());
    shop.0.ok(&["build"]);
    let said = shop
        .0
        .engine
        .docker(&["run", "--rm", &shop.0.container("web"), "cat", "/said"]);
    assert!(said.starts_with("srw"), "{said}");
}

/// The engine's socket, with a count of what is sent to it.
struct Meter {
    socket: PathBuf,
    sent: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
}

impl Meter {
    fn before(host: &str) -> Option<Self> {
        let engine = PathBuf::from(host.strip_prefix("unix://")?);
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let far = UnixStream::connect(&engine).unwrap();
                let (mut answers, mut back) = (far.try_clone().unwrap(), near.try_clone().unwrap());
                let count = Arc::clone(&count);
                std::thread::spawn(move || {
                    let (mut near, mut far, mut buffer) = (near, far, vec![0; 1 << 16]);
                    while let Ok(length @ 1..) = near.read(&mut buffer) {
                        count.fetch_add(length, Ordering::Relaxed);
                        if far.write_all(&buffer[..length]).is_err() {
                            break;
                        }
                    }
                    let _ = far.shutdown(Shutdown::Write);
                });
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut answers, &mut back);
                    let _ = back.shutdown(Shutdown::Write);
                });
            }
        });
        Some(Self {
            socket,
            sent,
            _folder: folder,
        })
    }

    fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }
}

#[test]
fn buildx_builds_what_is_missing_and_says_which_step_failed() {
    let Some(shop) = Shop::new(SHOP) else { return };
    if !install_buildx(&shop) {
        return;
    }
    builds_and_builds_again(&shop);
    says_which_step_failed(&shop);
}

fn says_which_step_failed(shop: &Shop) {
    shop.write("web/Dockerfile", "FROM IMAGE\nRUN echo why; exit 3\n");
    let run = shop.0.sandbox.fails(&["build", "web"]);
    let place = "compose.yaml:3";
    assert!(
        run.stderr.contains("why") && run.stderr.contains(place),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr
            .contains("service `web` cannot be built: `[2/2] RUN echo why; exit 3`"),
        "{}",
        run.stderr
    );
    shop.rewrite(
        "services: {web: {build: web}, slow: {build: {dockerfile_inline: \"FROM IMAGE\\nRUN sleep 1000\\n\"}}}",
    );
    let run = shop.0.sandbox.fails(&["build"]);
    assert!(
        run.stderr.contains("-web  Error") && run.stderr.contains("-slow  Cancelled"),
        "{}",
        run.stderr
    );
}

#[test]
fn secrets_reach_a_build_and_nothing_else() {
    let Some(mut shop) = Shop::new(
        "services: {web: {build: {context: web, secrets: [word, more, none]}}}
secrets: {word: {environment: WORD}, more: {file: 'a,b'}, none: {environment: NONE}}",
    ) else {
        return;
    };
    shop.0.sandbox.set("WORD", "hush");
    shop.write("a,b", "");
    shop.write(
        "web/Dockerfile",
        "FROM IMAGE\nRUN --mount=type=secret,id=word --mount=type=secret,id=more cat /run/secrets/more /run/secrets/word | base64 > /word\nCMD [\"cat\", \"/word\"]\n",
    );
    let reached = |shop: &Shop| {
        let told = shop.0.ok(&["build", "--no-cache"]).stderr;
        assert!(told.contains("Secret none  Not given: `NONE` is not set"), "{told}");
        let word = shop.0.engine.docker(&["run", "--rm", &shop.0.container("web")]);
        assert_eq!(word, "aHVzaA==");
    };
    if without_buildx() {
        shop.0.sandbox.set("DOCKER_BUILDKIT", "0");
        let refused = shop.0.sandbox.fails(&["build"]).stderr;
        assert!(
            refused.contains("cannot honour `secrets`") && refused.contains("unset DOCKER_BUILDKIT"),
            "{refused}"
        );
        shop.0.sandbox.unset("DOCKER_BUILDKIT");
        reached(&shop);
    }
    if !install_buildx(&shop) {
        return;
    }
    reached(&shop);
    let printed = shop.0.ok(&["build", "--print"]).stdout;
    assert!(
        printed.contains("id=word,type=env,env=WORD") && !printed.contains("hush"),
        "{printed}"
    );
}

fn by_each_builder(shop: &mut Shop, check: impl Fn(&Shop)) {
    shop.0.sandbox.set("DOCKER_BUILDKIT", "0");
    check(shop);
    shop.0.sandbox.unset("DOCKER_BUILDKIT");
    check(shop);
    if install_buildx(shop) {
        check(shop);
    }
}

#[test]
fn what_is_not_there_is_told_at_its_place_before_anything_is_built() {
    let Some(mut shop) = Shop::new(
        "services:
  web: {build: {context: web, dockerfile: other}}
  far: {build: nowhere}
  shut: {build: {context: web, secrets: [word]}}
  near: {build: {context: web, additional_contexts: {more: elsewhere}}}
secrets: {word: {file: word.txt}}
",
    ) else {
        return;
    };
    by_each_builder(&mut shop, |shop| {
        let told = shop.0.sandbox.fails(&["build"]).stderr;
        let folder = shop.0.sandbox.project().display().to_string();
        let told = told.replace(&folder, "");
        for expected in [
            "service `web` cannot be built: there is no /web/other\n --> compose.yaml:2:43",
            "service `far` cannot be built: there is no folder /nowhere\n --> compose.yaml:3:16",
            "service `shut` cannot be built: there is no /word.txt for the secret `word`\n --> compose.yaml:4:",
            "service `near` cannot be built: there is no folder /elsewhere\n --> compose.yaml:5:",
        ] {
            assert!(told.contains(expected), "{expected}\n{told}");
        }
        assert!(!told.contains("Building"), "{told}");
    });
}

#[test]
fn images_are_listed_by_the_names_that_containers_have_for_them() {
    let Some(shop) =
        Shop::new("services: {web: {image: 'PROJECT-web:b', build: {context: web, tags: ['PROJECT-web:a']}}}")
    else {
        return;
    };
    shop.0.ok(&["up", "-d"]);
    let listed = shop.0.ok(&["images", "--format", "json"]).stdout;
    assert!(listed.contains("\"Tag\":\"b\""), "{listed}");
}

#[test]
fn a_dockerfile_may_be_written_small() {
    let Some(mut shop) = Shop::new("services: {web: {build: small}}") else {
        return;
    };
    shop.write("small/dockerfile", "FROM IMAGE\nRUN echo $((40 + 2)) seen\n");
    by_each_builder(&mut shop, |shop| {
        let told = shop.0.ok(&["build", "--no-cache"]).stderr;
        assert!(
            told.contains("Building  42 seen") && told.contains("-web  Built"),
            "{told}"
        );
    });
}

#[test]
fn the_bake_file_is_docker_composes() {
    let Some(shop) = Shop::new(SHOP) else { return };
    shop.rewrite(&SHOP.replace("shop}", "shop}, target: x, cache_from: [a/b], pull: true, shm_size: 1m"));
    let Some(theirs) = shop.0.docker_compose(&["build", "--print"]) else {
        return;
    };
    let theirs: serde_json::Value = serde_json::from_str(&theirs).unwrap();
    let mut ours: serde_json::Value = serde_json::from_str(&shop.0.ok(&["build", "--print"]).stdout).unwrap();
    for (name, theirs) in theirs["target"].as_object().unwrap() {
        let ours = &mut ours["target"][name];
        // The same file, by its whole path.
        if let Some(file) = ours.get("dockerfile").and_then(serde_json::Value::as_str) {
            ours["dockerfile"] = format!("{}/{file}", ours["context"].as_str().unwrap()).into();
        }
        assert_eq!(ours, theirs);
    }
}

/// What a `pull_policy` pulls, from a registry that wants to know who asks.
#[test]
fn images_are_pushed_and_pulled_with_what_docker_login_stored() {
    let Some(registry) = Registry::closed() else { return };
    let image = format!("{}/shop/web:1", registry.address);
    let compose = format!(
        "services:\n  web: {{image: '{image}', build: {{context: web, args: {{WORD: x}}}}}}\n  plain: {{build: web}}\n"
    );
    let Some(shop) = Shop::new(&compose) else { return };
    shop.0.ok(&["build", "web"]);
    let refused = shop.0.sandbox.fails(&["push"]).stderr;
    assert!(
        refused.contains("cannot push") && refused.contains("docker login"),
        "{refused}"
    );

    let auth = BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let settings = format!("{{\"auths\": {{\"{}\": {{\"auth\": \"{auth}\"}}}}}}", registry.address);
    let home = shop.0.sandbox.home();
    std::fs::create_dir_all(home.join(".docker")).unwrap();
    std::fs::write(home.join(".docker/config.json"), settings).unwrap();
    let told = shop.0.ok(&["push"]).stderr;
    assert!(
        told.contains("web:1  Pushed") && told.contains("plain  Not pushed"),
        "{told}"
    );

    let there = || shop.0.engine.try_docker(&["image", "inspect", &image]).is_ok();
    let pull = |arguments: &[&str]| shop.0.ok(&[&["pull"], arguments].concat()).stderr;
    shop.0.engine.docker(&["rmi", "-f", &image]);
    for (policy, arguments, pulled, then) in [
        ("never", &[][..], false, false),
        ("build", &[], false, false),
        ("missing", &["--ignore-buildable"], false, false),
        ("missing", &[], true, true),
        ("missing", &[], false, true),
        ("never", &["--policy", "missing"], false, true),
        ("never", &["--policy", "always"], true, true),
        ("daily", &[], true, true),
        ("daily", &[], false, true),
        ("every_1w2d", &[], false, true),
    ] {
        shop.rewrite(&format!(
            "services: {{web: {{image: '{image}', build: web, pull_policy: {policy}}}}}"
        ));
        let told = pull(arguments);
        assert_eq!(
            (told.contains("Pulled"), there()),
            (pulled, then),
            "{policy} {arguments:?}\n{told}"
        );
    }
    shop.rewrite(&format!(
        "services: {{web: {{image: '{image}x', build: web}}, other: {{image: '{image}'}}}}"
    ));
    let refused = shop.0.sandbox.fails(&["pull"]).stderr;
    assert!(
        refused.contains("compose.yaml:1:") && refused.contains("`ctx build web` makes it"),
        "{refused}"
    );
    let told = pull(&["--ignore-pull-failures"]);
    assert!(told.contains("web:1  Pulled"), "{told}");
    shop.0.engine.docker(&["rmi", "-f", &image]);
}
