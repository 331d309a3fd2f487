//! Compose files in git repositories.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::sandbox::Sandbox;
use crate::support::server::Server;

/// A repository of the test's own, which is cloned from.
struct Repository {
    folder: PathBuf,
    home: PathBuf,
}

impl Repository {
    fn new(sandbox: &Sandbox) -> Self {
        let repository = Self {
            folder: sandbox.home().join("r.git"),
            home: sandbox.home(),
        };
        let folder = repository.folder.display().to_string();
        repository.git(Path::new("/"), &["init", "-q", "--bare", "-b", "main", &folder]);
        repository
    }

    /// Commits files (a content `-> target` is a link) and pushes them; gives the commit.
    fn commit(&self, files: &[(&str, &str)]) -> String {
        let work = tempfile::tempdir().unwrap();
        let work = work.path();
        self.git(work, &["init", "-q", "-b", "main"]);
        for (name, content) in files {
            let path = work.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            match content.strip_prefix("-> ") {
                Some(target) => std::os::unix::fs::symlink(target, path).unwrap(),
                None => std::fs::write(path, content).unwrap(),
            }
        }
        self.git(work, &["add", "-A"]);
        self.git(work, &["commit", "-q", "-m", "test"]);
        self.git(
            work,
            &["push", "-q", "--force", &self.folder.display().to_string(), "main"],
        );
        self.git(work, &["rev-parse", "HEAD"]).trim().to_owned()
    }

    fn git(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=test", "-c", "user.email=test@example.com"])
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .env("HOME", &self.home)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .expect("git is here");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {}: {error}", arguments.join(" "));
        String::from_utf8(output.stdout).unwrap()
    }

    fn url(&self, rest: &str) -> String {
        format!("file://{}{rest}", self.folder.display())
    }
}

fn cache(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join(".cache/ctx/remote")
}

