//! An account of the laboratory, and a sandbox whose current context is that account.

use aws_sdk_cloudformation::types::{Capability, Parameter, Tag};
use aws_sdk_ec2::types::Filter;

use crate::support::deadline::{block_on, within};
use crate::support::lab::Lab;
use crate::support::sandbox::{Run, Sandbox};

pub struct World {
    pub lab: Lab,
    pub sandbox: Sandbox,
}

impl World {
    /// `None` where there is no laboratory; the test was reported as skipped then.
    pub fn new() -> Option<Self> {
        let lab = Lab::shared()?;
        let mut sandbox = Sandbox::new();
        lab.furnish(&mut sandbox);
        sandbox.ok(&["create", "ecs", "lab", "--from-env"]);
        sandbox.ok(&["use", "lab"]);
        Some(Self { lab, sandbox })
    }

    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> Run {
        self.sandbox.ok(&[&["--progress", "plain"], arguments].concat())
    }

    #[track_caller]
    pub fn fails(&self, arguments: &[&str]) -> Run {
        self.sandbox.fails(&[&["--progress", "plain"], arguments].concat())
    }

    pub fn cloudformation(&self) -> aws_sdk_cloudformation::Client {
        aws_sdk_cloudformation::Client::new(&self.lab.aws())
    }

    /// Makes a stack as somebody else would, without `ctx`; the result is its id.
    pub fn stack(&self, name: &str, template: &str, project: Option<&str>) -> String {
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

    pub fn status(&self, stack: &str) -> String {
        let stacks = block_on(self.cloudformation().describe_stacks().stack_name(stack).send());
        let stack = stacks.unwrap().stacks.unwrap().remove(0);
        stack.stack_status.unwrap().as_str().to_owned()
    }

    /// The default VPC and its subnets, sorted.
    pub fn default_network(&self) -> (String, Vec<String>) {
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
