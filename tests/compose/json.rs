//! `config --format json` says what the YAML says, in Go's spelling.

use crate::support::sandbox::Sandbox;

#[test]
fn what_go_always_writes_is_there() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "compose.yaml",
        "services:\n  web:\n    image: web\n    mem_limit: 1.5g\n    deploy: {replicas: 2}\n    x-note: hidden\nx-top: shown\n",
    );
    let run = sandbox.ok(&["config", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let web = &json["services"]["web"];
    assert_eq!(web["command"], serde_json::Value::Null);
    assert!(web.as_object().unwrap().contains_key("entrypoint"));
    assert_eq!(web["mem_limit"], "1610612736");
    assert_eq!(
        web["deploy"],
        serde_json::json!({"replicas": 2, "resources": {}, "placement": {}})
    );
    assert_eq!(web.get("x-note"), None);
    assert_eq!(
        json["networks"]["default"],
        serde_json::json!({"name": "project_default", "ipam": {}})
    );
    assert_eq!(json["x-top"], "shown");
}
