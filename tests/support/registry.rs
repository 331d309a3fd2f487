//! Debian's `docker-registry` on a port of this machine, and what `docker compose publish` would put there.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::{http, skip};

pub const USER: &str = "me";
pub const PASSWORD: &str = "se:cret";
/// `USER` and `PASSWORD` as the registry knows them.
const KNOWN: &str = "me:$2y$04$abcdefghijklmnopqrstuu17JYDSDnwCnbeRSI7wxymnD3SKI1vtG\n";

pub struct Registry {
    child: Child,
    /// `127.0.0.1:12345`
    pub address: String,
    authorization: Option<String>,
    _folder: TempDir,
}

impl Registry {
    /// A registry that everybody may use. `None` where none is installed; the test was reported as skipped then.
    pub fn open() -> Option<Self> {
        Self::start(false)
    }

    /// A registry that wants to know a user and a password.
    pub fn closed() -> Option<Self> {
        Self::start(true)
    }

    fn start(closed: bool) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let users = folder.path().join("users");
        std::fs::write(&users, KNOWN).unwrap();
        let mut settings = json!({
            "version": 0.1,
            "log": {"level": "info", "accesslog": {"disabled": true}},
            "storage": {"inmemory": {}},
            "http": {"addr": "127.0.0.1:0", "secret": "of the test"},
        });
        if closed {
            settings["auth"] = json!({"htpasswd": {"realm": "test", "path": users}});
        }
        let file = folder.path().join("config.yml");
        std::fs::write(&file, settings.to_string()).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            skip::or_fail("there is no docker-registry (Debian: apt-get install docker-registry)");
            return None;
        };
        let mut lines = BufReader::new(child.stderr.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let address = lines.find_map(|line| {
            let (_, rest) = line.split_once("listening on ")?;
            Some(rest.split(['"', ' ']).next()?.trim_end_matches(',').to_owned())
        });
        // What nobody reads would stop it some day.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self {
            child,
            address: address.expect("the registry says where it listens"),
            authorization: closed.then(|| STANDARD.encode(format!("{USER}:{PASSWORD}"))),
            _folder: folder,
        })
    }

    /// Uploads a blob; gives its digest.
    pub fn push_blob(&self, repository: &str, content: &[u8]) -> String {
        let digest = digest_of(content);
        let begun = self.send("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], b"");
        let location = begun.header("location").expect("where to upload to");
        let path = location.split_once(&self.address).map_or(location, |(_, path)| path);
        let kind = ["Content-Type: application/octet-stream".to_owned()];
        self.send("PUT", &format!("{path}&digest={digest}"), &kind, content);
        digest
    }

    /// Uploads a manifest under a tag; gives its digest.
    pub fn push_manifest(&self, repository: &str, tag: &str, manifest: &Value) -> String {
        let kind = format!("Content-Type: {}", manifest["mediaType"].as_str().unwrap());
        let content = manifest.to_string();
        self.send(
            "PUT",
            &format!("/v2/{repository}/manifests/{tag}"),
            &[kind],
            content.as_bytes(),
        );
        digest_of(content.as_bytes())
    }

    /// Uploads an image that nobody could run; gives its digest.
    pub fn push_image(&self, repository: &str, tag: &str) -> String {
        let config = self.push_blob(repository, format!("{{\"of\": \"{repository}:{tag}\"}}").as_bytes());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": format!("{{\"of\": \"{repository}:{tag}\"}}").len(),
                "digest": config,
            },
            "layers": [],
        });
        self.push_manifest(repository, tag, &manifest)
    }

    /// Uploads an image for a platform, like `linux/arm64`, that nobody could run; gives its digest.
    pub fn push_image_for(&self, repository: &str, tag: &str, platform: &str) -> String {
        let (os, architecture) = platform.split_once('/').unwrap();
        let settings = json!({"os": os, "architecture": architecture, "of": tag}).to_string();
        let config = self.push_blob(repository, settings.as_bytes());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "size": settings.len(),
                "digest": config,
            },
            "layers": [],
        });
        self.push_manifest(repository, tag, &manifest)
    }

    /// Uploads an index of such images, and an attestation beside them; gives its digest.
    pub fn push_index(&self, repository: &str, tag: &str, platforms: &[&str]) -> String {
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let mut manifests = Vec::new();
        for platform in platforms {
            let digest = self.push_image_for(repository, &format!("{tag}-{}", platform.replace('/', "-")), platform);
            let (os, architecture) = platform.split_once('/').unwrap();
            let platform = json!({"os": os, "architecture": architecture});
            manifests.push(json!({"mediaType": kind, "digest": digest, "size": 1, "platform": platform}));
        }
        let mut attestation = manifests[0].clone();
        attestation["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        manifests.push(attestation);
        let kind = "application/vnd.oci.image.index.v1+json";
        let index = json!({"schemaVersion": 2, "mediaType": kind, "manifests": manifests});
        self.push_manifest(repository, tag, &index)
    }

    /// Uploads a Compose project of these layers: media type, annotations, content; gives its digest.
    pub fn push_project(&self, repository: &str, tag: &str, layers: &[(&str, Value, &str)]) -> String {
        let layers: Vec<_> = layers
            .iter()
            .map(|(kind, annotations, content)| {
                let digest = self.push_blob(repository, content.as_bytes());
                json!({"mediaType": kind, "digest": digest, "size": content.len(), "annotations": annotations})
            })
            .collect();
        let empty = self.push_blob(repository, b"{}");
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": "application/vnd.docker.compose.project",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2},
            "layers": layers,
        });
        self.push_manifest(repository, tag, &manifest)
    }

    fn send(&self, method: &str, path: &str, headers: &[String], body: &[u8]) -> http::Answer {
        let mut headers = headers.to_vec();
        headers.extend(
            self.authorization
                .iter()
                .map(|login| format!("Authorization: Basic {login}")),
        );
        let answer = http::send(&self.address, method, path, &headers, body).unwrap();
        assert!(
            (200..300).contains(&answer.status),
            "{method} {path}: {}\n{}",
            answer.head,
            String::from_utf8_lossy(&answer.body)
        );
        answer
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn digest_of(content: &[u8]) -> String {
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(content) {
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}
