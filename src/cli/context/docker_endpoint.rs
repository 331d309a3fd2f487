//! The value of `--docker`, written as for the docker CLI.

use std::path::PathBuf;
use std::str::FromStr;

use crate::context::{DockerEndpoint, TlsMaterial};
use crate::error::Result;

#[derive(Clone, Default, Debug)]
pub(super) struct DockerOption {
    host: String,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    skip_tls_verify: bool,
}

const SCHEMES: [&str; 6] = ["unix", "tcp", "ssh", "http", "https", "npipe"];

impl DockerOption {
    pub(super) fn endpoint(&self) -> DockerEndpoint {
        DockerEndpoint {
            host: Some(self.host.clone()),
            skip_tls_verify: self.skip_tls_verify,
            ..DockerEndpoint::default()
        }
    }

    pub(super) fn tls_material(&self) -> Result<TlsMaterial> {
        TlsMaterial::read(self.ca.as_deref(), self.cert.as_deref(), self.key.as_deref())
    }
}

impl FromStr for DockerOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut option = Self::default();
        for pair in text.split(',') {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("`{pair}` is not of the form `key=value`"))?;
            let path = || Some(PathBuf::from(value));
            match key.trim() {
                "host" => value.clone_into(&mut option.host),
                "ca" => option.ca = path(),
                "cert" => option.cert = path(),
                "key" => option.key = path(),
                "skip-tls-verify" => {
                    option.skip_tls_verify = value
                        .parse()
                        .map_err(|_| format!("`skip-tls-verify` is `true` or `false`, not `{value}`"))?;
                }
                other => return Err(format!("`{other}` is none of host, ca, cert, key, skip-tls-verify")),
            }
        }
        match option.host.split_once("://") {
            Some((scheme, rest)) if SCHEMES.contains(&scheme) && !rest.is_empty() => Ok(option),
            _ if option.host.is_empty() => Err("`host` is missing, as in `host=tcp://server:2376`".to_owned()),
            _ => Err(format!(
                "the host `{}` does not begin with {}://",
                option.host,
                SCHEMES.join("://, ")
            )),
        }
    }
}
