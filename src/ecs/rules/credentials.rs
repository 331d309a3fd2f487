//! How ECS logs in to the registry of a private image.

use crate::compose::{Node, Service, images};
use crate::diagnostic::Span;
use crate::ecs::cloudformation::{Purpose, Value, fragment, names};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;
use crate::ecs::rules::secret;

/// How the names of the Parameters end that have the secrets of registries.
pub(in crate::ecs) const PARAMETER: &str = "RegistryLogin";

/// `x-aws-pull_credentials`: the ARN of a secret with a user name and a password.
pub(in crate::ecs) fn pull(node: &Node, service: &Service, draft: &mut Draft) {
    let Some(arn) = node.as_str() else { return };
    log_in(service, Value::from(arn.to_owned()), draft);
}

/// The registry from which a service's image is pulled without anything said about credentials, and where the image
/// stands.
pub(in crate::ecs) fn registry(service: &Service) -> Option<(String, Span)> {
    let image = service.image.as_ref()?;
    if service.build.is_some() || extensions::has_pull_credentials(service) {
        return None;
    }
    Some((images::registry(image)?, image.span))
}

/// The registry at which a service's tasks are who is logged in on this machine.
pub(in crate::ecs) fn stored_for(service: &Service, draft: &Draft) -> Option<String> {
    let (registry, _) = registry(service)?;
    draft.project.logins.contains(&registry).then_some(registry)
}

/// A Parameter for the ARN of the secret with each of those, and its use.
pub(in crate::ecs) fn stored(service: &Service, draft: &mut Draft) {
    let Some(registry) = stored_for(service, draft) else {
        return;
    };
    let id = names::logical_id(&registry) + PARAMETER;
    if !draft.template.parameters.contains_key(&id) {
        let mut declaration = fragment::SECRETS.parameter("SecretArn");
        let description = format!("ARN of the secret with a user and a password for {registry}");
        declaration.set("Description", description);
        let purpose = Purpose::RegistryLogin {
            // What a secret's name may be made of.
            key: format!("registry/{}", registry.replace(':', "_").replace(['[', ']'], "")),
            registry,
        };
        draft.parameter(id.clone(), purpose, declaration);
    }
    log_in(service, Value::reference(id), draft);
}

fn log_in(service: &Service, arn: Value, draft: &mut Draft) {
    let credentials = Value::map([("CredentialsParameter", arn.clone())]);
    draft.container(service).set("RepositoryCredentials", credentials);
    secret::grant(service, draft, vec![arn]);
}
