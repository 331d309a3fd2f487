//! How ECS logs in to the registry of a private image.

use crate::compose::{Node, Service};
use crate::ecs::cloudformation::Value;
use crate::ecs::draft::Draft;
use crate::ecs::rules::secret;

/// `x-aws-pull_credentials`: the ARN of a secret with a user name and a password.
pub(in crate::ecs) fn pull(node: &Node, service: &Service, draft: &mut Draft) {
    let Some(arn) = node.as_str() else { return };
    let arn = Value::from(arn.to_owned());
    let credentials = Value::map([("CredentialsParameter", arn.clone())]);
    draft.container(service).set("RepositoryCredentials", credentials);
    secret::grant(service, draft, vec![arn]);
}
