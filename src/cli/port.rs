//! `ctx port`

use clap::Args;

use super::environment::Environment;
use crate::error::Result;
use crate::ui;

/// Print where a port of a service is published
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Number of the service's container
    #[arg(long, default_value_t = 1)]
    index: u32,
    /// tcp or udp
    #[arg(long, default_value = "tcp")]
    protocol: String,
    service: String,
    /// Port of the container, also as `53/udp`
    #[arg(value_name = "PORT")]
    port: String,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let Arguments {
        index,
        protocol,
        service,
        port,
    } = arguments;
    let (number, protocol) = port.split_once('/').unwrap_or((port, protocol));
    let number: u16 = number.parse().map_err(|_| {
        crate::error::Error::new(format!("`{number}` is no port")).hint("a port is a number up to 65535")
    })?;
    let name = environment.project_name()?;
    environment.run(async |_| {
        let backend = environment.backend().await?;
        let address = backend.port(&name, service, *index, number, protocol).await?;
        ui::output::document(&format!("{address}\n"), None)?;
        Ok(0)
    })
}
