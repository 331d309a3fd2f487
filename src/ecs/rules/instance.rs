//! EC2 instances of a service's own: which type, which image, and what a task says that runs on one.

use crate::compose::Service;
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::instances::{self, Architecture, Need};
use crate::ecs::cloudformation::value::Text;
use crate::ecs::cloudformation::{Value, fragment, names};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;
use crate::ecs::rules::capacity::{self, Ec2};
use crate::ecs::rules::{host, platform, rollout, size};

/// Instances that the stack makes for the service, and ECS starts and stops as its tasks need them.
pub(in crate::ecs) fn place(service: &Service, ec2: Ec2<'_>, draft: &mut Draft) {
    let span = reason(service, draft);
    if draft.cluster != Value::reference("Cluster") {
        let message = "instances of the project's own need a cluster of its own";
        draft.say(Diagnostic::error(span, message).hint("leave `x-aws-cluster` out"));
        return;
    }
    if platform::is_windows(service) {
        let message = "Windows containers do not run on instances yet";
        draft.say(Diagnostic::error(span, message).hint("`x-aws-capacity: fargate` runs them"));
        return;
    }
    let is_public = fit(service, draft);
    if rollout::is_global(service) {
        on_every_instance(service, ec2, is_public, span, draft);
        return;
    }
    if !instances(service, ec2, is_public, span, draft) {
        return;
    }
    let provider = Value::reference(draft.id(service, "CapacityProvider"));
    let item = Value::map([("CapacityProvider", provider), ("Weight", 1_i64.into())]);
    capacity::run_by(service, vec![item], draft);
}

/// `deploy.mode: global`: a task on each of the project's instances. ECS counts none of them when it decides how many
/// instances there are.
fn on_every_instance(service: &Service, ec2: Ec2<'_>, is_public: bool, span: Span, draft: &mut Draft) {
    let others = draft.project.services.values().any(|other| {
        other.name != service.name && !rollout::is_global(other) && capacity::of(other, draft).ec2().is_some()
    });
    if ec2.number("min").is_some_and(|min| min > 0) {
        if !instances(service, ec2, is_public, span, draft) {
            return;
        }
        draft.wait_for(service, "CapacityProviders".to_owned());
    } else if !others {
        let message = "a service with a task on every instance needs instances, and the project has none";
        draft.say(Diagnostic::error(span, message).hint("`x-aws-capacity: {ec2: {min: 1}}` keeps one running"));
        return;
    }
    let ecs_service = draft.service(service);
    ecs_service.set("LaunchType", "EC2");
    ecs_service.set("SchedulingStrategy", "DAEMON");
    ecs_service.remove("DesiredCount");
    let deployment = ecs_service.entry("DeploymentConfiguration");
    deployment.set("MinimumHealthyPercent", 0_i64);
    deployment.set("MaximumPercent", 100_i64);
}

