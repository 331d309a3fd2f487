//! TLS material of engines.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::{sandbox, support::sandbox::Sandbox};

const PEM: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";

fn with_files() -> Sandbox {
    let sandbox = sandbox();
    for name in ["ca.pem", "my-cert.pem", "my-key.pem"] {
        sandbox.write(name, format!("{name}\n{PEM}"));
    }
    sandbox.write("empty.pem", "");
    sandbox
}

#[test]
fn the_files_are_copied_into_the_store_for_the_owner_alone() {
    let sandbox = with_files();
    let option = "host=tcp://server:2376,ca=ca.pem,cert=my-cert.pem,key=my-key.pem,skip-tls-verify=true";
    sandbox.ok(&["create", "docker", "server", "--docker", option]);
    let inspected: serde_json::Value = serde_json::from_str(&sandbox.ok(&["inspect", "server"]).stdout).unwrap();
    let material = serde_json::json!({"docker": ["ca.pem", "cert.pem", "key.pem"]});
    assert_eq!(inspected[0]["TLSMaterial"], material);
    assert_eq!(inspected[0]["Endpoints"]["docker"]["SkipTLSVerify"], true);

    let folder = std::path::Path::new(inspected[0]["Storage"]["TLSPath"].as_str().unwrap()).join("docker");
    assert_eq!(
        fs::read_to_string(folder.join("key.pem")).unwrap(),
        format!("my-key.pem\n{PEM}")
    );
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(folder.clone()), mode(folder.join("key.pem"))), (0o700, 0o600));

    sandbox.ok(&["update", "server", "--docker", "host=tcp://server:2375"]);
    assert!(!folder.exists(), "an endpoint without TLS keeps none");
    sandbox.ok(&["rm", "server"]);
    assert!(!folder.parent().unwrap().exists());
}

#[test]
fn what_cannot_be_used_is_refused_before_anything_is_written() {
    let sandbox = with_files();
    for (files, message) in [
        ("cert=my-cert.pem", "`cert` is given without `key`"),
        ("key=my-key.pem", "`key` is given without `cert`"),
        ("ca=absent.pem", "cannot read absent.pem"),
        ("ca=empty.pem", "empty.pem is not in PEM form"),
    ] {
        let option = format!("host=tcp://server:2376,{files}");
        let run = sandbox.fails(&["create", "docker", "server", "--docker", &option]);
        assert!(run.stderr.contains(message), "{files}: {}", run.stderr);
    }
    assert!(!sandbox.home().join(".docker").exists());
}
