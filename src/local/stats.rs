//! `stats`: what containers use.

use bollard::models::ContainerStatsResponse;
use bollard::query_parameters::StatsOptions as Request;
use futures_util::StreamExt;
use futures_util::future::try_join_all;

use super::Engine;
use crate::backend::{Io, Measured, Show, StatsOptions, Usage};
use crate::engine::is_missing;
use crate::error::{Error, Result};

impl Engine {
    /// Shows what containers use, again and again: the engine takes a second for it each time.
    pub(super) async fn show_usage(&self, project: &str, options: &StatsOptions, show: &Show, io: &Io) -> Result<()> {
        loop {
            let usage = self.usage(project, &options.services, options.all);
            let usage = tokio::select! {
                usage = usage => usage?,
                () = io.interrupts.reached(1) => return Err(Error::INTERRUPTED),
            };
            show(&usage)?;
            if options.once || usage.is_empty() {
                return Ok(());
            }
        }
    }

    /// What the containers of the named services use, or of all; those that do not run only if `all`.
    async fn usage(&self, project: &str, services: &[String], all: bool) -> Result<Vec<Usage>> {
        let containers = self.containers_of(project, services).await?;
        let chosen = containers.iter().filter(|container| {
            let named = services.is_empty() || services.contains(&container.service);
            named && (all || container.is_running())
        });
        let usages = chosen.map(|container| async {
            let request = Request {
                stream: false,
                one_shot: false,
            };
            let mut stats = self.connection.docker.stats(&container.id, Some(request));
            let measured = match stats.next().await {
                Some(Ok(stats)) => measured(&stats),
                Some(Err(error)) if !is_missing(&error) => {
                    let what = format!("cannot tell what container {} uses", container.name);
                    return Err(self.connection.failed(what, &error));
                }
                _ => measured(&ContainerStatsResponse::default()),
            };
            Ok(Usage {
                id: container.id.clone(),
                name: container.name.clone(),
                measured: Some(measured),
            })
        });
        try_join_all(usages).await
    }
}

fn measured(stats: &ContainerStatsResponse) -> Measured {
    let cpu = |stats: &Option<bollard::models::ContainerCpuStats>| {
        let stats = stats.clone().unwrap_or_default();
        let used = stats
            .cpu_usage
            .as_ref()
            .and_then(|usage| usage.total_usage)
            .unwrap_or(0);
        let cores = stats
            .cpu_usage
            .and_then(|usage| usage.percpu_usage)
            .map_or(1, |each| each.len());
        let cores = stats.online_cpus.map_or(cores, |cores| cores as usize);
        (used, stats.system_cpu_usage.unwrap_or(0), cores)
    };
    let (now, before) = (cpu(&stats.cpu_stats), cpu(&stats.precpu_stats));
    let memory = stats.memory_stats.clone().unwrap_or_default();
    let used = memory.usage.unwrap_or(0);
    // What is only cached is given back when somebody needs it: cgroups 1 and 2 call it differently.
    let known = memory.stats.unwrap_or_default();
    let cached = ["total_inactive_file", "inactive_file"]
        .iter()
        .find_map(|key| known.get(*key));
    let networks = stats.networks.iter().flatten().map(|(_, network)| network);
    let (received, sent) = networks.fold((0, 0), |(received, sent), network| {
        (
            received + network.rx_bytes.unwrap_or(0),
            sent + network.tx_bytes.unwrap_or(0),
        )
    });
    let blocks = stats
        .blkio_stats
        .as_ref()
        .and_then(|stats| stats.io_service_bytes_recursive.as_ref());
    let moved = |word: &str| {
        let entries = blocks.into_iter().flatten();
        let of = entries.filter(|entry| entry.op.as_ref().is_some_and(|op| op.eq_ignore_ascii_case(word)));
        of.map(|entry| entry.value.unwrap_or(0)).sum()
    };
    #[allow(clippy::cast_precision_loss, reason = "two digits are shown")]
    let share = |part: u64, whole: u64| {
        if whole == 0 {
            0.0
        } else {
            part as f64 / whole as f64 * 100.0
        }
    };
    let memory_used = used.saturating_sub(cached.copied().unwrap_or(0).min(used));
    #[allow(clippy::cast_precision_loss, reason = "no machine has that many")]
    let cores = now.2 as f64;
    Measured {
        cpu: share(now.0.saturating_sub(before.0), now.1.saturating_sub(before.1)) * cores,
        memory: memory_used,
        memory_limit: memory.limit.unwrap_or(0),
        memory_share: share(memory_used, memory.limit.unwrap_or(0)),
        network: Some((received, sent)),
        blocks: Some((moved("read"), moved("write"))),
        processes: Some(stats.pids_stats.as_ref().and_then(|pids| pids.current).unwrap_or(0)),
        ..Measured::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_all_cores_and_caches_do_not_count() {
        let stats: ContainerStatsResponse = serde_json::from_str(
            r#"{
              "cpu_stats": {"cpu_usage": {"total_usage": 300}, "system_cpu_usage": 2000, "online_cpus": 2},
              "precpu_stats": {"cpu_usage": {"total_usage": 100}, "system_cpu_usage": 1000, "online_cpus": 2},
              "memory_stats": {"usage": 1000, "limit": 4000, "stats": {"inactive_file": 200}},
              "networks": {"eth0": {"rx_bytes": 5, "tx_bytes": 6}, "eth1": {"rx_bytes": 1, "tx_bytes": 1}},
              "blkio_stats": {"io_service_bytes_recursive": [{"op": "Read", "value": 7}, {"op": "write", "value": 8}]},
              "pids_stats": {"current": 3}
            }"#,
        )
        .unwrap();
        let usage = measured(&stats);
        let near = |a: f64, b: f64| (a - b).abs() < 0.001;
        assert!(near(usage.cpu, 40.0) && near(usage.memory_share, 20.0), "{usage:?}");
        assert_eq!((usage.memory, usage.network), (800, Some((6, 7))));
        assert_eq!((usage.blocks, usage.processes), (Some((7, 8)), Some(3)));
    }
}
