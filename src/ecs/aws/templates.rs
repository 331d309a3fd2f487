//! The bucket for templates that are too large for a request, and what is put there.

use aws_sdk_cloudformation::types::StackStatus;
use futures_util::future::try_join_all;

use super::objects::Bucket;
use super::pace::Pace;
use super::{Account, stack};
use crate::error::{Error, Result};

/// The stack with the bucket.
const STACK: &str = "ctx-templates";
const TEMPLATE: &str = include_str!("../../../templates/template-bucket.yaml");

/// How many templates are sent at a time.
const AT_ONCE: usize = 8;

/// Puts files into a project's folder; the result is the folder's address. Their names say what they hold, so that
/// whoever reads one while another deployment writes finds what was meant.
pub async fn upload(account: &Account, project: &str, files: &[(String, String)]) -> Result<String> {
    let bucket = &bucket(account).await?;
    for some in files.chunks(AT_ONCE) {
        let puts = some
            .iter()
            .map(|(name, body)| put(account, bucket, format!("{project}/{name}"), body));
        try_join_all(puts).await?;
    }
    Ok(format!("{}/{project}", bucket.url))
}

async fn put(account: &Account, bucket: &Bucket, key: String, body: &str) -> Result<()> {
    let written = account.objects.put(bucket, &key, body).await;
    written.map_err(|error| account.access.failed("cannot put a template into the bucket", &error))
}

/// The account's bucket in this region, which is made when it is first needed.
async fn bucket(account: &Account) -> Result<Bucket> {
    let mut pace = Pace::new();
    let mut asked = false;
    loop {
        let found = stack::find(account, STACK).await?;
        let output = |key: &str| {
            let outputs = &found.as_ref()?.outputs;
            outputs.iter().find(|(name, _)| name == key).map(|(_, value)| value)
        };
        match found.as_ref().map(|stack| &stack.status) {
            None | Some(StackStatus::ReviewInProgress | StackStatus::DeleteComplete) if !asked => {
                make(account).await?;
                asked = true;
            }
            Some(status) if status.as_str().ends_with("_IN_PROGRESS") => {}
            Some(_) => {
                if let (Some(bucket), Some(domain)) = (output("Bucket"), output("Domain")) {
                    return Ok(Bucket {
                        owner: account.id.clone(),
                        url: account.objects.url(bucket, domain),
                    });
                }
                let what =
                    format!("the bucket for large templates could not be made: see the events of stack `{STACK}`");
                return Err(Error::new(what).hint(format!(
                    "`aws cloudformation delete-stack --stack-name {STACK}`, and try again"
                )));
            }
            None => {}
        }
        pace.wait().await;
    }
}

async fn make(account: &Account) -> Result<()> {
    let request = account
        .cloudformation
        .create_stack()
        .stack_name(STACK)
        .template_body(TEMPLATE);
    match request.send().await {
        // Somebody else was quicker.
        Err(error) if super::failure::is(&error, "AlreadyExistsException") => Ok(()),
        Err(error) => Err(account
            .access
            .failed("cannot make the bucket for large templates", &error)),
        Ok(_) => Ok(()),
    }
}
