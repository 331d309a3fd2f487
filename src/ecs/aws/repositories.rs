//! The repositories of ECR that hold what a project builds.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ecr::types::{
    EncryptionConfiguration, EncryptionType, ImageIdentifier, ImageScanningConfiguration, ImageTagMutability,
    Repository as Described, Tag,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::failure::is;
use super::{Account, tags};
use crate::error::{Error, Result};
use crate::registry;

/// How many images of a service stay: enough to go back to, few enough not to cost much.
const KEPT: &str = r#"{"rules":[{"rulePriority":1,"description":"keep the newest images","selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":50},"action":{"type":"expire"}}]}"#;
const LONGEST_NAME: usize = 256;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repository {
    pub name: String,
    /// What images in it are called, without tag and digest.
    pub uri: String,
    /// Whether it has just been made.
    pub new: bool,
}

/// Who one is at the account's registry.
pub struct Login {
    pub user: String,
    pub password: String,
}

/// What a service's repository is called: `shop/web`, in the few letters that ECR has.
#[must_use]
pub fn name(project: &str, service: &str) -> String {
    let part = |text: &str| {
        let text = text.to_lowercase();
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
    };
    let mut name = format!("{}/{}", part(project), part(service));
    name.truncate(LONGEST_NAME);
    name
}

/// A service's repository, which is made when it is first needed. A tag in it always means the same image.
pub async fn of_service(account: &Account, project: &str, service: &str) -> Result<Repository> {
    let name = name(project, service);
    let found = account.ecr.describe_repositories().repository_names(&name).send().await;
    match found {
        Ok(found) => match found.repositories().first() {
            Some(found) => return Ok(read(found, false)),
            None => return Err(Error::new(format!("ECR says nothing about repository `{name}`"))),
        },
        Err(error) if is(&error, "RepositoryNotFoundException") => {}
        Err(error) => {
            return Err(account
                .access
                .failed(format!("cannot look at repository `{name}`"), &error));
        }
    }
    let cannot = |what: &str| format!("cannot {what} repository `{name}`");
    let encryption = EncryptionConfiguration::builder()
        .encryption_type(EncryptionType::Aes256)
        .build()
        .map_err(|error| Error::new(cannot("make")).because(&error))?;
    let mut request = account
        .ecr
        .create_repository()
        .repository_name(&name)
        .image_tag_mutability(ImageTagMutability::Immutable)
        .image_scanning_configuration(ImageScanningConfiguration::builder().scan_on_push(true).build())
        .encryption_configuration(encryption);
    for (key, value) in [(tags::PROJECT, project), (tags::SERVICE, service)] {
        let tag = Tag::builder().key(key).value(value).build();
        request = request.tags(tag.map_err(|error| Error::new(cannot("make")).because(&error))?);
    }
    let made = request.send().await;
    let made = made.map_err(|error| account.access.failed(cannot("make"), &error))?;
    let policy = account
        .ecr
        .put_lifecycle_policy()
        .repository_name(&name)
        .lifecycle_policy_text(KEPT);
    let put = policy.send().await;
    put.map_err(|error| account.access.failed(cannot("say how many images stay in"), &error))?;
    match made.repository() {
        Some(made) => Ok(read(made, true)),
        None => Err(Error::new(cannot("make"))),
    }
}

/// A repository that the file names by its URI.
pub async fn named(account: &Account, uri: &str) -> Result<Repository> {
    let mut pages = account.ecr.describe_repositories().into_paginator().items().send();
    while let Some(found) = pages.next().await {
        let found = found.map_err(|error| account.access.failed("cannot list the repositories", &error))?;
        if found.repository_uri() == Some(uri) {
            return Ok(read(&found, false));
        }
    }
    let what = format!("region `{}` of the account has no repository `{uri}`", account.region);
    Err(Error::new(what).hint("leave out `x-aws-repository`, and `ctx` makes one"))
}

/// The digest of an image, if the repository has it.
pub async fn digest(account: &Account, repository: &str, tag: &str) -> Result<Option<String>> {
    let image = ImageIdentifier::builder().image_tag(tag).build();
    let found = account
        .ecr
        .describe_images()
        .repository_name(repository)
        .image_ids(image)
        .send()
        .await;
    match found {
        Ok(found) => Ok(found
            .image_details()
            .first()
            .and_then(|image| image.image_digest())
            .map(str::to_owned)),
        Err(error) if is(&error, "ImageNotFoundException") => Ok(None),
        Err(error) => Err(account
            .access
            .failed(format!("cannot look into repository `{repository}`"), &error)),
    }
}

/// A registry of AWS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Registry<'a> {
    /// An account's own, in a region.
    Private(&'a str),
    /// The public one, which all accounts share.
    Public,
}

impl<'a> Registry<'a> {
    fn at(host: &'a str) -> Option<Self> {
        if host == "public.ecr.aws" {
            return Some(Self::Public);
        }
        let (account, rest) = host.split_once(".dkr.")?;
        let rest = rest.strip_prefix("ecr.").or_else(|| rest.strip_prefix("ecr-fips."))?;
        let (region, domain) = rest.split_once('.')?;
        let own = matches!(domain, "amazonaws.com" | "amazonaws.com.cn");
        let own = own && account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        own.then_some(Self::Private(region))
    }
}

