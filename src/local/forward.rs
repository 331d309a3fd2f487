//! Ports here that lead to a container's own address, which the engine's machine can reach.

use std::time::Duration;

use bollard::models::ContainerSummary;
use futures_util::future::try_join_all;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Engine;
use super::observed::Container;
use crate::backend::{Deed, Deeds, Destination, Io, Ready, Way};
use crate::error::{Error, Result};

/// How long a container may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

impl Engine {
    pub(super) async fn forward_ports(
        &self,
        destination: Destination<'_>,
        ways: &[Way],
        ready: Ready<'_>,
        io: &Io,
    ) -> Result<()> {
        let host = &self.connection.host;
        if !cfg!(target_os = "linux") || !host.starts_with("unix://") {
            return Err(Error::new(format!(
                "the addresses of containers at {host} cannot be reached from here"
            ))
            .hint("publish the port (`ports:`); an engine on another machine forwards with `ssh -L`"));
        }
        self.address(destination, None).await?;
        let deeds = ways.iter().map(|way| Deed::Forward {
            port: way.local,
            to: way.target(destination.service),
        });
        if io.only_tells(Deeds(deeds.collect()))? {
            return Ok(());
        }
        for way in ways {
            ready(way)?;
        }
        tokio::select! {
            ended = try_join_all(ways.iter().map(|way| self.lead(destination, way, io))) => ended.map(|_| ()),
            () = io.interrupts.reached(1) => Err(Error::INTERRUPTED),
        }
    }

    async fn lead(&self, destination: Destination<'_>, way: &Way, io: &Io) -> Result<()> {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = tokio::select! {
                accepted = way.listener.accept() => {
                    accepted.map_err(|error| Error::new("cannot take connections").because(&error))?
                }
                Some(_) = connections.join_next() => continue,
            };
            // A container may have come in the place of another since the last connection.
            match self.reach_container(destination, way).await {
                Ok(there) => {
                    connections.spawn(carry(stream, there));
                }
                Err(error) => io.progress.warning(way.target(destination.service), error.to_string()),
            }
        }
    }

    async fn reach_container(&self, destination: Destination<'_>, way: &Way) -> Result<TcpStream> {
        let port = way.forward.port;
        let address = self.address(destination, way.forward.host.as_deref()).await?;
        let connected = tokio::time::timeout(PATIENCE, TcpStream::connect((address.as_str(), port))).await;
        match connected {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                Err(Error::new(format!("nothing listens on port {port}")))
            }
            Ok(Err(error)) => Err(Error::new(format!("cannot connect to {address}:{port}")).because(&error)),
            Err(_) => Err(Error::new(format!("{address}:{port} does not answer"))),
        }
    }

    /// The address of the service's container, or that of a host which is another service, or the host itself.
    async fn address(&self, destination: Destination<'_>, host: Option<&str>) -> Result<String> {
        let containers = self.connection.project_containers(destination.project).await?;
        let found = match host {
            Some(host) if !of_service(&containers, host, None).is_empty() => of_service(&containers, host, None),
            Some(host) => return Ok(host.to_owned()),
            None => of_service(&containers, destination.service, destination.index),
        };
        let Some(container) = found.first() else {
            let Destination { project, service, .. } = destination;
            let error = Error::new(match destination.index {
                Some(index) => format!("project {project} has no container {index} of service `{service}` that runs"),
                None => format!("project {project} has no container of service `{service}` that runs"),
            });
            return Err(error.hint("`ctx ps --all` lists those that it has"));
        };
        let mut container = *container;
        let mut mode = network_mode(container);
        if let Some(id) = mode.strip_prefix("container:")
            && let Some(other) = containers.iter().find(|other| other.id.as_deref() == Some(id))
        {
            (container, mode) = (other, network_mode(other));
        }
        match mode {
            "host" => Ok("127.0.0.1".to_owned()),
            _ => addresses(container).next().ok_or_else(|| {
                let name = Container::read(container).name;
                Error::new(format!("container {name} has no address: its network is `{mode}`"))
            }),
        }
    }
}

/// A service's containers that run, by number; those of `up` alone.
fn of_service<'a>(containers: &'a [ContainerSummary], service: &str, index: Option<u32>) -> Vec<&'a ContainerSummary> {
    let read = containers.iter().map(|summary| (Container::read(summary), summary));
    let mut found: Vec<_> = read
        .filter(|(container, _)| {
            let is_meant = index.is_none_or(|index| container.number == index);
            container.service == service && container.is_running() && !container.one_off && is_meant
        })
        .collect();
    found.sort_by_key(|(container, _)| container.number);
    found.into_iter().map(|(_, summary)| summary).collect()
}

fn network_mode(container: &ContainerSummary) -> &str {
    let host = container.host_config.as_ref();
    host.and_then(|host| host.network_mode.as_deref()).unwrap_or_default()
}

fn addresses(container: &ContainerSummary) -> impl Iterator<Item = String> {
    let settings = container.network_settings.as_ref();
    let networks = settings.and_then(|settings| settings.networks.as_ref());
    let endpoints = networks.into_iter().flat_map(|networks| networks.values());
    endpoints.flat_map(|endpoint| {
        let both = [&endpoint.ip_address, &endpoint.global_ipv6_address];
        both.into_iter()
            .flatten()
            .filter(|address| !address.is_empty())
            .cloned()
    })
}

async fn carry(mut here: TcpStream, mut there: TcpStream) {
    // Small messages, as of databases, shall not wait for each other.
    let _ = (here.set_nodelay(true), there.set_nodelay(true));
    // Whichever side breaks, the other one learns it.
    let _ = copy_bidirectional(&mut here, &mut there).await;
}