/// Makes the service's instances; false if there is no type that fits.
fn instances(service: &Service, ec2: Ec2<'_>, is_public: bool, span: Span, draft: &mut Draft) -> bool {
    let Some(instance_type) = instance_type(service, ec2, span, draft) else {
        return false;
    };
    if !draft.template.document.resources.contains_key("InstanceRole") {
        draft.add(&fragment::INSTANCE_ROLE, "", [], span);
    }
    let image = image(service, ec2, &instance_type, draft);
    let disk = size::disk(service).map_or(0, |disk| disk.value);
    let count = |key: &str, default: i64| Value::from(ec2.number(key).unwrap_or(default).to_string());
    let holes = [
        ("Title", names::plain(&service.name).into()),
        ("Cluster", draft.cluster.clone()),
        ("InstanceType", Value::Text(instance_type)),
        ("ImageId", image),
        ("GroupId", Value::attribute("InstanceGroup", "GroupId")),
        ("ProfileArn", Value::attribute("InstanceProfile", "Arn")),
        ("VolumeSize", ec2.number("volume_size").unwrap_or(30 + disk).into()),
        ("MinSize", count("min", 0)),
        ("MaxSize", count("max", 10)),
    ];
    draft.add_for_service(&fragment::INSTANCES, holes, service);
    let awsvpc = draft
        .service(service)
        .at(&["NetworkConfiguration", "AwsvpcConfiguration"]);
    if let Some(subnets) = awsvpc.and_then(|awsvpc| awsvpc.get("Subnets")).cloned() {
        let group = draft.id(service, "Instances");
        draft.properties(&group).set("VPCZoneIdentifier", subnets);
    }
    let template = draft.id(service, "LaunchTemplate");
    let data = draft.properties(&template).entry("LaunchTemplateData");
    if !is_public && let Some(interface) = data.entry("NetworkInterfaces").items().first_mut() {
        interface.set("AssociatePublicIpAddress", false);
    }
    if ec2.setting("spot").and_then(extensions::boolean) == Some(true) {
        data.set("InstanceMarketOptions", Value::map([("MarketType", "spot".into())]));
    }
    let provider = Value::reference(draft.id(service, "CapacityProvider"));
    capacity::offer(draft, provider, span);
    true
}

/// The task definition and the network of a task on instances: what is not limited may use what there is. Gives whether
/// the subnets are public.
fn fit(service: &Service, draft: &mut Draft) -> bool {
    /// MiB that a container is given at least when nothing is said.
    const USUAL: i64 = 512;
    /// The same for those that only prepare a task.
    const SMALL: i64 = 64;
    let together = size::together(service, draft);
    let housemates = draft.housemates(service);
    let task = draft.task(service);
    task.set("RequiresCompatibilities", Value::list(["EC2"]));
    task.remove("Cpu");
    task.remove("Memory");
    if let Some(cpu) = together.cpu {
        task.set("Cpu", cpu.value.max(128).to_string());
    }
    if let Some(limit) = together.limit() {
        task.set("Memory", limit.value.to_string());
    } else {
        for container in task.entry("ContainerDefinitions").items() {
            if container.get("Memory").or(container.get("MemoryReservation")).is_some() {
                continue;
            }
            let is_it = |service: &&Service| container.get("Name") == Some(&names::plain(&service.name).into());
            let Some(wanted) = housemates.iter().copied().find(is_it).map(size::wanted) else {
                container.set("MemoryReservation", SMALL);
                continue;
            };
            let memory = wanted.memory.map_or(USUAL, |memory| memory.value.cast_signed());
            let property = if wanted.limit().is_some() {
                "Memory"
            } else {
                "MemoryReservation"
            };
            container.set(property, memory);
        }
    }
    let ecs_service = draft.service(service);
    let awsvpc = ecs_service.entry("NetworkConfiguration").entry("AwsvpcConfiguration");
    let is_public = awsvpc.get("AssignPublicIp") == Some(&"ENABLED".into());
    awsvpc.remove("AssignPublicIp");
    if is_public {
        let message = "a task on an instance has no public address: its containers reach the internet only from subnets with a NAT gateway";
        let span = reason(service, draft);
        draft.remark(
            Diagnostic::warning(span, message).hint("choose such subnets, or make them with `x-aws-vpc: {new: nat}`"),
        );
    }
    is_public
}

/// Where the file asks for instances.
fn reason(service: &Service, draft: &Draft) -> Span {
    let gpus = draft.housemates(service).into_iter().find_map(host::gpus);
    gpus.map_or(capacity::of(service, draft).span(), |gpus| gpus.span)
}

