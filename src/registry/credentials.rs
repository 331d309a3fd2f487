//! What `docker login` stored: `auths`, `credHelpers` and `credsStore` of Docker's `config.json`.
//!
//! Not by the crate `docker_credential`: its helpers have no end in time, and its errors name neither the helper nor
//! what it said.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::DecodePaddingMode::Indifferent;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::Mutex;

use super::Failure;

/// For a helper, which may ask its owner to unlock a key ring.
const PATIENCE: Duration = Duration::from_mins(1);
/// Under what name Docker stores who one is at Docker Hub.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";
/// What a helper gives as the name of the user who has a token.
const TOKEN: &str = "<token>";

/// Who one is at a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    Nobody,
    Password {
        user: String,
        password: String,
    },
    /// Exchanged for a token at the server that gives out tokens.
    IdentityToken(String),
    /// Shown to the registry as it is.
    RegistryToken(String),
}

/// Who gives out logins for registries of its own, so that nobody needs to store one.
#[async_trait]
pub trait Issuer: Send + Sync + fmt::Debug {
    /// A login for a registry; `None` for others' registries, and where none is given.
    async fn login(&self, registry: &str) -> Option<Login>;
}

/// The docker command line's file of settings, read when first needed.
pub struct Credentials {
    file: Option<PathBuf>,
    issuer: Option<Arc<dyn Issuer>>,
    settings: OnceLock<Result<Settings, String>>,
    logins: Mutex<HashMap<String, Login>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Settings {
    auths: HashMap<String, Stored>,
    cred_helpers: HashMap<String, String>,
    creds_store: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct Stored {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

/// What a helper prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    #[serde(default)]
    username: String,
    secret: String,
}

impl Credentials {
    /// `folder` is that of `config.json`; without one nobody is known anywhere.
    #[must_use]
    pub fn new(folder: Option<&Path>) -> Self {
        Self {
            file: folder.map(|folder| folder.join("config.json")),
            issuer: None,
            settings: OnceLock::new(),
            logins: Mutex::new(HashMap::new()),
        }
    }

    /// Asks somebody before what is stored.
    #[must_use]
    pub fn issued_by(self, issuer: Option<Arc<dyn Issuer>>) -> Self {
        Self { issuer, ..self }
    }

    /// Who one is at a registry. Helpers are asked once.
    pub async fn login(&self, registry: &str) -> Result<Login, Failure> {
        let mut logins = self.logins.lock().await;
        if let Some(login) = logins.get(registry) {
            return Ok(login.clone());
        }
        let login = self.look_up(registry).await?;
        logins.insert(registry.to_owned(), login.clone());
        Ok(login)
    }

    /// Who one is everywhere, by the names that the docker CLI stores.
    pub async fn all(&self) -> Result<Vec<(String, Login)>, Failure> {
        let settings = self.settings.get_or_init(|| Settings::read(self.file.as_deref()));
        let servers: BTreeSet<_> = match settings {
            Ok(settings) => settings
                .auths
                .keys()
                .chain(settings.cred_helpers.keys())
                .cloned()
                .collect(),
            Err(_) => BTreeSet::from([DOCKER_HUB.to_owned()]),
        };
        let mut all = Vec::with_capacity(servers.len());
        for server in servers {
            let login = self.login(&server).await?;
            all.push((server, login));
        }
        Ok(all)
    }

    async fn look_up(&self, registry: &str) -> Result<Login, Failure> {
        let unreadable = |why| Failure::Credentials {
            registry: registry.to_owned(),
            why,
        };
        if let Some(issuer) = &self.issuer
            && let Some(login) = issuer.login(registry).await
        {
            return Ok(login);
        }
        let settings = self.settings.get_or_init(|| Settings::read(self.file.as_deref()));
        let settings = settings.as_ref().map_err(|why| unreadable(why.clone()))?;
        let server = if registry == "docker.io" { DOCKER_HUB } else { registry };
        let helper = settings.cred_helpers.get(server).unwrap_or(&settings.creds_store);
        if helper.is_empty() {
            return settings.stored(server).map_err(unreadable);
        }
        match ask(helper, server).await {
            Ok(Some(login)) => Ok(login),
            Ok(None) => Err(Failure::NoHelper {
                registry: registry.to_owned(),
                helper: helper.clone(),
            }),
            Err(why) => Err(unreadable(why)),
        }
    }
}

impl Settings {
    fn read(file: Option<&Path>) -> Result<Self, String> {
        let Some(file) = file else { return Ok(Self::default()) };
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(format!("{}: {error}", file.display())),
        };
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        // The error's place is told, and none of the file's text.
        serde_json::from_str(&text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("{}:{line}:{column} is not what the docker CLI writes", file.display())
        })
    }

