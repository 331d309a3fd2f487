//! What `ctx up` and `ctx diff` may be told about a deployment to ECS.

use clap::{Args, ValueEnum};

use crate::backend::UpOptions;

#[derive(Args, Debug)]
pub(super) struct Deployment {
    /// Value for a parameter of the CloudFormation template (ECS); may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// Whether images are deployed as what their registries say that their tags mean now (ECS)
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Resolve::Always)]
    resolve_image: Resolve,
    /// Let tasks pull with what `docker login` stored here, kept in Secrets Manager until `ctx down` (ECS)
    #[arg(long)]
    with_registry_auth: bool,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Debug)]
enum Resolve {
    Always,
    Never,
}

impl Deployment {
    pub(super) fn options(&self) -> UpOptions {
        UpOptions {
            parameters: self.parameters.clone(),
            with_registry_auth: self.with_registry_auth,
            keep_tags: self.resolve_image == Resolve::Never,
            ..UpOptions::default()
        }
    }
}

fn parameter(argument: &str) -> Result<(String, String), String> {
    let (name, value) = argument.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
