//! Making a network, which two commands may do at once.

use bollard::errors::Error as EngineError;
use bollard::models::{Network, NetworkCreateRequest};
use bollard::query_parameters::ListNetworksOptions;
use jiff::Timestamp;

use super::super::labels;
use crate::engine::{Connection, is_missing, message};

impl Connection {
    /// Makes a network, which two commands may do at once. A newer engine refuses the second, which is as good as having
    /// made it; an old one gives two networks of one name, with which it then starts no container.
    pub(super) async fn make_network(&self, request: &NetworkCreateRequest) -> Result<(), EngineError> {
        let conflict =
            |error: &EngineError| matches!(error, EngineError::DockerResponseServerError { status_code: 409, .. });
        match self.docker.create_network(request.clone()).await {
            Ok(made) if made.warning.is_empty() => Ok(()),
            Ok(_) => self.leave_one(&request.name).await,
            Err(error) if conflict(&error) && !self.networks_of_projects(&request.name).await?.is_empty() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Does what needs a project's networks, and once more if there were two of one name: nobody warns of those that were
    /// made in the same moment.
    pub(in crate::local) async fn on_networks<T, F>(&self, request: impl Fn() -> F) -> Result<T, EngineError>
    where
        F: Future<Output = Result<T, EngineError>>,
    {
        let result = request().await;
        let Some(name) = result.as_ref().err().and_then(ambiguous) else {
            return result;
        };
        self.leave_one(&name).await?;
        request().await
    }

    /// Removes all networks of a name but the oldest.
    async fn leave_one(&self, name: &str) -> Result<(), EngineError> {
        let mut all = self.networks_of_projects(name).await?;
        all.sort_by_cached_key(age);
        for newer in all.iter().skip(1).filter_map(|network| network.id.as_deref()) {
            match self.docker.remove_network(newer).await {
                // The other command was faster.
                Err(error) if is_missing(&error) => {}
                result => result?,
            }
        }
        Ok(())
    }

    /// The networks of this name that a project has.
    async fn networks_of_projects(&self, name: &str) -> Result<Vec<Network>, EngineError> {
        // The engine takes a part of a name for the name.
        let filters = [
            ("name".to_owned(), vec![name.to_owned()]),
            ("label".to_owned(), vec![labels::PROJECT.to_owned()]),
        ];
        let filters = Some(filters.into());
        let found = self.docker.list_networks(Some(ListNetworksOptions { filters })).await?;
        let is_it = |network: &Network| network.name.as_deref() == Some(name);
        Ok(found.into_iter().filter(is_it).collect())
    }
}

/// The name of which there are several networks, if that is what the engine says.
fn ambiguous(error: &EngineError) -> Option<String> {
    let text = message(error);
    let (_, rest) = text.split_once("network ")?;
    let (name, _) = rest.split_once(" is ambiguous (")?;
    Some(name.to_owned())
}

/// What the engine writes without the zeros at its end is no text to sort by.
fn age(network: &Network) -> (Option<Timestamp>, Option<String>) {
    let created = network.created.as_ref().and_then(|created| created.parse().ok());
    (created, network.id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_names_the_network_of_which_there_are_two() {
        let said = |message: &str| EngineError::DockerResponseServerError {
            status_code: 400,
            message: message.to_owned(),
        };
        let two = said("network shop_default is ambiguous (2 matches found on name)");
        assert_eq!(ambiguous(&two).as_deref(), Some("shop_default"));
        assert_eq!(ambiguous(&said("network shop_default not found")), None);
    }

    #[test]
    fn the_oldest_is_the_oldest_by_time() {
        let network = |created: &str, id: &str| Network {
            created: Some(created.to_owned()),
            id: Some(id.to_owned()),
            ..Network::default()
        };
        let older = network("2026-11-28T23:05:17.1Z", "b");
        let newer = network("2026-11-28T23:05:17.15Z", "a");
        assert!(age(&older) < age(&newer));
        assert!(age(&network("2026-11-28T23:05:17.1Z", "a")) < age(&older));
    }
}
