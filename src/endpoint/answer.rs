//! From a question to its answer.

use std::net::IpAddr;

use futures_util::future::join_all;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Settings;
use super::containers::{Containers, asking, housemates};
use super::credentials::Credentials;
use super::metadata::Members;
use super::route::{Route, Version, What};
use crate::error::Result;

pub(super) struct Answerer {
    settings: Settings,
    credentials: Credentials,
    containers: Containers,
}

impl Answerer {
    pub(super) fn new(settings: Settings) -> Result<Self> {
        Ok(Self {
            credentials: Credentials::new(&settings),
            containers: Containers::of(&settings.project)?,
            settings,
        })
    }

    /// The answer for whoever asks from an address; the second is what the log should have of it, if anything.
    pub(super) async fn answer(&self, path: &str, from: IpAddr) -> (StatusCode, Value, Option<String>) {
        let found = match Route::of(path) {
            None => {
                let message = format!("there is nothing at {path}");
                return (StatusCode::NOT_FOUND, refusal("NotFound", &message), None);
            }
            Some(Route::Credentials) => self.credentials.own().await,
            Some(Route::Role(role)) => self.credentials.of(&role).await,
            Some(Route::Metadata { version, service, what }) => {
                return match self.metadata(version, service.as_deref(), what, from).await {
                    Ok(answer) => (StatusCode::OK, answer, None),
                    Err(message) => {
                        let answer = refusal("MetadataNotFound", &message);
                        (StatusCode::NOT_FOUND, answer, Some(message))
                    }
                };
            }
        };
        match found {
            Ok(answer) => (StatusCode::OK, answer, None),
            Err(message) => {
                let answer = refusal("CredentialsNotFound", &message);
                (StatusCode::BAD_REQUEST, answer, Some(message))
            }
        }
    }

    async fn metadata(
        &self,
        version: Version,
        service: Option<&str>,
        what: What,
        from: IpAddr,
    ) -> Result<Value, String> {
        let all = self.containers.all().await.map_err(|error| error.to_string())?;
        let one = asking(&all, from, service)
            .ok_or_else(|| format!("no container of project {} asks from {from}", self.settings.project))?;
        let mates = housemates(&all, one);
        let members = Members {
            settings: &self.settings,
            containers: &mates,
        };
        Ok(match what {
            What::Container => members.container(one, version),
            What::Task => members.task(version),
            What::Stats => self.usage(one.id.as_deref().unwrap_or_default()).await,
            What::TaskStats => {
                let ids = mates.iter().filter_map(|mate| mate.id.clone());
                let usage = ids.map(|id| async move {
                    let usage = self.usage(&id).await;
                    (id, usage)
                });
                Value::Object(join_all(usage).await.into_iter().collect::<Map<_, _>>())
            }
        })
    }

    async fn usage(&self, id: &str) -> Value {
        json!(self.containers.usage(id).await)
    }
}

fn refusal(code: &str, message: &str) -> Value {
    json!({"code": code, "message": message, "HTTPErrorCode": 400})
}
