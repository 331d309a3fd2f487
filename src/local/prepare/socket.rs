//! `use_api_socket`: a container that talks with the engine in its user's name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, json};

use super::{Sources, file, reference, set};
use crate::compose::{Mount, Project, Service, Spanned};
use crate::diagnostic::{Diagnostic, Span};
use crate::error::{Error, Result};
use crate::registry::Login;

/// The key of the config that holds who the user is at registries.
const CONFIG: &str = "#apisocket";
const SOCKET: &str = "/var/run/docker.sock";
const FOLDER: &str = "/run/secrets/docker";

/// Whether a service asks for it.
pub(super) fn wanted(service: &Service) -> bool {
    service.use_api_socket.is_some_and(|wanted| wanted.value)
}

impl Sources<'_> {
    /// Mounts the engine's socket, and gives what `docker login` stored, where nothing else says who the user is.
    pub(super) async fn share_socket(&self, project: &mut Project) -> Result<()> {
        let Some(place) = project
            .services
            .values()
            .find(|service| wanted(service))
            .map(|service| {
                service
                    .use_api_socket
                    .as_ref()
                    .map_or(service.span, |wanted| wanted.span)
            })
        else {
            return Ok(());
        };
        let Some(socket) = self.connection.host.strip_prefix("unix://") else {
            let message = format!(
                "`use_api_socket` needs an engine on a socket; this one is at {}",
                self.connection.host
            );
            return Err(vec![
                Diagnostic::error(place, message).hint("give the service the engine's address in `environment`"),
            ]
            .into());
        };
        let content = self.logins().await?;
        project.configs.insert(CONFIG.to_owned(), file(CONFIG, content));
        for service in project.services.values_mut().filter(|service| wanted(service)) {
            service.volumes.push(mount(socket));
            if !service.environment.contains_key("DOCKER_CONFIG") {
                set(service, "DOCKER_CONFIG".to_owned(), FOLDER);
            }
            service
                .configs
                .push(reference(CONFIG, &format!("{FOLDER}/config.json")));
        }
        Ok(())
    }

    /// What the docker CLI would have written, had it no helpers to keep secrets.
    async fn logins(&self) -> Result<String> {
        let failed = |failure: &dyn std::fmt::Display| {
            Error::new("cannot read what `docker login` stored").because(&std::io::Error::other(failure.to_string()))
        };
        let mut auths = Map::new();
        for (server, login) in self.connection.logins().await.map_err(|failure| failed(&failure))? {
            let entry = match login {
                Login::Nobody => continue,
                Login::Password { user, password } => json!({"auth": STANDARD.encode(format!("{user}:{password}"))}),
                Login::IdentityToken(token) => json!({"identitytoken": token}),
                Login::RegistryToken(token) => json!({"registrytoken": token}),
            };
            auths.insert(server, entry);
        }
        Ok(json!({"auths": auths}).to_string())
    }
}

fn mount(socket: &str) -> Mount {
    Mount {
        span: Span::NOWHERE,
        mount_type: Spanned::nowhere("bind".to_owned()),
        source: Some(Spanned::nowhere(socket.to_owned())),
        target: Some(Spanned::nowhere(SOCKET.to_owned())),
        read_only: None,
        consistency: None,
        bind: None,
        volume: None,
        tmpfs: None,
        image: None,
        extensions: crate::compose::Extensions::default(),
    }
}
