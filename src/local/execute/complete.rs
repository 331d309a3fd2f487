//! What a container needs of this machine's files, which no Compose file says.

use bollard::models::ContainerCreateBody;

use crate::compose::{Project, Service};
use crate::diagnostic::Diagnostic;
use crate::engine::Connection;
use crate::error::{Error, Result};

/// Adds it to what the engine is asked to make.
pub(in crate::local) fn complete(
    connection: &Connection,
    project: &Project,
    service: &Service,
    body: &mut ContainerCreateBody,
) -> Result<()> {
    profiles(project, service, body)?;
    proxies(&connection.proxies()?, body);
    Ok(())
}

/// The proxies of docker's settings, as variables that the service does not set itself.
fn proxies(proxies: &[(String, String)], body: &mut ContainerCreateBody) {
    let own = body.env.clone().unwrap_or_default();
    let is_set = |name: &str| own.iter().any(|said| said.split('=').next() == Some(name));
    let missing = proxies.iter().filter(|(name, _)| !is_set(name));
    let missing: Vec<_> = missing.map(|(name, value)| format!("{name}={value}")).collect();
    if !missing.is_empty() {
        body.env.get_or_insert_default().extend(missing);
    }
}

/// Gives the engine what the files of seccomp profiles say, since it has no such files.
fn profiles(project: &Project, service: &Service, body: &mut ContainerCreateBody) -> Result<()> {
    let options = body
        .host_config
        .iter_mut()
        .filter_map(|host| host.security_opt.as_mut());
    for option in options.flatten() {
        let Some(file) = option.strip_prefix("seccomp=").filter(|file| is_file(file)) else {
            continue;
        };
        let path = project.working_dir.join(file);
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string());
        let profile = text.and_then(|text| {
            let profile: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            Ok(profile.to_string())
        });
        let profile = profile.map_err(|why| -> Error {
            let written = service.security_opt.iter().find(|option| option.value.ends_with(file));
            let span = written.map_or(service.span, |option| option.span);
            let message = format!("cannot read the seccomp profile {}: {why}", path.display());
            vec![Diagnostic::error(span, message)].into()
        })?;
        *option = format!("seccomp={profile}");
    }
    Ok(())
}

/// Whether a profile is neither one of the engine's nor written where its name would stand.
fn is_file(profile: &str) -> bool {
    !matches!(profile, "unconfined" | "builtin") && !profile.starts_with('{')
}
