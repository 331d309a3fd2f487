//! An account of the laboratory, and a sandbox whose current context is that account.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use aws_sdk_cloudformation::types::{Capability, ChangeSetType, ExecutionStatus, Parameter, Tag};
use aws_sdk_ec2::types::Filter;

use crate::support::deadline::{block_on, within};
use crate::support::lab::Lab;
use crate::support::sandbox::{Run, Sandbox};

pub(crate) struct World {
    pub(crate) lab: Lab,
    pub(crate) sandbox: Sandbox,
}

impl World {
    /// An addition to a Compose file which makes CloudFormation wait until somebody gives it leave, and nobody does.
    pub(crate) const HELD: &str = "
x-aws-cloudformation:
  Resources:
    Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
    Hold:
      Type: AWS::CloudFormation::WaitCondition
      Properties: {Handle: {Ref: Handle}, Timeout: '3600'}
";

    /// A project with a service whose tasks may be entered, and one whose may not.
    pub(crate) const OPEN_AND_SHUT: &str = "name: shop
services:
  web:
    image: web
    x-aws-exec: true
  shut:
    image: web
";

    /// One in which [`World::OPEN_AND_SHUT`] runs.
    pub(crate) fn open_and_shut() -> Option<Self> {
        let world = Self::new()?;
        world.sandbox.write("compose.yaml", Self::OPEN_AND_SHUT);
        world.ok(&["up"]);
        Some(world)
    }

    /// `None` where there is no laboratory; the test was reported as skipped then.
    pub(crate) fn new() -> Option<Self> {
        Lab::shared().map(Self::of)
    }

    /// One in which tasks are containers.
    pub(crate) fn with_containers() -> Option<Self> {
        Lab::with_containers().map(Self::of)
    }

    /// One whose laboratory can be ended.
    pub(crate) fn alone() -> Option<Self> {
        Lab::alone().map(Self::of)
    }

    /// One that allows what policies allow.
    pub(crate) fn enforcing() -> Option<Self> {
        Lab::enforcing().map(Self::of)
    }