/// Whether a registry is an account's ECR.
#[must_use]
pub fn is_private(registry: &str) -> bool {
    matches!(Registry::at(registry), Some(Registry::Private(_)))
}

/// Whether an account can say who one is at a registry.
#[must_use]
pub fn is_of_aws(registry: &str) -> bool {
    Registry::at(registry).is_some()
}

/// Gives out logins for ECR in an account's name. Where AWS refuses one, `docker login` may have
/// been allowed more.
#[derive(Debug)]
struct Issuer {
    private: aws_sdk_ecr::Client,
    public: Option<aws_sdk_ecrpublic::Client>,
}

#[async_trait]
impl registry::Issuer for Issuer {
    async fn login(&self, registry: &str) -> Option<registry::Login> {
        let token = match Registry::at(registry)? {
            Registry::Private(region) => {
                let there = self.private.config().to_builder();
                let there = there.region(aws_sdk_ecr::config::Region::new(region.to_owned()));
                let client = aws_sdk_ecr::Client::from_conf(there.build());
                let answer = client.get_authorization_token().send().await.ok()?;
                answer.authorization_data().first()?.authorization_token()?.to_owned()
            }
            Registry::Public => {
                let answer = self.public.as_ref()?.get_authorization_token().send().await.ok()?;
                answer.authorization_data()?.authorization_token()?.to_owned()
            }
        };
        let Login { user, password } = read_token(&token)?;
        Some(registry::Login::Password { user, password })
    }
}

impl Account {
    /// Who says who one is at ECR, for those who read: what is public needs nobody to say it.
    #[must_use]
    pub fn issuer(&self) -> Arc<dyn registry::Issuer> {
        Arc::new(Issuer {
            private: self.ecr.clone(),
            public: None,
        })
    }

    /// Who says who one is at ECR and ECR Public, for those who may write there.
    #[must_use]
    pub fn issuer_of_all(&self) -> Arc<dyn registry::Issuer> {
        Arc::new(Issuer {
            private: self.ecr.clone(),
            public: Some(self.ecr_public.clone()),
        })
    }
}

/// What lets an engine push to the account's own registry for some hours.
pub async fn login(account: &Account) -> Result<Login> {
    let answer = account.ecr.get_authorization_token().send().await;
    let answer = answer.map_err(|error| account.access.failed("cannot log in to ECR", &error))?;
    let data = answer.authorization_data().first();
    let login = data.and_then(|data| read_token(data.authorization_token()?));
    login.ok_or_else(|| Error::new("ECR gives no token to log in with"))
}

/// A user and a password, as ECR writes them.
fn read_token(token: &str) -> Option<Login> {
    let text = String::from_utf8(BASE64_STANDARD.decode(token).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(Login {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

/// The names of the repositories that were made for a project.
pub async fn of_project(account: &Account, project: &str) -> Result<Vec<String>> {
    let cannot = "cannot list the repositories";
    let prefix = name(project, "");
    let mut own = Vec::new();
    let mut pages = account.ecr.describe_repositories().into_paginator().items().send();
    while let Some(found) = pages.next().await {
        let found = found.map_err(|error| account.access.failed(cannot, &error))?;
        let (name, arn) = (
            found.repository_name().unwrap_or_default(),
            found.repository_arn().unwrap_or_default(),
        );
        if !name.starts_with(&prefix) {
            continue;
        }
        let tagged = account.ecr.list_tags_for_resource().resource_arn(arn).send().await;
        let tagged = tagged.map_err(|error| account.access.failed(cannot, &error))?;
        if tagged
            .tags()
            .iter()
            .any(|tag| tag.key() == tags::PROJECT && tag.value() == project)
        {
            own.push(name.to_owned());
        }
    }
    Ok(own)
}

/// Deletes a repository with all that is in it.
pub async fn delete(account: &Account, repository: &str) -> Result<()> {
    match account
        .ecr
        .delete_repository()
        .repository_name(repository)
        .force(true)
        .send()
        .await
    {
        Err(error) if is(&error, "RepositoryNotFoundException") => Ok(()),
        Err(error) => Err(account
            .access
            .failed(format!("cannot delete repository `{repository}`"), &error)),
        Ok(_) => Ok(()),
    }
}

fn read(described: &Described, new: bool) -> Repository {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Repository {
        name: text(described.repository_name()),
        uri: text(described.repository_uri()),
        new,
    }
}

#[cfg(test)]
mod tests {
    use super::Registry;

    #[test]
    fn registries_of_aws_are_told_by_their_hosts() {
        for (host, registry) in [
            (
                "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
                Some(Registry::Private("eu-central-1")),
            ),
            (
                "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
                Some(Registry::Private("us-gov-west-1")),
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                Some(Registry::Private("cn-north-1")),
            ),
            ("123456789012.dkr.ecr.eu-central-1.amazonaws.com.example", None),
            ("x.dkr.ecr.eu-central-1.amazonaws.com", None),
            ("public.ecr.aws", Some(Registry::Public)),
            ("docker.io", None),
        ] {
            assert_eq!(Registry::at(host), registry, "{host}");
        }
    }

    #[test]
    fn names_are_made_of_ecrs_letters() {
        for (project, service, expected) in [
            ("shop", "web", "shop/web"),
            ("my_shop-", "Web.API__2", "my-shop/web-api-2"),
        ] {
            assert_eq!(super::name(project, service), expected);
        }
    }
}
