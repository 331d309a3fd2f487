//! `ctx ls`: contexts as a table.

use serde_json::json;

use super::listing::{Format, Json, Listing};
use super::output;
use crate::context::{Context, Credentials, DockerEndpoint, EcsEndpoint, Target};
use crate::error::Result;

/// Prints contexts, of which `current` is in use.
pub fn print(contexts: &[Context], current: &str, format: &Format, quiet: bool) -> Result<()> {
    if quiet {
        return output::document(&output::lines(contexts.iter().map(|context| &context.name)), None);
    }
    let listing = Listing {
        columns: &["NAME", "TYPE", "DESCRIPTION", "DOCKER ENDPOINT", "AWS"],
        rows: contexts.iter().map(|context| row(context, current)).collect(),
        objects: contexts.iter().map(|context| json(context, current)).collect(),
        json: Json::Lines,
    };
    listing.print(format)
}

fn row(context: &Context, current: &str) -> Vec<String> {
    let mark = if context.name == current { " *" } else { "" };
    vec![
        format!("{}{mark}", context.name),
        context.target.kind().to_owned(),
        context.description.clone(),
        docker_endpoint(&context.target),
        ecs_endpoint(&context.target).map(aws).unwrap_or_default(),
    ]
}

/// The keys that the docker CLI gives, and ours after them.
fn json(context: &Context, current: &str) -> serde_json::Value {
    let mut object = json!({
        "Current": context.name == current,
        "Description": context.description,
        "DockerEndpoint": docker_endpoint(&context.target),
        "Error": "",
        "Name": context.name,
        "ContextType": context.target.kind(),
    });
    if let Some(endpoint) = ecs_endpoint(&context.target) {
        match &endpoint.credentials {
            Credentials::Profile(profile) => object["Profile"] = json!(profile),
            Credentials::Environment => object["CredentialsFromEnv"] = json!(true),
        }
        object["Region"] = json!(endpoint.region);
    }
    object
}

fn docker_endpoint(target: &Target) -> String {
    match target {
        Target::Docker(endpoint) => endpoint
            .host
            .as_deref()
            .unwrap_or(DockerEndpoint::DEFAULT_HOST)
            .to_owned(),
        Target::EcsLocal(_) => DockerEndpoint::DEFAULT_HOST.to_owned(),
        Target::Ecs(_) | Target::Other(_) => String::new(),
    }
}

fn ecs_endpoint(target: &Target) -> Option<&EcsEndpoint> {
    match target {
        Target::Ecs(endpoint) | Target::EcsLocal(endpoint) => Some(endpoint),
        Target::Docker(_) | Target::Other(_) => None,
    }
}

/// `profile shop, eu-central-1`
fn aws(endpoint: &EcsEndpoint) -> String {
    let mut text = match &endpoint.credentials {
        Credentials::Profile(profile) => format!("profile {profile}"),
        Credentials::Environment => "environment".to_owned(),
    };
    if let Some(region) = &endpoint.region {
        text.push_str(", ");
        text.push_str(region);
    }
    text
}
