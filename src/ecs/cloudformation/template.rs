//! A template on its way to being printed or deployed.

use indexmap::IndexMap;
use serde::Serialize;

use super::fragment::Filled;
use super::value::Value;
use crate::diagnostic::Span;

#[derive(Clone, Default, Debug)]
pub struct Template {
    /// What each Parameter stands for, so that a deployment can supply its value. In the template's order.
    pub parameters: IndexMap<String, Purpose>,
    /// The user's own tags, which the stack gets as its resources do.
    pub tags: Vec<(String, String)>,
    /// Where each logical id comes from.
    pub origins: IndexMap<String, Origin>,
    pub(in crate::ecs) document: Document,
    /// The templates of nested stacks, which the root needs beside itself.
    pub nested: Vec<Nested>,
}

/// A nested stack's template.
#[derive(Clone, Debug)]
pub struct Nested {
    /// The name under which the root looks for it.
    pub file: String,
    pub(in crate::ecs) document: Document,
}

/// The sections, in the order in which they are printed.
#[derive(Clone, Default, Serialize, Debug)]
#[serde(rename_all = "PascalCase")]
pub(in crate::ecs) struct Document {
    #[serde(rename = "AWSTemplateFormatVersion")]
    pub(in crate::ecs) version: &'static str,
    pub(in crate::ecs) description: String,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub(in crate::ecs) metadata: IndexMap<String, Value>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub(in crate::ecs) parameters: IndexMap<String, Value>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub(in crate::ecs) rules: IndexMap<String, Value>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub(in crate::ecs) mappings: IndexMap<String, Value>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub(in crate::ecs) conditions: IndexMap<String, Value>,
    pub(in crate::ecs) resources: IndexMap<String, Value>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub(in crate::ecs) outputs: IndexMap<String, Value>,
}

/// What the Compose file does not say and a Parameter asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Purpose {
    Vpc,
    /// The n-th subnet, counted from 0; each in another availability zone.
    Subnet(usize),
    /// The n-th subnet for load balancers, where they do not stand where the tasks run.
    PublicSubnet(usize),
    /// The security group that stands for a network of this name, which the stack does not own.
    Network {
        name: String,
    },
    /// The file system of this name, which the stack does not own.
    ExternalFileSystem {
        name: String,
    },
    /// The ARN of the secret of this name, whose content the project does not have.
    ExternalSecret {
        name: String,
    },
    /// The image of a service; `default` is what the Compose file says, none for a service that is only built.
    Image {
        service: String,
        default: Option<String>,
        /// Whether `up` builds it.
        built: bool,
    },
    /// The ARN of the secret that holds a file of the project, or the value of a variable.
    Secret {
        key: String,
    },
    /// The ARN of the secret that holds the archive of the project's files for a service.
    Files {
        service: String,
        key: String,
        archive: Vec<u8>,
        /// Files that the archive lacks because they are not there, and where the project wants them.
        missing: Vec<(String, Span)>,
        /// Folders that are in it for what they hold now: the logical id that each had while it was a volume, its path,
        /// and where the project mounts it.
        folders: Vec<(String, String, Span)>,
    },
    /// The ARN of the secret with a user and a password for a registry.
    RegistryLogin {
        registry: String,
        key: String,
    },
    /// The id of an existing file system to use for a volume; empty: the stack makes one.
    FileSystem {
        volume: String,
    },
    /// The image of the init containers.
    InitImage,
    /// Where the templates of nested stacks are.
    TemplatesUrl,
    /// Something about a load balancer that is there already.
    LoadBalancer {
        /// Its name or its ARN.
        which: String,
        kind: &'static str,
        fact: LoadBalancerFact,
    },
    /// The id of the hosted zone in which a domain stands.
    HostedZone {
        domain: String,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoadBalancerFact {
    Arn,
    /// One of the security groups that it is in.
    Group,
    DnsName,
    /// The hosted zone of its DNS name.
    Zone,
}

impl Purpose {
    /// The key of the secret whose ARN is asked for.
    pub(in crate::ecs) fn secret(&self) -> Option<&str> {
        match self {
            Self::Secret { key } | Self::Files { key, .. } | Self::RegistryLogin { key, .. } => Some(key),
            _ => None,
        }
    }
}

/// What in the Compose file a resource comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    pub span: Span,
    pub service: Option<String>,
}

