//! `ctx ps`: containers and tasks as a table.

use clap::ValueEnum;

use crate::backend::Replica;
use crate::error::Result;

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum, Debug)]
pub enum Format {
    #[default]
    Table,
    Json,
}

pub fn print(replicas: &[Replica], _format: Format, _quiet: bool) -> Result<()> {
    for replica in replicas {
        println!("{}", replica.name);
    }
    Ok(())
}
