//! The AWS laboratory (`tests/lab`), started once for tests without containers, and once for each test with them.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::Credentials;

use super::engine::{Engine, Turn};
use super::http::{self, Page};
use super::sandbox::Sandbox;
use super::{deadline, skip};

pub const REGION: &str = "eu-central-1";

/// An AWS account of the test's own.
pub struct Lab {
    account: String,
    process: Arc<Process>,
}

struct Process {
    child: Child,
    url: String,
    /// Present where tasks run as containers.
    engine: Option<(Engine, Turn)>,
    /// What it says on standard error: a file without a name.
    log: File,
}

impl Lab {
    /// An account of the laboratory that all tests of a binary share. Its tasks run as soon as they are asked for,
    /// and do nothing. `None` where there is no laboratory; the test was reported as skipped then.
    pub fn shared() -> Option<Self> {
        static SHARED: OnceLock<Option<Arc<Process>>> = OnceLock::new();
        let process = SHARED.get_or_init(|| Process::start(None, &[]).map(Arc::new));
        process.clone().map(Self::account_in)
    }

    /// A laboratory of the test's own, whose tasks are containers on the Docker engine.
    pub fn with_containers() -> Option<Self> {
        let engine = Engine::reach()?;
        engine.make_busybox()?;
        let turn = Turn::take();
        Process::start(Some((engine, turn)), &[]).map(|process| Self::account_in(Arc::new(process)))
    }

    /// A laboratory of the test's own, which ends when the test drops it.
    pub fn alone() -> Option<Self> {
        Process::start(None, &[]).map(|process| Self::account_in(Arc::new(process)))
    }

    /// A laboratory of the test's own which allows what IAM policies allow. The account's own key may do everything.
    pub fn enforcing() -> Option<Self> {
        Process::start(None, &["--enforce"]).map(|process| Self::account_in(Arc::new(process)))
    }

    fn account_in(process: Arc<Process>) -> Self {
        static ACCOUNTS: AtomicU32 = AtomicU32::new(1);
        let account = format!("1{:011}", ACCOUNTS.fetch_add(1, Ordering::Relaxed));
        Self { account, process }
    }

    pub fn url(&self) -> &str {
        &self.process.url
    }

    /// The account's id; it is the access key too.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Makes the sandbox's `ctx` meet this account where it looks for AWS.
    pub fn furnish(&self, sandbox: &mut Sandbox) {
        sandbox
            .set("AWS_ENDPOINT_URL", self.url())
            .set("AWS_ACCESS_KEY_ID", self.account())
            .set("AWS_SECRET_ACCESS_KEY", "of the laboratory")
            .set("AWS_REGION", REGION)
            .unset("DOCKER_HOST");
    }

    /// Fetches a page through an emulated load balancer, which the laboratory tells by the name that is asked for.
    pub fn fetch(&self, load_balancer: &str, path: &str) -> std::io::Result<Page> {
        http::get(self.url(), load_balancer, path)
    }

    /// What SDK clients that look inside need.
    pub fn aws(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(self.url())
            .credentials_provider(aws_sdk_sts::config::SharedCredentialsProvider::new(Credentials::new(
                &self.account,
                "of the laboratory",
                None,
                None,
                "tests",
            )))
            .build()
    }

    /// The stacks that are there, of whatever status but deleted.
    pub fn stacks(&self) -> Vec<String> {
        let client = aws_sdk_cloudformation::Client::new(&self.aws());
        let stacks = deadline::block_on(
            client
                .describe_stacks()
                .into_paginator()
                .items()
                .send()
                .collect::<Vec<_>>(),
        );
        stacks
            .into_iter()
            .map(|stack| stack.unwrap().stack_name.unwrap_or_default())
            .collect()
    }

    pub fn secrets(&self) -> Vec<String> {
        let client = aws_sdk_secretsmanager::Client::new(&self.aws());
        let pages = deadline::block_on(client.list_secrets().into_paginator().send().collect::<Vec<_>>());
        let secrets = pages
            .into_iter()
            .flat_map(|page| page.unwrap().secret_list.unwrap_or_default());
        secrets.map(|secret| secret.name.unwrap_or_default()).collect()
    }

    pub fn log_groups(&self) -> Vec<String> {
        let client = aws_sdk_cloudwatchlogs::Client::new(&self.aws());
        let groups = deadline::block_on(client.describe_log_groups().send()).unwrap();
        let groups = groups.log_groups.unwrap_or_default().into_iter();
        groups.filter_map(|group| group.log_group_name).collect()
    }

    pub fn file_systems(&self) -> Vec<String> {
        let client = aws_sdk_efs::Client::new(&self.aws());
        let systems = deadline::block_on(
            client
                .describe_file_systems()
                .into_paginator()
                .items()
                .send()
                .collect::<Vec<_>>(),
        );
        systems
            .into_iter()
            .map(|system| system.unwrap().file_system_id)
            .collect()
    }

    /// The names of the containers that its tasks are made of, running or not.
    pub fn containers(&self) -> Vec<String> {
        let Some((engine, _)) = &self.process.engine else {
            return Vec::new();
        };
        engine.containers(&self.process.label())
    }

    /// What the laboratory has said so far, for the message of a test that failed.
    pub fn log(&self) -> String {
        text_of(&self.process.log)
    }
}

impl Process {
    fn start(engine: Option<(Engine, Turn)>, options: &[&str]) -> Option<Self> {
        let Some(bin) = std::env::var_os("CTX_TEST_PYTHON_BIN") else {
            skip::or_fail("CTX_TEST_PYTHON_BIN does not name the laboratory's Python; `tests/run` sets it up");
            return None;
        };
        let log = tempfile::tempfile().expect("a temporary file");
        let mut command = Command::new(Path::new(&bin).join("python"));
        command.args(["-m", "lab"]).args(options);
        if let Some((engine, _)) = &engine {
            command.args(["--containers", "--image", &engine.image()]);
        }
        let mut child = command
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // The laboratory ends when this pipe is closed, as it is at the latest when this process dies.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.try_clone().expect("a second handle of the log"))
            .spawn()
            .expect("the laboratory's Python starts");
        let stdout = child.stdout.take().expect("standard output is a pipe");
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(stdout).read_line(&mut line);
            let _ = sender.send(line);
        });
        let line = receiver.recv_timeout(Duration::from_mins(1)).unwrap_or_default();
        let url = serde_json::from_str::<serde_json::Value>(&line)
            .ok()
            .and_then(|ready| Some(ready["url"].as_str()?.to_owned()));
        let Some(url) = url else {
            let _ = child.kill();
            panic!("the laboratory did not start:\n{}", text_of(&log));
        };
        Some(Self {
            child,
            url,
            engine,
            log,
        })
    }

    /// What ministack labels its containers with.
    fn label(&self) -> String {
        format!("ministack.instance={}", self.url.trim_start_matches("http://"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if deadline::within(Duration::from_secs(20), || self.child.try_wait().ok().flatten()).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if let Some((engine, _)) = &self.engine {
            engine.remove_labelled(&self.label());
            let port = self.url.rsplit(':').next().unwrap_or_default();
            engine.remove_labelled(&format!("ctx.lab={port}"));
        }
    }
}

/// A file's text from its beginning, wherever its writer is.
fn text_of(file: &File) -> String {
    let mut bytes = vec![
        0;
        file.metadata()
            .map_or(0, |file| usize::try_from(file.len()).unwrap_or(0))
    ];
    let read = file.read_at(&mut bytes, 0).unwrap_or(0);
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}