    fn stored(&self, server: &str) -> Result<Login, String> {
        // Old clients stored URLs where newer ones store hosts.
        let host = |key: &str| {
            let key = key.trim_start_matches("https://").trim_start_matches("http://");
            key.split('/').next().unwrap_or_default().to_owned()
        };
        let exact = self.auths.get(server);
        let Some(stored) = exact.or_else(|| {
            let mut others = self.auths.iter();
            others
                .find(|(key, _)| host(key) == host(server))
                .map(|(_, stored)| stored)
        }) else {
            return Ok(Login::Nobody);
        };
        if !stored.identitytoken.is_empty() {
            return Ok(Login::IdentityToken(stored.identitytoken.clone()));
        }
        if !stored.registrytoken.is_empty() {
            return Ok(Login::RegistryToken(stored.registrytoken.clone()));
        }
        if !stored.auth.is_empty() {
            let decoder = GeneralPurpose::new(
                &base64::alphabet::STANDARD,
                GeneralPurposeConfig::new().with_decode_padding_mode(Indifferent),
            );
            let text = decoder
                .decode(&stored.auth)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok());
            return match text.as_deref().and_then(|text| text.split_once(':')) {
                Some((user, password)) => Ok(password_of(user, password.trim_end_matches('\0'))),
                None => Err(format!("`auth` of `{server}` is no user and password")),
            };
        }
        Ok(password_of(&stored.username, &stored.password))
    }
}

fn password_of(user: &str, password: &str) -> Login {
    if user.is_empty() && password.is_empty() {
        return Login::Nobody;
    }
    Login::Password {
        user: user.to_owned(),
        password: password.to_owned(),
    }
}

/// Asks the program `docker-credential-<helper>`, if there is one.
async fn ask(helper: &str, server: &str) -> Result<Option<Login>, String> {
    let program = format!("docker-credential-{helper}");
    let failed = |why: &dyn std::fmt::Display| format!("`{program}`: {why}");
    let child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    let answer = async {
        if let Some(mut input) = child.stdin.take() {
            // A helper that does not want to know where it is asked for says so itself.
            let _ = input.write_all(server.as_bytes()).await;
        }
        child.wait_with_output().await
    };
    let output = match tokio::time::timeout(PATIENCE, answer).await {
        Ok(output) => output.map_err(|error| failed(&error))?,
        Err(_) => return Err(failed(&format!("no answer within {} seconds", PATIENCE.as_secs()))),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        // This is how helpers say that they know nobody.
        return if text.contains("credentials not found") {
            Ok(Some(Login::Nobody))
        } else {
            let errors = String::from_utf8_lossy(&output.stderr);
            let mut lines = text.lines().chain(errors.lines()).map(str::trim);
            let said = lines.find(|line| !line.is_empty());
            Err(failed(&said.unwrap_or("it failed without a word")))
        };
    }
    match serde_json::from_str::<Told>(&text) {
        Ok(told) if told.username == TOKEN => Ok(Some(Login::IdentityToken(told.secret))),
        Ok(told) => Ok(Some(password_of(&told.username, &told.secret))),
        Err(_) => Err(failed(&"what it says is not what helpers say")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(text: &str, server: &str) -> Result<Login, String> {
        serde_json::from_str::<Settings>(text).unwrap().stored(server)
    }

    #[test]
    fn every_form_that_docker_wrote_is_read() {
        let known = |text: &str, server: &str, user: &str, password: &str| {
            assert!(stored(text, server).unwrap() == password_of(user, password), "{text}");
        };
        // `me:se:cret`, with and without padding
        known(
            r#"{"auths": {"r.example": {"auth": "bWU6c2U6Y3JldA=="}}}"#,
            "r.example",
            "me",
            "se:cret",
        );
        known(
            r#"{"auths": {"r.example": {"auth": "bWU6c2U6Y3JldA"}}}"#,
            "r.example",
            "me",
            "se:cret",
        );
        known(
            r#"{"auths": {"https://r.example:5000/v2/": {"username": "me", "password": "x"}}}"#,
            "r.example:5000",
            "me",
            "x",
        );
        known(
            r#"{"auths": {"https://index.docker.io/v1/": {"auth": "bWU6eA=="}}}"#,
            DOCKER_HUB,
            "me",
            "x",
        );
        let token = stored(r#"{"auths": {"r": {"auth": "bWU6", "identitytoken": "t"}}}"#, "r");
        assert!(token.unwrap() == Login::IdentityToken("t".to_owned()));
        assert!(stored(r#"{"auths": {"r": {}}}"#, "r").unwrap() == Login::Nobody);
        assert!(stored(r#"{"auths": {"r": {"auth": "bWU6eA=="}}}"#, "other").unwrap() == Login::Nobody);
        assert!(stored(r#"{"auths": {"r": {"auth": "%"}}}"#, "r").is_err());
    }
}
