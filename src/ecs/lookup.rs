//! What a deployment looks up for the values of Parameters that nobody has given.

use indexmap::IndexMap;

use super::aws::stack::{self, Resource, Stack};
use super::aws::{Account, network, secrets, volumes};
use super::cloudformation::Purpose;
use super::deploy::Deployment;
use super::parameters::{Found, given_value};
use crate::backend::Io;
use crate::error::{Error, Result};

impl Deployment<'_> {
    /// Everything that the Parameters ask for and nobody has said, and the secrets whose content is new to their tasks.
    pub(super) async fn find(
        &self,
        account: &Account,
        stack: Option<&Stack>,
        io: &Io,
    ) -> Result<(Found, Vec<secrets::Stored>)> {
        let vpc = self.vpc(account, stack).await?;
        let subnets = self.subnets(account, vpc.as_deref(), stack).await?;
        let file_systems = self.file_systems(account, stack).await?;
        let mut arns = IndexMap::new();
        let mut renewed = Vec::new();
        for file in &self.files {
            let stored = secrets::put(account, self.name, file).await?;
            io.progress
                .done(format!("Secret {}", file.key), stored.change.to_string());
            arns.insert(file.key.clone(), stored.arn.clone());
            if stored.change == secrets::Change::Updated {
                renewed.push(stored);
            }
        }
        let found = Found {
            vpc,
            subnets,
            secrets: arns,
            file_systems,
        };
        Ok((found, renewed))
    }

    /// What the user says, what the files say, what the stack has, the default one: in this order.
    async fn vpc(&self, account: &Account, stack: Option<&Stack>) -> Result<Option<String>> {
        let asked = self
            .template
            .parameters
            .iter()
            .find(|(_, purpose)| **purpose == Purpose::Vpc);
        let Some((name, _)) = asked else {
            return Ok(None);
        };
        let said = given_value(self.given, name).map(str::to_owned);
        let known = said.or(self.template.parameter_default(name)).or(kept(stack, name));
        if known.is_some() {
            return Ok(known);
        }
        let vpc = network::default_vpc(account).await?;
        if vpc.is_some() {
            return Ok(vpc);
        }
        Err(
            Error::new(format!("region `{}` has no default VPC", account.region)).hint(format!(
                "name a VPC with `--parameter {name}=vpc-…`, or `aws ec2 create-default-vpc` makes one"
            )),
        )
    }

    async fn subnets(&self, account: &Account, vpc: Option<&str>, stack: Option<&Stack>) -> Result<Vec<String>> {
        let parameters = self.template.parameters.iter();
        let names = parameters.filter_map(|(name, purpose)| matches!(purpose, Purpose::Subnet(_)).then_some(name));
        let names: Vec<&String> = names.collect();
        let slot = |name: &&String| network::Slot {
            given: given_value(self.given, name).map(str::to_owned),
            kept: stack.and_then(|stack| stack.parameters.get(*name).cloned()),
        };
        let slots: Vec<network::Slot> = names.iter().map(slot).collect();
        let (Some(vpc), false) = (vpc, slots.iter().all(|slot| slot.given.is_some())) else {
            return Ok(Vec::new());
        };
        let there = network::subnets(account, vpc).await?;
        network::choose(&there, &slots)
            .map_err(|error| error.hint(format!("name them with `--parameter {}=subnet-…`", names[0])))
    }

    /// The file systems that the stack shall use but does not own: those that an earlier stack of the project left.
    async fn file_systems(&self, account: &Account, stack: Option<&Stack>) -> Result<IndexMap<String, String>> {
        let mut chosen = IndexMap::new();
        let asked = self
            .template
            .parameters
            .iter()
            .filter_map(|(name, purpose)| match purpose {
                Purpose::FileSystem { volume } if given_value(self.given, name).is_none() => Some((name, volume)),
                _ => None,
            });
        let asked: Vec<(&String, &String)> = asked.collect();
        if asked.is_empty() {
            return Ok(chosen);
        }
        let there = volumes::of_project(account, self.name).await?;
        let resources = match stack {
            Some(stack) => stack::resources(account, &stack.id).await?,
            None => Vec::new(),
        };
        // A resource that this template no longer has is about to leave the stack.
        let stays = |resource: &Resource| self.template.origins.contains_key(&resource.logical_id);
        let staying = resources.into_iter().filter(stays);
        let owned: Vec<String> = staying.map(|resource| resource.physical_id).collect();
        for (name, volume) in asked {
            let kept = kept(stack, name);
            let id = volumes::retained(&there, volume, &owned, kept.as_deref())
                .map_err(|error| error.hint(format!("say which with `--parameter {name}=fs-…`")))?;
            if let Some(id) = id {
                chosen.insert(volume.clone(), id);
            }
        }
        Ok(chosen)
    }
}

/// The value that a Parameter has in the stack.
fn kept(stack: Option<&Stack>, name: &str) -> Option<String> {
    stack?.parameters.get(name).cloned()
}