fn in_cache(sandbox: &Sandbox) -> Vec<String> {
    let entries = std::fs::read_dir(cache(sandbox)).into_iter().flatten();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

const SUBPROJECT: &str = "services:\n  sub:\n    image: alpine\n    volumes: [./x:/x]\n    \
     extends: {file: ../common.yaml, service: base}\n";

#[test]
fn relative_paths_lie_in_the_fetched_tree_and_the_name_comes_from_here() {
    let sandbox = Sandbox::new();
    let repository = Repository::new(&sandbox);
    let commit = repository.commit(&[
        (
            "compose.yaml",
            "services:\n  web:\n    image: nginx\n    env_file: web.env\n    volumes: [./data:/data]\n",
        ),
        ("web.env", "A=1\n"),
        ("sub/compose.yml", SUBPROJECT),
        ("common.yaml", "services: {base: {volumes: [./b:/b]}}\n"),
    ]);
    let tree = cache(&sandbox).join(format!("git-{commit}")).display().to_string();
    let run = sandbox.ok(&["-f", &repository.url(""), "config"]);
    assert!(run.stdout.starts_with("name: project\n"), "{}", run.stdout);
    assert!(run.stdout.contains("A: \"1\""), "{}", run.stdout);
    assert!(run.stdout.contains(&format!("source: {tree}/data\n")), "{}", run.stdout);
    for place in ["#main:sub", "#:sub/compose.yml", "#main:./sub/../sub/"] {
        let run = sandbox.ok(&["-f", &repository.url(place), "config"]);
        assert!(
            run.stdout.contains(&format!("source: {tree}/sub/x\n")),
            "{}",
            run.stdout
        );
        assert!(run.stdout.contains(&format!("source: {tree}/b\n")), "{}", run.stdout);
    }
}

#[test]
fn a_branch_is_asked_for_each_time_and_a_commit_only_once() {
    let sandbox = Sandbox::new();
    let repository = Repository::new(&sandbox);
    let images = |reference: &str| sandbox.run(&["-f", &repository.url(reference), "config", "--images"]);
    let first = repository.commit(&[("compose.yaml", "services: {a: {image: first}}\n")]);
    repository.git(&repository.folder, &["tag", "-a", "v1", "-m", "one", "main"]);
    assert_eq!(images("").stdout, "first\n");
    repository.commit(&[("compose.yaml", "services: {a: {image: second}}\n")]);
    assert_eq!(images("#main").stdout, "second\n");
    assert_eq!(images("#v1").stdout, "first\n");
    assert_eq!(images("?tag=v1").stdout, "first\n");
    assert_eq!(images(&format!("?ref=v1&commit={}", &first[..12])).stdout, "first\n");
    let moved = images(&format!("?ref=main&commit={first}"));
    assert!(moved.stderr.contains("and not"), "{}", moved.stderr);
    // A tag with a message is found under the commit that it means.
    assert_eq!(in_cache(&sandbox).len(), 2);

    std::fs::remove_dir_all(&repository.folder).unwrap();
    assert_eq!(images(&format!("#{first}")).stdout, "first\n");
    let gone = images("#main");
    assert_eq!(gone.code, 1);
    assert!(gone.stderr.contains("git says: "), "{}", gone.stderr);
}

#[test]
fn a_commit_that_no_branch_has_is_fetched_too() {
    let sandbox = Sandbox::new();
    let repository = Repository::new(&sandbox);
    let old = repository.commit(&[("compose.yaml", "services: {a: {image: old}}\n")]);
    repository.commit(&[("compose.yaml", "services: {a: {image: new}}\n")]);
    let run = sandbox.ok(&["-f", &repository.url(&format!("#{old}")), "config", "--images"]);
    assert_eq!(run.stdout, "old\n");
}

#[test]
fn the_settings_of_the_users_git_hold() {
    let sandbox = Sandbox::new();
    let repository = Repository::new(&sandbox);
    repository.commit(&[("compose.yaml", "services: {a: {image: x}}\n")]);
    let key = format!("url.{}/.insteadOf", sandbox.home().display());
    repository.git(Path::new("/"), &["config", "--global", &key, "https://git.example/"]);
    let run = sandbox.ok(&["-f", "https://git.example/r.git#main", "config", "--images"]);
    assert_eq!(run.stdout, "x\n");
}

#[test]
fn a_password_in_an_address_reaches_the_server_and_is_not_shown() {
    let sandbox = Sandbox::new();
    let basic = format!("Basic {}", STANDARD.encode("me:s/cret"));
    let server = Server::start(move |_, asked| {
        let head = "WWW-Authenticate: Basic realm=\"test\"\r\n".to_owned();
        // Who is known learns that there is nothing.
        let status = if asked.authorization() == basic { 404 } else { 401 };
        (status, head, String::new())
    });
    let name = format!("http://me:s%2Fcret@{}/r.git", server.address);
    let run = sandbox.fails(&["-f", &name, "config"]);
    let shown = format!("cannot load `http://{}/r.git`", server.address);
    assert!(run.stderr.contains(&shown), "{}", run.stderr);
    assert!(run.stderr.contains("not found"), "{}", run.stderr);
    assert!(!run.stderr.contains("cret@"), "{}", run.stderr);
}

#[test]
fn a_list_of_files_says_how_its_addresses_are_kept_whole() {
    let mut sandbox = Sandbox::new();
    let repository = Repository::new(&sandbox);
    repository.commit(&[("compose.yaml", "services: {a: {image: x}}\n")]);
    sandbox.set("COMPOSE_FILE", repository.url(""));
    let run = sandbox.fails(&["config", "--images"]);
    assert!(run.stderr.contains("`COMPOSE_PATH_SEPARATOR=,`"), "{}", run.stderr);
    sandbox.set("COMPOSE_PATH_SEPARATOR", ",");
    assert_eq!(sandbox.ok(&["config", "--images"]).stdout, "x\n");
}

#[test]
fn include_and_extends_reach_repositories_and_say_where_they_do_not() {
    let sandbox = Sandbox::new();
    let repository = Repository::new(&sandbox);
    repository.commit(&[
        (
            "compose.yaml",
            "include: [sub/compose.yaml]\nservices: {web: {image: \"nginx:${TAG}\"}}\n",
        ),
        (".env", "TAG=of-the-repository\n"),
        ("sub/compose.yaml", SUBPROJECT),
        ("common.yaml", "services: {base: {volumes: [./b:/b]}}\n"),
    ]);
    let (whole, sub) = (repository.url(""), repository.url("#main:sub"));
    sandbox.write(
        "compose.yaml",
        format!("include: [\"{whole}\"]\nservices:\n  mine: {{extends: {{file: \"{sub}\", service: sub}}}}\n"),
    );
    let run = sandbox.ok(&["config"]);
    for expected in ["nginx:of-the-repository", "/b\n", "/sub/x\n"] {
        assert!(run.stdout.contains(expected), "{expected}: {}", run.stdout);
    }
    let missing = repository.url("#missing");
    sandbox.write(
        "compose.yaml",
        format!("include:\n  - path: \"{missing}\"\nservices: {{}}\n"),
    );
    let run = sandbox.fails(&["config"]);
    assert!(
        run.stderr.contains("the repository has no branch or tag `missing`"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("compose.yaml:2:"), "{}", run.stderr);
    let nothing = repository.url("#main:sub/none");
    sandbox.write(
        "compose.yaml",
        format!("services:\n  a:\n    extends: {{service: b, file: \"{nothing}\"}}\n"),
    );
    let run = sandbox.fails(&["config"]);
    assert!(
        run.stderr.contains("there is no Compose file at `sub/none`"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("compose.yaml:3:"), "{}", run.stderr);
}

#[test]
fn nothing_leads_out_of_the_fetched_tree() {
    let sandbox = Sandbox::new();
    sandbox.write("outside.yaml", "services: {base: {image: stolen}}\n");
    let outside = sandbox.write("outside.env", "STOLEN=1\n").display().to_string();
    let link = format!("-> {outside}");
    let repository = Repository::new(&sandbox);
    let base = |attribute: &str| format!("services:\n  a:\n    image: x\n    {attribute}\n");
    let others = repository.url("");
    for (compose, more) in [
        (format!("include: [{}]\n", "../".repeat(20) + "etc/compose.yaml"), None),
        (format!("include: [{outside}]\n"), None),
        (format!("include: [\"{others}\"]\n"), None),
        (
            format!("include: [{{path: sub.yaml, env_file: {outside}}}]\n"),
            Some(("sub.yaml", "services: {}\n")),
        ),
        (base("extends: {file: ../../outside.yaml, service: base}"), None),
        (
            base("extends: {file: link.yaml, service: base}"),
            Some(("link.yaml", link.as_str())),
        ),
        (base(&format!("env_file: {outside}")), None),
        (base("env_file: [{path: ../../x.env, required: false}]"), None),
        (base("env_file: link.env"), Some(("link.env", link.as_str()))),
        (base(&format!("label_file: {outside}")), None),
        (base("volumes: [../../x:/x]"), None),
        (base("volumes: [./link:/x]"), Some(("link", link.as_str()))),
        (base("build: ../.."), None),
        ("services: {}\nsecrets: {s: {file: ../../x}}\n".to_owned(), None),
    ] {
        let mut files = vec![("compose.yaml", compose.as_str())];
        files.extend(more);
        repository.commit(&files);
        let run = sandbox.fails(&["-f", &repository.url(""), "config"]);
        assert!(!run.stderr.contains("STOLEN"), "{compose}\n{}", run.stderr);
        let says = [
            "lies outside of what was fetched",
            "leads out of what was fetched",
            "lies on this machine",
        ];
        assert!(
            says.iter().any(|words| run.stderr.contains(words)),
            "{compose}\n{}",
            run.stderr
        );
    }
    repository.commit(&[("sub/compose.yaml", &link), ("link", "-> /")]);
    for place in ["#main:sub", "#main:link", "#main:../..", "#main:/etc"] {
        let run = sandbox.fails(&["-f", &repository.url(place), "config"]);
        assert!(run.stderr.contains("cannot load"), "{place}\n{}", run.stderr);
    }
    // What a link in a fetched tree leads to is not read by a file from here either.
    repository.commit(&[("compose.yaml", "services: {}\n"), (".env", &link)]);
    sandbox.write("compose.yaml", format!("include: [\"{others}\"]\nservices: {{}}\n"));
    let run = sandbox.fails(&["config"]);
    assert!(
        run.stderr.contains("lies outside of what was fetched"),
        "{}",
        run.stderr
    );
}

#[test]
fn an_absolute_path_for_the_target_stays() {
    let sandbox = Sandbox::new();
    let repository = Repository::new(&sandbox);
    repository.commit(&[(
        "compose.yaml",
        "services: {a: {image: x, volumes: [\"/var/run/docker.sock:/s\"]}}\nsecrets: {s: {file: /run/s}}\n",
    )]);
    let run = sandbox.ok(&["-f", &repository.url(""), "config"]);
    assert!(run.stdout.contains("source: /var/run/docker.sock"), "{}", run.stdout);
}

#[test]
fn a_name_cannot_become_an_option() {
    let sandbox = Sandbox::new();
    let repository = Repository::new(&sandbox);
    repository.commit(&[("compose.yaml", "services: {}\n")]);
    let witness = sandbox.project().join("witness");
    let command = format!("touch {}", witness.display());
    for name in [
        repository.url(&format!("#--upload-pack={command}")),
        repository.url(&format!("?ref=--upload-pack={command}")),
        format!("ext::sh -c {command}"),
        format!("ssh://-oProxyCommand={command}/r.git"),
    ] {
        sandbox.fails(&["-f", &name, "config"]);
        assert!(!witness.exists(), "{name}");
    }
    assert_eq!(in_cache(&sandbox), Vec::<String>::new());
}

#[test]
fn repositories_can_be_switched_off() {
    let mut sandbox = Sandbox::new();
    let repository = Repository::new(&sandbox);
    repository.commit(&[("compose.yaml", "services: {}\n")]);
    for (value, says) in [("false", "forbids it"), ("maybe", "must be `true` or `false`")] {
        sandbox.set("COMPOSE_EXPERIMENTAL_GIT_REMOTE", value);
        let run = sandbox.fails(&["-f", &repository.url(""), "config"]);
        assert!(run.stderr.contains(says), "{}", run.stderr);
    }
    sandbox.set("COMPOSE_EXPERIMENTAL_GIT_REMOTE", "1");
    sandbox.ok(&["-f", &repository.url(""), "config"]);
}

#[test]
fn a_hook_of_another_repository_does_not_lead_astray() {
    let mut sandbox = Sandbox::new();
    let repository = Repository::new(&sandbox);
    repository.commit(&[("compose.yaml", "services: {a: {image: x}}\n")]);
    let elsewhere = sandbox.project().join("elsewhere").display().to_string();
    sandbox
        .set("GIT_DIR", elsewhere.clone())
        .set("GIT_WORK_TREE", elsewhere.clone());
    let run = sandbox.ok(&["-f", &repository.url(""), "config", "--images"]);
    assert_eq!(run.stdout, "x\n");
    assert!(!Path::new(&elsewhere).exists());
}
