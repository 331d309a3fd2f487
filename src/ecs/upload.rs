//! How a template gets to CloudFormation: in the request where it fits, through the account's bucket otherwise.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::aws::change_set::{LARGEST_BODY, Source};
use super::aws::stack::Stack;
use super::aws::{Account, templates};
use super::cloudformation::split::TEMPLATES_URL;
use super::deploy::Deployment;
use super::parameters::given_value;
use crate::backend::Io;
use crate::error::{Error, Result};

impl Deployment<'_> {
    /// The root's template, and the folder of those of nested stacks if there are any and nobody has said where.
    pub(super) async fn hand_over(&self, account: &Account, io: &Io) -> Result<(Source, Option<String>)> {
        let mut files = Vec::new();
        if given_value(self.given, TEMPLATES_URL).is_none() {
            let nested = self.template.nested.iter();
            files.extend(nested.map(|nested| (nested.file.clone(), nested.to_yaml())));
        }
        let root = (self.body.len() > LARGEST_BODY).then(|| file_name(&self.body));
        files.extend(root.clone().map(|root| (root, self.body.clone())));
        if files.is_empty() {
            return Ok((Source::Body(self.body.clone()), None));
        }
        io.progress
            .working(format!("Stack {}", self.name), "Uploading templates");
        let folder = templates::upload(account, self.name, &files).await?;
        let source = match root {
            Some(root) => Source::Url(format!("{folder}/{root}")),
            None => Source::Body(self.body.clone()),
        };
        Ok((source, Some(folder).filter(|_| !self.template.nested.is_empty())))
    }

    /// Refuses to move services from one stack to another: the new ones would be made while the old ones still hold
    /// their names.
    pub(super) fn check_stays(&self, stack: &Stack) -> Result<()> {
        let was_split = stack.parameters.contains_key(TEMPLATES_URL);
        let is_split = !self.template.nested.is_empty();
        if was_split == is_split {
            return Ok(());
        }
        let name = self.name;
        let (what, instead) = if is_split {
            ("is one stack and would become nested stacks", "false")
        } else {
            ("has nested stacks and would become one stack", "true")
        };
        let hint = format!(
            "`x-aws-nested_stacks: {instead}` leaves it as it is, where it fits; or remove it with `ctx down`, which \
             keeps its file systems, and bring it up again"
        );
        Err(Error::new(format!("`{name}` {what}, which would replace every service")).hint(hint))
    }
}

fn file_name(body: &str) -> String {
    let mut name = String::from("template.");
    for byte in &Sha256::digest(body)[..6] {
        let _ = write!(name, "{byte:02x}");
    }
    name + ".yaml"
}
