//! How large a task is.

use crate::compose::{ByteSize, Node, Service, Spanned};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::fargate;
use crate::ecs::draft::Draft;
use crate::ecs::extensions;
use crate::ecs::rules::{host, platform};

const MEBIBYTE: u64 = 1024 * 1024;

/// What a service asks for: CPU units (1024 are one vCPU) and MiB of memory, none where it says nothing.
#[derive(Clone, Copy, Default, Debug)]
pub(in crate::ecs) struct Wanted {
    pub(in crate::ecs) cpu: Option<Spanned<u64>>,
    /// The limit, else the reservation.
    pub(in crate::ecs) memory: Option<Spanned<u64>>,
    pub(in crate::ecs) reservation: Option<Spanned<u64>>,
    is_limited: bool,
}

impl Wanted {
    /// The memory that the container cannot outgrow.
    pub(in crate::ecs) fn limit(&self) -> Option<Spanned<u64>> {
        self.memory.filter(|_| self.is_limited)
    }
}

/// `deploy.resources.limits`, else `.reservations`; `cpus`, `cpu_count`, `mem_limit`, `mem_reservation`.
pub(in crate::ecs) fn wanted(service: &Service) -> Wanted {
    let deploy = service.deploy.as_ref();
    let limits = deploy.and_then(|deploy| deploy.limits.as_ref());
    let reservations = deploy.and_then(|deploy| deploy.reservations.as_ref());
    // Zero is how Compose says "no limit".
    let cpus = [
        limits.and_then(|limits| limits.cpus),
        service.cpus,
        reservations.and_then(|it| it.cpus),
    ];
    let cpus = cpus.into_iter().flatten().find(|cpus| cpus.value > 0.0);
    let count = service.cpu_count.filter(|count| count.value > 0);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "above zero, and rounded up"
    )]
    let cpu = cpus.map(|cpus| Spanned::new((f64::from(cpus.value) * 1024.0).ceil() as u64, cpus.span));
    let cpu = cpu.or(count.map(|count| Spanned::new(count.cast_unsigned().saturating_mul(1024), count.span)));

    let limit = limits.and_then(|limits| limits.memory).or(service.mem_limit);
    let reservation = reservations.and_then(|it| it.memory).or(service.mem_reservation);
    let mebibytes = |memory: Option<Spanned<ByteSize>>| {
        let memory = memory.filter(|memory| memory.0 > 0)?;
        Some(Spanned::new(memory.0.cast_unsigned().div_ceil(MEBIBYTE), memory.span))
    };
    let (limit, reservation) = (mebibytes(limit), mebibytes(reservation));
    Wanted {
        cpu,
        memory: limit.or(reservation),
        reservation,
        is_limited: limit.is_some(),
    }
}

/// What the services of a task ask for together. A limit is left only if each of them has one.
pub(in crate::ecs) fn together(service: &Service, draft: &Draft) -> Wanted {
    let housemates = draft.housemates(service);
    let sum = |one: Option<Spanned<u64>>, other: Option<Spanned<u64>>| match (one, other) {
        (Some(one), Some(other)) => Some(Spanned::new(one.value.saturating_add(other.value), other.span)),
        (one, other) => one.or(other),
    };
    let all = housemates.into_iter().map(wanted);
    all.reduce(|one, other| Wanted {
        cpu: sum(one.cpu, other.cpu),
        memory: sum(one.memory, other.memory),
        reservation: sum(one.reservation, other.reservation),
        is_limited: one.is_limited && other.is_limited,
    })
    .unwrap_or_default()
}