impl Template {
    pub(in crate::ecs) fn new(description: String) -> Self {
        let document = Document {
            version: "2010-09-09",
            description,
            ..Document::default()
        };
        Self {
            document,
            ..Self::default()
        }
    }

    /// Adds what a fragment became. The result names a logical id that was there already, if there was one.
    pub(in crate::ecs) fn add(&mut self, filled: Filled, origin: &Origin) -> Result<(), String> {
        let mut taken = None;
        self.document.conditions.extend(filled.conditions);
        for (id, resource) in filled.resources {
            self.origins.insert(id.clone(), origin.clone());
            if self.document.resources.contains_key(&id) {
                taken = Some(id.clone());
            }
            self.document.resources.insert(id, resource);
        }
        taken.map_or(Ok(()), Err)
    }

    /// The names of all Parameters; those of an overlay have no [`Purpose`].
    pub(in crate::ecs) fn parameter_names(&self) -> impl Iterator<Item = &str> {
        self.document.parameters.keys().map(String::as_str)
    }

    /// The types of all resources, also those of nested stacks.
    pub(in crate::ecs) fn kinds(&self) -> impl Iterator<Item = &str> {
        self.resources().filter_map(|resource| resource.get("Type")?.as_str())
    }

    /// Whether the tasks of a service let sessions in.
    pub(in crate::ecs) fn lets_sessions_in(&self) -> bool {
        let enabled = |resource: &Value| resource.get("Properties")?.get("EnableExecuteCommand").cloned();
        self.resources().any(|resource| enabled(resource).is_some())
    }

    /// Whether Container Insights is on in the cluster that the template makes.
    pub(in crate::ecs) fn measures_tasks(&self) -> bool {
        let settings = |resource: &Value| resource.get("Properties")?.get("ClusterSettings").cloned();
        let on = |setting: &Value| setting.get("Value").is_some_and(|value| *value != "disabled".into());
        self.resources()
            .filter_map(settings)
            .any(|settings| settings.as_list().iter().any(on))
    }

    /// Whether something of IAM has a name of its own, as in an overlay.
    pub(in crate::ecs) fn names_roles(&self) -> bool {
        const NAMES: [&str; 5] = [
            "RoleName",
            "UserName",
            "GroupName",
            "ManagedPolicyName",
            "InstanceProfileName",
        ];
        self.resources().any(|resource| {
            let kind = resource.get("Type").and_then(Value::as_str);
            let properties = resource.get("Properties");
            kind.is_some_and(|kind| kind.contains("::IAM::"))
                && properties.is_some_and(|properties| NAMES.iter().any(|name| properties.get(name).is_some()))
        })
    }

    fn resources(&self) -> impl Iterator<Item = &Value> {
        let nested = self.nested.iter().map(|nested| &nested.document);
        let documents = std::iter::once(&self.document).chain(nested);
        documents.flat_map(|document| document.resources.values())
    }

    /// The value of a Parameter to which a deployment gives none.
    pub(in crate::ecs) fn parameter_default(&self, name: &str) -> Option<String> {
        match self.document.parameters.get(name)?.get("Default")? {
            Value::Text(text) => Some(text.clone().into_owned()),
            Value::Int(number) => Some(number.to_string()),
            Value::Float(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The bytes that `ctx convert` prints and `ctx up` deploys.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        self.document.to_yaml()
    }

    #[must_use]
    pub fn to_json(&self) -> String {
        self.document.to_json()
    }
}

impl Nested {
    #[must_use]
    pub fn to_yaml(&self) -> String {
        self.document.to_yaml()
    }
}

impl Document {
    /// CloudFormation reads YAML 1.1, in which `no`, `12:30` and `1_000` are no text: whatever is text here and would
    /// be something else there comes out quoted.
    pub(super) fn to_yaml(&self) -> String {
        let options = serde_saphyr::ser_options! {
            // Long lines stay lines: a shell script or a policy is read as it was written.
            folded_wrap_chars: usize::MAX
        };
        let mut text = String::new();
        serde_saphyr::to_fmt_writer_with_options(&mut text, self, options)
            .expect("text, numbers, lists and mappings with text keys are YAML");
        text
    }

    fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("text, numbers, lists and mappings with text keys are JSON");
        text.push('\n');
        text
    }
}
