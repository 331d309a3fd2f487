//! Objects in S3: the few calls of it that are needed, made of the pieces that the SDK's own clients are made of.
//! The whole client would be the largest of all.

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_sdk_sts::error::{ErrorMetadata, ProvideErrorMetadata, SdkError};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{AuthSchemeOptionResolverParams, SharedAuthScheme};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;

/// How to reach S3.
#[derive(Debug)]
pub(super) struct Objects {
    config: SdkConfig,
    /// What the environment or the profile says instead of AWS's own address.
    endpoint: Option<String>,
}

/// A bucket of ours, and where it is.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    /// The account that must own it.
    pub(super) owner: String,
    /// Its address, without a slash at its end.
    pub(super) url: String,
}

pub(super) type Failed = SdkError<Refused, HttpResponse>;

/// What S3 says when it refuses.
#[derive(Debug)]
pub(super) struct Refused(ErrorMetadata);

/// Where a service is reached, if somebody says so.
pub(super) fn endpoint(config: &SdkConfig, service: &'static str) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok();
    let own = config.service_config().zip(key);
    own.and_then(|(settings, key)| settings.load_config(key))
        .or_else(|| config.endpoint_url().map(str::to_owned))
}

impl Objects {
    pub(super) fn new(config: &SdkConfig) -> Self {
        Self {
            config: config.clone(),
            endpoint: endpoint(config, "S3"),
        }
    }

    /// A bucket's address, out of its name and the domain that AWS gave it.
    pub(super) fn url(&self, bucket: &str, domain: &str) -> String {
        match &self.endpoint {
            Some(endpoint) => format!("{}/{bucket}", endpoint.trim_end_matches('/')),
            None => format!("https://{domain}"),
        }
    }

    /// Writes an object, or writes it again.
    pub(super) async fn put(&self, bucket: &Bucket, key: &str, body: &str) -> Result<(), Failed> {
        let sent = self.send(bucket, "PUT", format!("/{key}"), Some(body));
        sent.await.map(drop)
    }

    /// Deletes an object; one that is not there is deleted already.
    pub(super) async fn delete(&self, bucket: &Bucket, key: &str) -> Result<(), Failed> {
        self.send(bucket, "DELETE", format!("/{key}"), None).await.map(drop)
    }

    /// The keys that begin so, the first thousand of them. They have no characters that XML or an address would write
    /// otherwise.
    pub(super) async fn keys(&self, bucket: &Bucket, prefix: &str) -> Result<Vec<String>, Failed> {
        let path = format!("/?list-type=2&prefix={}", prefix.replace('/', "%2F"));
        let said = self.send(bucket, "GET", path, None).await?;
        let keys = said.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
        Ok(keys.map(|(key, _)| key.to_owned()).collect())
    }

    async fn send(
        &self,
        bucket: &Bucket,
        method: &'static str,
        path: String,
        body: Option<&str>,
    ) -> Result<String, Failed> {
        let owner = bucket.owner.clone();
        let mut operation = Operation::builder()
            .service_name("S3")
            .operation_name(method)
            .endpoint_url(&bucket.url)
            .standard_retry(
                &self
                    .config
                    .retry_config()
                    .cloned()
                    .unwrap_or_else(RetryConfig::standard),
            )
            .timeout_config(
                self.config
                    .timeout_config()
                    .cloned()
                    .unwrap_or_else(TimeoutConfig::disabled),
            )
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(TransientErrorClassifier::<Refused>::new())
            .with_connection_poisoning()
            .runtime_plugin(self.signed());
        if let Some(client) = self.config.http_client() {
            operation = operation.http_client(client);
        }
        if let Some(sleep) = self.config.sleep_impl() {
            operation = operation.sleep_impl(sleep);
        }
        if let Some(time) = self.config.time_source() {
            operation = operation.time_source(time);
        }
        operation
            .serializer(move |(path, body): (String, Option<String>)| {
                let mut request = HttpRequest::new(SdkBody::from(body.clone().unwrap_or_default()));
                request.set_method(method)?;
                request.set_uri(path)?;
                let headers = request.headers_mut();
                if let Some(body) = body {
                    headers.insert("content-length", body.len().to_string());
                    headers.insert("content-type", "application/yaml");
                }
                headers.insert("x-amz-expected-bucket-owner", owner.clone());
                Ok(request)
            })
            .deserializer(read)
            .build()
            .invoke((path, body.map(str::to_owned)))
            .await
    }

    /// Signs as S3 wants it: its keys are encoded once, and what is sent is part of the signature.
    fn signed(&self) -> StaticRuntimePlugin {
        let mut options = SigningOptions::default();
        options.double_uri_encode = false;
        options.normalize_uri_path = false;
        options.content_sha256_header = true;
        let mut layer = Layer::new("Objects");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigV4OperationSigningConfig {
            region: self.config.region().cloned().map(SigningRegion::from),
            name: Some(SigningName::from_static("s3")),
            signing_options: options,
            ..SigV4OperationSigningConfig::default()
        });
        let mut components = RuntimeComponentsBuilder::new("Objects");
        components.push_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()));
        components.set_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])));
        components.set_identity_cache(self.config.identity_cache());
        if let Some(credentials) = self.config.credentials_provider() {
            components.set_identity_resolver(SCHEME_ID, SharedIdentityResolver::new(credentials));
        }
        StaticRuntimePlugin::new()
            .with_config(layer.freeze())
            .with_runtime_components(components)
    }
}

fn read(response: &HttpResponse) -> Result<String, OrchestratorError<Refused>> {
    let text = String::from_utf8_lossy(response.body().bytes().unwrap_or_default()).into_owned();
    if response.status().is_success() {
        return Ok(text);
    }
    let said = |tag: &str| {
        let (_, rest) = text.split_once(&format!("<{tag}>"))?;
        rest.split_once("</").map(|(said, _)| said.to_owned())
    };
    let code = said("Code").unwrap_or_else(|| response.status().as_u16().to_string());
    let metadata = ErrorMetadata::builder().code(code);
    let metadata = match said("Message") {
        Some(message) => metadata.message(message),
        None => metadata,
    };
    Err(OrchestratorError::operation(Refused(metadata.build())))
}

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refused {}
