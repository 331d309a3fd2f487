//! How large a task is.

use crate::compose::{Service, Spanned};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::fargate;
use crate::ecs::draft::Draft;

/// `deploy.resources.limits`, else `.reservations`; `cpus`, `cpu_count`, `mem_limit`, `mem_reservation`: the smallest
/// size of Fargate that has as much as the services in the task want together.
pub(in crate::ecs) fn task(service: &Service, draft: &mut Draft) {
    let wanted: Vec<_> = draft.housemates(service).into_iter().map(wanted).collect();
    let cpus = wanted.iter().filter_map(|(cpus, _)| *cpus);
    let cpus = cpus.reduce(|sum, cpus| Spanned::new(sum.value.saturating_add(cpus.value), cpus.span));
    let memory = wanted.iter().filter_map(|(_, memory)| *memory);
    let memory = memory.reduce(|sum, memory| Spanned::new(sum.value.saturating_add(memory.value), memory.span));
    let units = cpus.map_or(0, |cpus| cpus.value);
    let mebibytes = memory.map_or(0, |memory| memory.value.div_ceil(1024 * 1024));
    if let Some((cpu, memory)) = fargate::smallest(units, mebibytes) {
        let task = draft.task(service);
        task.set("Cpu", cpu.to_string());
        task.set("Memory", memory.to_string());
    } else {
        let span = memory.map_or(Span::NOWHERE, |memory| memory.span);
        let span = if units > 16 * 1024 {
            cpus.map_or(span, |cpus| cpus.span)
        } else {
            span
        };
        let message = "no task on Fargate is as large as this";
        draft.say(Diagnostic::error(span, message).hint("the largest has 16 vCPUs and 120 GiB of memory"));
    }
}

/// The CPU units and the bytes of memory that a service asks for.
fn wanted(service: &Service) -> (Option<Spanned<u64>>, Option<Spanned<u64>>) {
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
    let memory = [
        limits.and_then(|limits| limits.memory),
        service.mem_limit,
        reservations.and_then(|it| it.memory),
        service.mem_reservation,
    ];
    let memory = memory.into_iter().flatten().find(|memory| memory.0 > 0);

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "above zero, and rounded up"
    )]
    let cpus = cpus.map(|cpus| Spanned::new((f64::from(cpus.value) * 1024.0).ceil() as u64, cpus.span));
    let cpus = cpus.or(count.map(|count| Spanned::new(count.cast_unsigned().saturating_mul(1024), count.span)));
    (
        cpus,
        memory.map(|memory| Spanned::new(memory.0.cast_unsigned(), memory.span)),
    )
}
