//! What a deployment looks up for the values of Parameters that nobody has given.

use indexmap::IndexMap;

use super::aws::secrets::Stored;
use super::aws::stack::{self, Resource, Stack};
use super::aws::{Account, hosted_zones, load_balancers, network, secrets, volumes};
use super::cloudformation::Purpose;
use super::deploy::Deployment;
use super::parameters::{Found, given_value};
use super::pins;
use crate::backend::{Io, UpOptions};
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};
use crate::image::Builder;

impl Deployment<'_> {
    /// Everything that the Parameters ask for and nobody has said.
    pub(super) async fn find(&self, account: &Account, stack: Option<&Stack>, stored: &[Stored]) -> Result<Found> {
        let (mut others, vpc) = self.others(account).await?;
        let (vpc, [subnets, public_subnets]) = self.network(account, stack, vpc).await?;
        others.extend(self.external_networks(account, vpc.as_deref()).await?);
        let file_systems = self.file_systems(account, stack).await?;
        let arns = stored.iter().map(|stored| (stored.key.clone(), stored.arn.clone()));
        Ok(Found {
            vpc,
            images: self.known_images(stack),
            subnets,
            public_subnets,
            secrets: arns.collect(),
            file_systems,
            templates_url: None,
            others,
        })
    }

    /// Whether a folder would be sent that is a volume in the stack: a local run has filled it since, most likely, and
    /// what the tasks have written would no longer be there.
    pub(super) async fn check_folders(&self, account: &Account, stack: &Stack) -> Result<()> {
        let mut sent = Vec::new();
        for purpose in self.template.parameters.values() {
            if let Purpose::Files { folders, .. } = purpose {
                sent.extend(folders);
            }
        }
        if sent.is_empty() {
            return Ok(());
        }
        let resources = stack::resources(account, &stack.id).await?;
        sent.retain(|(was, ..)| resources.iter().any(|resource| resource.logical_id == *was));
        let mistakes = sent.into_iter().map(|(_, path, span)| {
            let message = format!("`{path}` is a volume in the stack, and has files now that would be sent instead");
            let hint = "say `x-aws-bind: efs` on the mount to keep the volume, or `ship` to send the files";
            Diagnostic::error(*span, message).hint(hint)
        });
        let mistakes: Vec<Diagnostic> = mistakes.collect();
        if mistakes.is_empty() {
            Ok(())
        } else {
            Err(mistakes.into())
        }
    }

    /// What registries say that the tags of images mean now, by service.
    pub(super) async fn pin(
        &self,
        account: &Account,
        builder: &Builder,
        stack: Option<&Stack>,
        options: &UpOptions,
        io: &Io,
    ) -> Result<IndexMap<String, String>> {
        if options.keep_tags {
            return Ok(IndexMap::new());
        }
        let asked = pins::asked(self.project, self.template, self.given)?;
        pins::resolve(account, &builder.registries(), &asked, stack, io).await
    }

    /// Adds images that were built or pinned, also to the services that only use them.
    pub(super) fn add_images(&self, found: &mut Found, images: IndexMap<String, String>) {
        found.images.extend(images);
        pins::share(self.project, self.template, &mut found.images);
    }

    /// The images of services that are built, as the stack has them; before there is a stack, by their services' names.
    fn known_images(&self, stack: Option<&Stack>) -> IndexMap<String, String> {
        let built = self
            .template
            .parameters
            .iter()
            .filter_map(|(name, purpose)| match purpose {
                Purpose::Image {
                    service, built: true, ..
                } => {
                    let image = kept(stack, name).unwrap_or_else(|| format!("{}-{service}", self.name));
                    Some((service.clone(), image))
                }
                _ => None,
            });
        built.collect()
    }

    /// What there is to know about load balancers, hosted zones, file systems and secrets of others, by Parameter; and
    /// the load balancers' VPC.
    async fn others(&self, account: &Account) -> Result<(IndexMap<String, String>, Option<String>)> {
        let mut values = IndexMap::new();
        let mut balancers: IndexMap<&String, load_balancers::Known> = IndexMap::new();
        let asked = self.template.parameters.iter();
        for (name, purpose) in asked.filter(|(name, _)| given_value(self.given, name).is_none()) {
            let value = match purpose {
                Purpose::LoadBalancer { which, kind, fact } => {
                    if !balancers.contains_key(which) {
                        balancers.insert(which, load_balancers::find(account, which).await?);
                    }
                    load_balancers::value(&balancers[which], which, kind, *fact)?
                }
                Purpose::HostedZone { domain } => hosted_zones::of_domain(account, domain).await?,
                Purpose::ExternalFileSystem { name: volume } => volumes::named(account, volume)
                    .await
                    .map_err(|error| error.hint(format!("say which with `--parameter {name}=fs-…`")))?,
                Purpose::ExternalSecret { name: secret } => secrets::named(account, secret)
                    .await
                    .map_err(|error| error.hint(format!("create it, or say which with `--parameter {name}=arn:…`")))?,
                _ => continue,
            };
            values.insert(name.clone(), value);
        }
        let vpc = balancers.into_values().next().map(|known| known.vpc);
        Ok((values, vpc))
    }

    /// The security groups of networks that the stack does not own, by Parameter.
    async fn external_networks(&self, account: &Account, vpc: Option<&str>) -> Result<Vec<(String, String)>> {
        let asked = self
            .template
            .parameters
            .iter()
            .filter_map(|(name, purpose)| match purpose {
                Purpose::Network { name: network } if given_value(self.given, name).is_none() => Some((name, network)),
                _ => None,
            });
        let asked: Vec<_> = asked.collect();
        let (Some(vpc), false) = (vpc, asked.is_empty()) else {
            return Ok(Vec::new());
        };
        let groups = network::groups(account, vpc).await?;
        let find = |(name, network): (&String, &String)| {
            let group = network::named(&groups, network, vpc);
            let group = group.map_err(|error| error.hint(format!("say which with `--parameter {name}=sg-…`")))?;
            Ok((name.clone(), group))
        };
        asked.into_iter().map(find).collect()
    }

    /// The VPC, and the subnets of tasks and of load balancers, where the template asks for them.
    async fn network(
        &self,
        account: &Account,
        stack: Option<&Stack>,
        of_load_balancer: Option<String>,
    ) -> Result<(Option<String>, [Vec<String>; 2])> {
        let tasks = self.slots(stack, |purpose| matches!(purpose, Purpose::Subnet(_)));
        let balancers = self.slots(stack, |purpose| matches!(purpose, Purpose::PublicSubnet(_)));
        let given = tasks.iter().chain(&balancers).find_map(|(_, slot)| slot.given.clone());
        let Some(vpc) = self.vpc(account, stack, given.as_deref(), of_load_balancer).await? else {
            return Ok((None, [Vec::new(), Vec::new()]));
        };
        let there = network::subnets(account, &vpc).await?;
        let public: Vec<_> = there.iter().filter(|subnet| subnet.public).cloned().collect();
        let mut chosen = [Vec::new(), Vec::new()];
        for (nth, (slots, subnets)) in [(tasks, &there), (balancers, &public)].into_iter().enumerate() {
            let (names, slots): (Vec<_>, Vec<_>) = slots.into_iter().unzip();
            let Some(name) = names.first() else { continue };
            let hint = || format!("name them with `--parameter {name}=subnet-…`");
            let ids = network::choose(subnets, &slots).map_err(|error| error.hint(hint()))?;
            network::check(&there, &ids, &vpc)?;
            chosen[nth] = ids;
        }
        Ok((Some(vpc), chosen))
    }

    /// The Parameters that ask for subnets, with what is known about each.
    fn slots(&self, stack: Option<&Stack>, asks: fn(&Purpose) -> bool) -> Vec<(&String, network::Slot)> {
        let mut slots = Vec::new();
        for (name, _) in self.template.parameters.iter().filter(|(_, purpose)| asks(purpose)) {
            let said = given_value(self.given, name).map(str::to_owned);
            let given = said.or(self.template.parameter_default(name));
            let kept = kept(stack, name);
            slots.push((name, network::Slot { given, kept }));
        }
        slots
    }

    /// What the user says, what the files say, that of the subnets that they name, what the stack has, that of an
    /// existing load balancer, the default one: in this order.
    async fn vpc(
        &self,
        account: &Account,
        stack: Option<&Stack>,
        subnet: Option<&str>,
        of_load_balancer: Option<String>,
    ) -> Result<Option<String>> {
        let asked = self
            .template
            .parameters
            .iter()
            .find(|(_, purpose)| **purpose == Purpose::Vpc);
        let Some((name, _)) = asked else {
            return Ok(None);
        };
        let said = given_value(self.given, name).map(str::to_owned);
        if let Some(vpc) = said.or(self.template.parameter_default(name)) {
            return Ok(Some(vpc));
        }
        if let Some(subnet) = subnet {
            return network::vpc_of(account, subnet).await.map(Some);
        }
        let known = match kept(stack, name).or(of_load_balancer) {
            Some(vpc) => Some(vpc),
            None => network::default_vpc(account).await?,
        };
        if known.is_some() {
            return Ok(known);
        }
        Err(
            Error::new(format!("region `{}` has no default VPC", account.region)).hint(format!(
                "name a VPC with `--parameter {name}=vpc-…`, let the stack make one with `x-aws-vpc: new`, or \
                 `aws ec2 create-default-vpc` makes one"
            )),
        )
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
