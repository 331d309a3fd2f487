//! Where jobs and scheduled services run: no service of ECS tells it, and only the template of their stack says it.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem, LaunchType, NetworkConfiguration,
    Service as Described,
};
use serde_json::Value;

use crate::ecs::aws::services::Service;
use crate::ecs::aws::{Account, history, stack};
use crate::error::{Error, Result};

/// A service of ECS as it would be if there were one.
pub(super) async fn described(account: &Account, project: &str, service: &Service) -> Result<Described> {
    let unknown = || {
        let what = format!(
            "the template of stack `{project}` does not tell in which network `{}` runs",
            service.key
        );
        Error::new(what).hint("`ctx up` runs a job when it has changed; `ctx run` one of the other services")
    };
    let root = stack::find(account, project).await?.ok_or_else(unknown)?;
    let mut resources = stack::resources(account, &root.id).await?;
    let runner = resources
        .iter()
        .find(|resource| resource.logical_id == service.logical_id)
        .ok_or_else(unknown)?;
    // A nested stack is given what it does not make itself.
    let holder = runner.stack.clone();
    let stack = if holder == root.id {
        root
    } else {
        stack::find(account, &holder).await?.ok_or_else(unknown)?
    };
    let template = stack::template(account, &holder).await?;
    let template: Value = serde_yaml::from_str(&template).unwrap_or_default();
    resources.retain(|resource| resource.stack == holder);
    let ids: BTreeMap<String, String> = resources
        .into_iter()
        .map(|resource| (resource.logical_id, resource.physical_id))
        .collect();
    let known = |name: &str| stack.parameters.get(name).or_else(|| ids.get(name)).cloned();
    let mut place = place(&template, &service.logical_id, &known).ok_or_else(unknown)?;
    let arn = service.definition.task_definition_arn().unwrap_or_default();
    place.tags = Some(history::tagged(account, arn).await?.1);
    Ok(place)
}

/// What the template says about the tasks that a resource starts; nothing where it names what nobody knows.
fn place(template: &Value, logical_id: &str, known: &dyn Fn(&str) -> Option<String>) -> Option<Described> {
    let properties = template.get("Resources")?.get(logical_id)?.get("Properties")?;
    let task = properties
        .get("Task")
        .or_else(|| properties.get("Target")?.get("EcsParameters"))?;
    let network = get(get(task, "NetworkConfiguration")?, "AwsvpcConfiguration")?;
    let texts = |name: &str| -> Option<Vec<String>> {
        let values = get(network, name).and_then(Value::as_array)?;
        values.iter().map(|value| text(value, known)).collect()
    };
    let public = get(network, "AssignPublicIp").and_then(|value| text(value, known));
    let network = AwsVpcConfiguration::builder()
        .set_subnets(Some(texts("Subnets")?))
        .set_security_groups(Some(texts("SecurityGroups")?))
        .set_assign_public_ip(public.as_deref().map(AssignPublicIp::from))
        .build()
        .ok()?;
    let strategy = get(task, "CapacityProviderStrategy").and_then(Value::as_array);
    let strategy = strategy.into_iter().flatten().map(|item| provider(item, known));
    let launch_type = get(task, "LaunchType").and_then(|value| text(value, known));
    let described = Described::builder()
        .network_configuration(NetworkConfiguration::builder().awsvpc_configuration(network).build())
        .set_launch_type(launch_type.as_deref().map(LaunchType::from))
        .set_capacity_provider_strategy(Some(strategy.collect::<Option<Vec<_>>>()?));
    Some(described.build())
}

fn provider(item: &Value, known: &dyn Fn(&str) -> Option<String>) -> Option<CapacityProviderStrategyItem> {
    let number = |name: &str| {
        get(item, name)
            .and_then(Value::as_i64)
            .and_then(|number| i32::try_from(number).ok())
    };
    CapacityProviderStrategyItem::builder()
        .capacity_provider(text(get(item, "CapacityProvider")?, known)?)
        .weight(number("Weight").unwrap_or_default())
        .base(number("Base").unwrap_or_default())
        .build()
        .ok()
}

/// A property as CloudFormation writes it, or as ECS does.
fn get<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let (first, rest) = name.split_at(1);
    let own = || value.get(first.to_lowercase() + rest);
    value.get(name).or_else(own)
}

/// A text, or what a reference to a parameter or a resource stands for.
fn text(value: &Value, known: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    let named = value.get("Ref").or_else(|| value.get("Fn::GetAtt")?.get(0));
    known(named?.as_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "
Resources:
  MigrateJob:
    Properties:
      Task:
        launchType: FARGATE
        networkConfiguration:
          awsvpcConfiguration:
            assignPublicIp: ENABLED
            subnets: [{Ref: Subnet1}]
            securityGroups: [{'Fn::GetAtt': [Network, GroupId]}]
  TickSchedule:
    Properties:
      Target:
        EcsParameters:
          CapacityProviderStrategy: [{CapacityProvider: FARGATE_SPOT, Weight: 1}]
          NetworkConfiguration:
            AwsvpcConfiguration: {Subnets: [subnet-2], SecurityGroups: [sg-2]}
  OddJob:
    Properties:
      Task: {networkConfiguration: {awsvpcConfiguration: {subnets: [{'Fn::ImportValue': x}], securityGroups: []}}}
";

    fn place_of(id: &str) -> Option<Described> {
        let template: Value = serde_yaml::from_str(TEMPLATE).unwrap();
        place(&template, id, &|name| {
            let known = [("Subnet1", "subnet-1"), ("Network", "sg-1")];
            known.iter().find(|(of, _)| *of == name).map(|(_, id)| (*id).to_owned())
        })
    }

    #[test]
    fn a_job_runs_where_its_template_says() {
        let job = place_of("MigrateJob").unwrap();
        let network = job.network_configuration().unwrap().awsvpc_configuration().unwrap();
        assert_eq!(
            (network.subnets(), network.security_groups()),
            (&["subnet-1".to_owned()][..], &["sg-1".to_owned()][..])
        );
        assert_eq!(network.assign_public_ip(), Some(&AssignPublicIp::Enabled));
        assert_eq!(job.launch_type(), Some(&LaunchType::Fargate));
        let tick = place_of("TickSchedule").unwrap();
        assert_eq!(tick.capacity_provider_strategy()[0].capacity_provider(), "FARGATE_SPOT");
    }

    #[test]
    fn what_nobody_can_resolve_is_no_place() {
        assert_eq!(place_of("OddJob"), None);
        assert_eq!(place_of("NoJob"), None);
    }
}