/// The smallest size of Fargate that has as much as the services in the task ask for together. A container that is to
/// have less than its limit when memory is short says so itself: the size of the task is the limit's.
pub(in crate::ecs) fn task(service: &Service, draft: &mut Draft) {
    let own = wanted(service);
    if let (Some(limit), Some(reservation)) = (own.limit(), own.reservation) {
        if reservation.value > limit.value {
            let message = "more memory is reserved than the limit allows";
            let diagnostic = Diagnostic::error(reservation.span, message).note(limit.span, "the limit");
            draft.say(diagnostic.hint("reserve at most as much as the limit"));
            return;
        }
        if reservation.value < limit.value {
            let container = draft.container(service);
            container.set("Memory", limit.value.cast_signed());
            container.set("MemoryReservation", reservation.value.cast_signed());
        }
    }
    // On instances of its own, a task has just what it asks for.
    if host::is_on_instances(service, draft) {
        return;
    }
    let wanted = together(service, draft);
    let windows = platform::is_windows(service);
    let size = |cpu: Option<Spanned<u64>>, memory: Option<Spanned<u64>>| {
        let least = |wanted: Option<Spanned<u64>>| wanted.map_or(0, |wanted| wanted.value);
        if !windows {
            return fargate::smallest(least(cpu), least(memory));
        }
        let size = fargate::smallest(least(cpu).max(WINDOWS.0), least(memory));
        size.filter(|(cpu, memory)| u64::from(*cpu) <= WINDOWS.1 && u64::from(*memory) <= WINDOWS.2)
    };
    if let Some((cpu, memory)) = size(wanted.cpu, wanted.memory) {
        let task = draft.task(service);
        task.set("Cpu", cpu.to_string());
        task.set("Memory", memory.to_string());
        return;
    }
    let too_many = wanted.cpu.filter(|_| size(wanted.cpu, None).is_none());
    let span = too_many.or(wanted.memory).map_or(Span::NOWHERE, |wanted| wanted.span);
    let hint = if windows {
        "the largest with Windows has 4 vCPUs and 30 GiB of memory".to_owned()
    } else {
        format!("{}; `x-aws-capacity: ec2` has larger ones", fargate::LARGEST)
    };
    draft.say(Diagnostic::error(span, "no task on Fargate is as large as this").hint(hint));
}

/// What tasks with Windows have on Fargate: CPU units at least and at most, MiB of memory at most.
const WINDOWS: (u64, u64, u64) = (1024, 4096, 30720);

/// GiB of disk that a task of Fargate has without asking.
const DISK: i64 = 20;
/// The most that it can ask for.
const LARGEST_DISK: i64 = 200;

/// GiB of disk that a service asks for: `x-aws-ephemeral_storage`, else `storage_opt.size`.
pub(in crate::ecs) fn disk(service: &Service) -> Option<Spanned<i64>> {
    if let Some(node) = service.extensions.get("x-aws-ephemeral_storage") {
        return extensions::integer(node).map(|size| Spanned::new(size, node.span));
    }
    let size = service.storage_opt.get("size")?;
    let bytes = ByteSize::parse(size)?.0.cast_unsigned();
    Some(Spanned::new(bytes.div_ceil(MEBIBYTE * 1024).cast_signed(), size.span))
}

/// `storage_opt` and `x-aws-ephemeral_storage`: the disk of a task, which is gone when it ends.
pub(in crate::ecs) fn storage(service: &Service, draft: &mut Draft) {
    for (name, option) in &service.storage_opt {
        if name != "size" {
            let message = format!("`storage_opt.{name}` has no effect on ECS: it is for the engine's storage");
            draft.remark(Diagnostic::warning(option.span, message));
        } else if ByteSize::parse(option).is_none() {
            let message = format!("`storage_opt.size` cannot be `{}`", option.value);
            draft.say(Diagnostic::error(option.span, message).hint("write it as `50g`"));
        }
    }
    // The disk of an instance is made as large.
    if host::is_on_instances(service, draft) {
        return;
    }
    match disk(service) {
        Some(disk) if disk.value > LARGEST_DISK => {
            let message = format!("a task on Fargate has at most {LARGEST_DISK} GiB of disk");
            draft.say(Diagnostic::error(disk.span, message).hint("keep the files in a volume"));
        }
        Some(disk) if disk.value > DISK => {
            let storage = draft.task(service).entry("EphemeralStorage");
            storage.set("SizeInGiB", disk.value);
        }
        Some(_) | None => {}
    }
}

/// `x-aws-ephemeral_storage`, which stands above `storage_opt`.
pub(in crate::ecs) fn ephemeral_storage(_: &Node, service: &Service, draft: &mut Draft) {
    if service.storage_opt.is_empty() {
        storage(service, draft);
    }
}