/// The type that is asked for, or the smallest that fits.
fn instance_type(service: &Service, ec2: Ec2<'_>, span: Span, draft: &mut Draft) -> Option<Text> {
    let together = size::together(service, draft);
    let gpus = draft.housemates(service).into_iter().filter_map(host::gpus);
    let need = Need {
        cpu: together.cpu.map_or(0, |cpu| cpu.value),
        memory: together.memory.map_or(0, |memory| memory.value),
        gpus: gpus.map(|gpus| gpus.value.unwrap_or(1)).sum(),
    };
    let said = ec2.setting("instance_type");
    let name = machine(service, ec2);
    let span = said.map_or(span, |said| said.span);
    let architecture = platform::architecture(service);
    if need.gpus > 0 && architecture == Some(Architecture::Arm) {
        let message = "GPUs are not possible on ECS beside a processor with ARM";
        draft.say(Diagnostic::error(span, message).hint("use `platform: linux/amd64`"));
        return None;
    }
    let family = name.as_deref().filter(|name| instances::is_family(name));
    let known = match &name {
        Some(name) if family.is_none() => instances::named(name),
        _ => {
            let architecture = family.map(instances::architecture).or(architecture);
            instances::smallest(need, architecture.unwrap_or(Architecture::Intel), family)
        }
    };
    let chosen: Text = match (known, &name) {
        (Some(known), _) if known.fits(need) => known.name,
        (Some(known), _) => {
            let message = format!(
                "a task of service `{}` does not fit into `{}`",
                service.name, known.name
            );
            let hint = format!(
                "it has {} vCPUs, {} GiB of memory, of which some belongs to the system, and {} GPUs",
                known.cpu, known.memory, known.gpus
            );
            draft.say(Diagnostic::error(span, message).hint(hint));
            return None;
        }
        (None, Some(name)) if family.is_none() => name.clone().into(),
        (None, _) => {
            let message = format!(
                "no instance that `ctx` knows is as large as a task of service `{}`",
                service.name
            );
            let hint = "name one: `x-aws-capacity: {ec2: {instance_type: …}}`";
            draft.say(Diagnostic::error(span, message).hint(hint));
            return None;
        }
    };
    match (architecture, instances::architecture(&chosen)) {
        (None, Architecture::Arm) => platform::set(service, Architecture::Arm, draft),
        (Some(asked), has) if asked != has => {
            let message = format!("`{chosen}` has another processor than the service's platform");
            draft.say(Diagnostic::error(span, message).hint("`m7g` and others with a `g` behind the number have ARM"));
            return None;
        }
        _ => {}
    }
    Some(chosen)
}

/// The type of instance, or the family, that the file names.
pub(in crate::ecs) fn machine(service: &Service, ec2: Ec2<'_>) -> Option<String> {
    let said = ec2.text("instance_type").map(str::to_owned);
    said.or_else(|| host::machine(service))
}

/// The image of the instances: Amazon's newest for ECS unless the file names one.
fn image(service: &Service, ec2: Ec2<'_>, instance_type: &str, draft: &mut Draft) -> Value {
    const NEWEST: &str = "/aws/service/ecs/optimized-ami/amazon-linux-2023";
    let architecture = instances::architecture(instance_type);
    let with_gpus = draft.housemates(service).into_iter().any(|it| host::gpus(it).is_some())
        || instances::named(instance_type).is_some_and(|known| known.gpus > 0);
    let said = ec2.text("ami").map(str::to_owned).or_else(|| host::image(service));
    let (id, path) = match said {
        Some(ami) if ami.starts_with("ami-") => return ami.into(),
        Some(path) => (draft.id(service, "InstanceImage"), path),
        None if with_gpus => (
            "InstanceImageWithGpu".to_owned(),
            format!("{NEWEST}/gpu/recommended/image_id"),
        ),
        None if architecture == Architecture::Arm => (
            "InstanceImageForArm".to_owned(),
            format!("{NEWEST}/arm64/recommended/image_id"),
        ),
        None => ("InstanceImage".to_owned(), format!("{NEWEST}/recommended/image_id")),
    };
    let mut declaration = fragment::INSTANCES.parameter("ImageId");
    declaration.set("Default", path);
    draft.template.document.parameters.insert(id.clone(), declaration);
    Value::reference(id)
}
