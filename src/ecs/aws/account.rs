//! A connection to an AWS account: credentials, region, who we are there, and a client for each service.

use std::time::Duration;

use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::ProvideCredentials;

use super::failure;
use super::mfa::{self, Person, Session};
use super::objects::{self, Objects};
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
    pub(super) ecr_public: aws_sdk_ecrpublic::Client,
    pub(super) ecs: aws_sdk_ecs::Client,
    pub(super) efs: aws_sdk_efs::Client,
    pub(super) load_balancing: aws_sdk_elasticloadbalancingv2::Client,
    pub(super) logs: aws_sdk_cloudwatchlogs::Client,
    pub(super) route53: aws_sdk_route53::Client,
    pub(super) objects: Objects,
    pub(super) secrets: aws_sdk_secretsmanager::Client,
    pub(super) ssm: aws_sdk_ssm::Client,
    pub(super) tagging: aws_sdk_resourcegroupstagging::Client,
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
            profile: endpoint.credentials.profile().map(str::to_owned),
            region: String::new(),
        };
        let region = region(endpoint).await.ok_or_else(|| access.no_region())?;
        access.region = region.to_string();

        let session = match endpoint.credentials.profile() {
            Some(profile) => mfa::session(profile, &region, person, &access).await?,
            None => None,
        };
        let config = configuration(endpoint, region, session, person.silence).await?;
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
            // ECR Public gives out its logins in this region alone.
            ecr_public: aws_sdk_ecrpublic::Client::from_conf(
                aws_sdk_ecrpublic::config::Builder::from(&config)
                    .region(Region::new("us-east-1"))
                    .build(),
            ),
            ecs: aws_sdk_ecs::Client::new(&config),
            efs: aws_sdk_efs::Client::new(&config),
            load_balancing: aws_sdk_elasticloadbalancingv2::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            route53: aws_sdk_route53::Client::new(&config),
            objects: Objects::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            ssm: aws_sdk_ssm::Client::new(&config),
            tagging: aws_sdk_resourcegroupstagging::Client::new(&config),
            access,
        })
    }
}

/// The context's region, else `AWS_REGION`, else `AWS_DEFAULT_REGION`, else the profile's.
pub(super) async fn region(endpoint: &EcsEndpoint) -> Option<Region> {
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

/// How long AWS may take for an answer, unless somebody says otherwise.
const SILENCE: Duration = Duration::from_mins(1);

/// How long one attempt may be silent. The SDK itself would wait for ever for an answer that does not come.
pub(super) fn timeouts(silence: Option<Duration>) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(silence.unwrap_or(SILENCE))
        .build()
}

pub(super) async fn configuration(
    endpoint: &EcsEndpoint,
    region: Region,
    session: Option<Session>,
    silence: Option<Duration>,
) -> Result<SdkConfig> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(region)
        .timeout_config(timeouts(silence))
        .retry_config(RetryConfig::standard().with_max_attempts(5));
    if let (Credentials::Profile(name), Some(session)) = (&endpoint.credentials, &session) {
        loader = loader.profile_name(name).credentials_provider(session.clone());
    } else if let Credentials::Profile(name) = &endpoint.credentials {
        // The default chain would prefer keys in the environment to the profile that the context names.
        let provider = ProfileFileCredentialsProvider::builder().profile_name(name).build();
        loader = loader.profile_name(name).credentials_provider(provider);
    }
    let config = loader.load().await;
    // The SDK would stop the program for an empty one.
    match objects::endpoint(&config, "STS") {
        Some(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
            let error = Error::new(format!("AWS is not reached at `{url}`: that is no address"));
            Err(error.hint("unset AWS_ENDPOINT_URL, or `endpoint_url` of the profile, or begin it with `https://`"))
        }
        _ => Ok(config),
    }
}