    /// Lets the sandbox's `ctx` go on as somebody who has this policy and nothing else.
    pub(crate) fn act_under(&mut self, role: &str, policy: &str) {
        let template = include_str!("stacks/deployer.yaml").replace("POLICY", policy.replace('\n', " ").trim());
        let arn = format!("arn:aws:iam::{}:role/{role}", self.lab.account());
        let credentials = block_on(async {
            let request = self
                .cloudformation()
                .create_stack()
                .stack_name(role)
                .template_body(template);
            request
                .capabilities(Capability::CapabilityNamedIam)
                .send()
                .await
                .unwrap();
            let sts = aws_sdk_sts::Client::new(&self.lab.aws());
            let request = sts.assume_role().role_arn(arn).role_session_name("ctx");
            request.send().await.unwrap().credentials.unwrap()
        });
        self.sandbox
            .set("AWS_ACCESS_KEY_ID", credentials.access_key_id)
            .set("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key)
            .set("AWS_SESSION_TOKEN", credentials.session_token);
    }

    fn of(lab: Lab) -> Self {
        let mut sandbox = Sandbox::new();
        lab.furnish(&mut sandbox);
        sandbox.ok(&["create", "ecs", "lab", "--from-env"]);
        sandbox.ok(&["use", "lab"]);
        Self { lab, sandbox }
    }

    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> Run {
        self.sandbox.ok(&[&["--progress", "plain"], arguments].concat())
    }

    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str]) -> Run {
        self.sandbox.fails(&[&["--progress", "plain"], arguments].concat())
    }

    pub(crate) fn cloudformation(&self) -> aws_sdk_cloudformation::Client {
        aws_sdk_cloudformation::Client::new(&self.lab.aws())
    }

    /// Makes a stack as somebody else would, without `ctx`; the result is its id.
    pub(crate) fn stack(&self, name: &str, template: &str, project: Option<&str>) -> String {
        let client = self.cloudformation();
        let (vpc, subnets) = self.default_network();
        let parameter = |name: &str, value: &str| {
            let declared = template.contains(&format!("\n  {name}: {{Type:"));
            declared.then(|| Parameter::builder().parameter_key(name).parameter_value(value).build())
        };
        let id = block_on(async {
            let request = client
                .create_stack()
                .stack_name(name)
                .template_body(template)
                .capabilities(Capability::CapabilityIam)
                .set_parameters(Some(
                    [
                        parameter("VpcId", &vpc),
                        parameter("Subnet1", &subnets[0]),
                        parameter("Subnet2", &subnets[1]),
                    ]
                    .into_iter()
                    .flatten()
                    .collect(),
                ))
                .set_tags(
                    project
                        .map(|project| vec![Tag::builder().key("com.docker.compose.project").value(project).build()]),
                );
            request.send().await.unwrap().stack_id.unwrap()
        });
        let status = within(std::time::Duration::from_secs(30), || {
            let status = self.status(&id);
            (!status.ends_with("_IN_PROGRESS")).then_some(status)
        });
        assert_eq!(status.as_deref(), Some("CREATE_COMPLETE"), "{}", self.lab.log());
        id
    }

    /// What [`World::HELD`] waits for.
    pub(crate) fn release(&self, stack: &str) {
        let request = self.cloudformation().describe_stack_resource().stack_name(stack);
        let answer = block_on(request.logical_resource_id("Handle").send()).unwrap();
        let url = answer.stack_resource_detail.unwrap().physical_resource_id.unwrap();
        let (_, rest) = url.split_once("://").unwrap();
        let path = &rest[rest.find('/').unwrap()..];
        let body = r#"{"Status":"SUCCESS","Reason":"","UniqueId":"1","Data":""}"#;
        let address = self.lab.url().replace("http://", "");
        let mut stream = TcpStream::connect(&address).unwrap();
        let length = body.len();
        let head =
            format!("PUT {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n");
        write!(stream, "{head}\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Prepares a new stack, and does not execute it.
    pub(crate) fn change_set(&self, stack: &str, name: &str, template: &str) {
        let request = self
            .cloudformation()
            .create_change_set()
            .stack_name(stack)
            .change_set_name(name);
        let request = request.change_set_type(ChangeSetType::Create).template_body(template);
        block_on(request.send()).unwrap();
    }

    /// The template that a stack was made from, as it was handed over.
    pub(crate) fn template(&self, stack: &str) -> String {
        let request = self.cloudformation().get_template().stack_name(stack);
        let request = request.template_stage(aws_sdk_cloudformation::types::TemplateStage::Original);
        block_on(request.send()).unwrap().template_body.unwrap()
    }

    pub(crate) fn secret(&self, name: &str) -> String {
        let client = aws_sdk_secretsmanager::Client::new(&self.lab.aws());
        let answer = block_on(client.get_secret_value().secret_id(name).send()).unwrap();
        answer.secret_string.unwrap()
    }

    pub(crate) fn change_sets(&self, stack: &str) -> Vec<String> {
        let answer = block_on(self.cloudformation().list_change_sets().stack_name(stack).send()).unwrap();
        let waiting = answer
            .summaries()
            .iter()
            .filter(|set| set.execution_status() != Some(&ExecutionStatus::ExecuteComplete));
        waiting.map(|set| set.change_set_name().unwrap().to_owned()).collect()
    }

    /// The types of a stack's resources.
    pub(crate) fn resource_types(&self, stack: &str) -> Vec<String> {
        let described = self.cloudformation().describe_stack_resources().stack_name(stack);
        let resources = block_on(described.send()).unwrap().stack_resources.unwrap_or_default();
        let types = resources.into_iter().filter_map(|resource| resource.resource_type);
        types.collect()
    }

    pub(crate) fn parameters(&self, stack: &str) -> BTreeMap<String, String> {
        let stacks = block_on(self.cloudformation().describe_stacks().stack_name(stack).send()).unwrap();
        let parameters = stacks.stacks()[0].parameters().iter().map(|parameter| {
            let text = |text: Option<&str>| text.unwrap().to_owned();
            (text(parameter.parameter_key()), text(parameter.parameter_value()))
        });
        parameters.collect()
    }

    /// Of all stacks.
    pub(crate) fn statuses(&self) -> Vec<String> {
        self.lab.stacks().iter().map(|stack| self.status(stack)).collect()
    }

    pub(crate) fn status(&self, stack: &str) -> String {
        let stacks = block_on(self.cloudformation().describe_stacks().stack_name(stack).send());
        let stack = stacks.unwrap().stacks.unwrap().remove(0);
        stack.stack_status.unwrap().as_str().to_owned()
    }

    /// The default VPC and its subnets, sorted.
    pub(crate) fn default_network(&self) -> (String, Vec<String>) {
        let client = aws_sdk_ec2::Client::new(&self.lab.aws());
        block_on(async {
            let default = Filter::builder().name("is-default").values("true").build();
            let vpcs = client.describe_vpcs().filters(default).send().await.unwrap();
            let vpc = vpcs.vpcs()[0].vpc_id().unwrap().to_owned();
            let inside = Filter::builder().name("vpc-id").values(&vpc).build();
            let subnets = client.describe_subnets().filters(inside).send().await.unwrap();
            let mut ids: Vec<_> = subnets
                .subnets()
                .iter()
                .map(|subnet| subnet.subnet_id().unwrap().to_owned())
                .collect();
            ids.sort();
            (vpc, ids)
        })
    }
}
