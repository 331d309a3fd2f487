//! The bucket for templates that are too large for a request, and what is put there.

use aws_sdk_cloudformation::types::StackStatus;
use futures_util::future::try_join_all;

use super::failure::is;
use super::objects::Bucket;
use super::pace::Pace;
use super::stack::Stack;
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

/// Removes what a project has in the bucket, where there is one; how many files that were.
pub async fn remove(account: &Account, project: &str) -> Result<usize> {
    let Some(bucket) = there(account, stack::find(account, STACK).await?.as_ref()) else {
        return Ok(0);
    };
    let mut removed = 0;
    loop {
        let keys = match account.objects.keys(&bucket, &format!("{project}/")).await {
            Ok(keys) => keys,
            // Who may not look there has put nothing there.
            Err(error) if is(&error, "AccessDenied") => return Ok(0),
            Err(error) => {
                return Err(account
                    .access
                    .failed("cannot look into the bucket for templates", &error));
            }
        };
        if keys.is_empty() {
            return Ok(removed);
        }
        removed += keys.len();
        for some in keys.chunks(AT_ONCE) {
            let deletes = some.iter().map(|key| async {
                let deleted = account.objects.delete(&bucket, key).await;
                deleted.map_err(|error| {
                    account
                        .access
                        .failed("cannot remove a template from the bucket", &error)
                })
            });
            try_join_all(deletes).await?;
        }
    }
}

/// The bucket of a stack that is complete.
fn there(account: &Account, stack: Option<&Stack>) -> Option<Bucket> {
    let output = |key: &str| {
        let mut outputs = stack?.outputs.iter();
        outputs.find(|(name, _)| name == key).map(|(_, value)| value)
    };
    Some(Bucket {
        owner: account.id.clone(),
        url: account.objects.url(output("Bucket")?, output("Domain")?),
    })
}

/// The account's bucket in this region, which is made when it is first needed.
async fn bucket(account: &Account) -> Result<Bucket> {
    let mut pace = Pace::new();
    let mut asked = false;
    loop {
        let found = stack::find(account, STACK).await?;
        match found.as_ref().map(|stack| &stack.status) {
            None | Some(StackStatus::ReviewInProgress | StackStatus::DeleteComplete) if !asked => {
                make(account).await?;
                asked = true;
            }
            Some(status) if status.as_str().ends_with("_IN_PROGRESS") => {}
            Some(_) => {
                if let Some(bucket) = there(account, found.as_ref()) {
                    return Ok(bucket);
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
        Err(error) if is(&error, "AlreadyExistsException") => Ok(()),
        Err(error) => Err(account
            .access
            .failed("cannot make the bucket for large templates", &error)),
        Ok(_) => Ok(()),
    }
}
