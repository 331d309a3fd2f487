//! A connection to an AWS account: credentials, region, who we are there, and a client for each service.

use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::ProvideCredentials;

use super::failure;
use super::mfa::{self, Person, Session};
use super::objects::Objects;
use crate::context::{Credentials, EcsEndpoint};
use crate::error::{Error, Result};

/// An AWS account and region to deploy to.
#[derive(Debug)]
pub struct Account {
    /// The twelve digits.
    pub id: String,
    pub region: String,
    /// Who we are there.
    pub arn: String,
    /// The context through which we came.
    pub context: String,
    pub(super) cloudformation: aws_sdk_cloudformation::Client,
    pub(super) ec2: aws_sdk_ec2::Client,
    pub(super) ecr: aws_sdk_ecr::Client,
    pub(super) ecs: aws_sdk_ecs::Client,
    pub(super) efs: aws_sdk_efs::Client,
    pub(super) load_balancing: aws_sdk_elasticloadbalancingv2::Client,
    pub(super) logs: aws_sdk_cloudwatchlogs::Client,
    pub(super) route53: aws_sdk_route53::Client,
    pub(super) objects: Objects,
    pub(super) secrets: aws_sdk_secretsmanager::Client,
    pub(super) access: failure::Access,
}

impl Account {
    /// Finds credentials and a region, and asks AWS who they belong to.
    ///
    /// There is no region to fall back to: a project deployed to a region that nobody chose costs money where nobody
    /// looks.
    pub async fn connect(context: &str, endpoint: &EcsEndpoint, person: &Person<'_>) -> Result<Self> {
        let mut access = failure::Access {
            context: context.to_owned(),
            profile: match &endpoint.credentials {
                Credentials::Profile(name) => Some(name.clone()),
                Credentials::Environment => None,
            },
            region: String::new(),
        };
        let region = region(endpoint).await.ok_or_else(|| access.no_region())?;
        access.region = region.to_string();

        let session = match &endpoint.credentials {
            Credentials::Profile(profile) => mfa::session(profile, &region, person, &access).await?,
            Credentials::Environment => None,
        };
        let config = configuration(endpoint, region, session).await;
        let credentials = config
            .credentials_provider()
            .ok_or_else(|| Error::new("no AWS credentials are configured"))?;
        if let Err(error) = credentials.provide_credentials().await {
            return Err(access.no_credentials(&error));
        }
        // Whoever cannot reach AWS at all shall learn it soon; patience is for later, when something has begun.
        let impatient = aws_sdk_sts::config::Builder::from(&config)
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .build();
        let identity = aws_sdk_sts::Client::from_conf(impatient)
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| access.failed("cannot tell which AWS account this is", &error))?;
        let id = identity.account.unwrap_or_default();
        if let Some(wanted) = endpoint.account.as_ref().filter(|wanted| **wanted != id) {
            let message = format!("context `{context}` is for account {wanted}, and its credentials are of {id}");
            return Err(
                Error::new(message).hint(format!("sign in to {wanted}, or `ctx update {context} --account {id}`"))
            );
        }
        Ok(Self {
            id,
            region: access.region.clone(),
            arn: identity.arn.unwrap_or_default(),
            context: context.to_owned(),
            cloudformation: aws_sdk_cloudformation::Client::new(&config),
            ec2: aws_sdk_ec2::Client::new(&config),
            ecr: aws_sdk_ecr::Client::new(&config),
            ecs: aws_sdk_ecs::Client::new(&config),
            efs: aws_sdk_efs::Client::new(&config),
            load_balancing: aws_sdk_elasticloadbalancingv2::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            route53: aws_sdk_route53::Client::new(&config),
            objects: Objects::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            access,
        })
    }
}

/// The context's region, else `AWS_REGION`, else `AWS_DEFAULT_REGION`, else the profile's.
async fn region(endpoint: &EcsEndpoint) -> Option<Region> {
    let said = |region: Region| Some(region).filter(|region| !region.as_ref().is_empty());
    if let Some(region) = endpoint.region.clone().map(Region::new).and_then(said) {
        return Some(region);
    }
    if let Some(region) = EnvironmentVariableRegionProvider::new().region().await.and_then(said) {
        return Some(region);
    }
    let mut profile = ProfileFileRegionProvider::builder();
    if let Credentials::Profile(name) = &endpoint.credentials {
        profile = profile.profile_name(name);
    }
    profile.build().region().await.and_then(said)
}

async fn configuration(endpoint: &EcsEndpoint, region: Region, session: Option<Session>) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(region)
        .retry_config(RetryConfig::standard().with_max_attempts(5));
    if let (Credentials::Profile(name), Some(session)) = (&endpoint.credentials, &session) {
        loader = loader.profile_name(name).credentials_provider(session.clone());
    } else if let Credentials::Profile(name) = &endpoint.credentials {
        // The default chain would prefer keys in the environment to the profile that the context names.
        let provider = ProfileFileCredentialsProvider::builder().profile_name(name).build();
        loader = loader.profile_name(name).credentials_provider(provider);
    }
    loader.load().await
}
