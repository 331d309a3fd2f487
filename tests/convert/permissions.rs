//! `ctx permissions` knows what CloudFormation does for every resource type in `templates/`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::fixtures;
use crate::support::golden::assert_golden;
use crate::support::sandbox::{Run, Sandbox};
use crate::support::skip;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The resource types in `templates/`.
fn types() -> BTreeSet<String> {
    let folder = root().join("templates").read_dir().unwrap();
    let text: String = folder
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let found = text.lines().filter_map(|line| line.trim().strip_prefix("Type: "));
    let resources = found.filter(|name| name.matches("::").count() == 2 && !name.ends_with("::Id"));
    resources.map(str::to_owned).collect()
}

#[test]
fn every_type_in_the_templates_has_a_row() {
    let table = std::fs::read_to_string(root().join("src/ecs/permissions/actions.txt")).unwrap();
    let rows: BTreeSet<_> = table.lines().filter_map(|line| line.split(' ').next()).collect();
    let missing: Vec<_> = types()
        .into_iter()
        .filter(|name| !rows.contains(name.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "`UPDATE_GOLDENS=1 cargo test --test convert` adds {missing:?}"
    );
}

/// The table is what the schemas say that cfn-lint brings along.
#[test]
fn the_table_is_what_the_schemas_say() {
    let Some(schemas) = schemas() else {
        return skip::or_fail("CTX_TEST_PYTHON_BIN does not name the folder of cfn-lint; `tests/run` sets it up");
    };
    let read = |path: PathBuf| -> Value { serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() };
    let index = read(schemas.join("providers/us-east-1.json"));
    let mut table = String::new();
    for name in types() {
        let schema = index[&name]
            .as_str()
            .unwrap_or_else(|| panic!("cfn-lint does not know {name}"));
        let schema = read(schemas.join(format!("resources/{schema}.json")));
        let handlers =
            ["create", "read", "update", "delete"].map(|handler| &schema["handlers"][handler]["permissions"]);
        let actions: BTreeSet<_> = handlers
            .iter()
            .flat_map(|actions| actions.as_array().into_iter().flatten().filter_map(Value::as_str))
            .collect();
        let actions: Vec<_> = actions.into_iter().collect();
        table += format!("{name} {}", actions.join(" ")).trim_end();
        table.push('\n');
    }
    assert_golden(&root().join("src/ecs/permissions/actions.txt"), &table);
}

fn schemas() -> Option<PathBuf> {
    let bin = PathBuf::from(std::env::var_os("CTX_TEST_PYTHON_BIN")?);
    let python = bin.parent()?.join("lib").read_dir().ok()?.next()?.ok()?.path();
    Some(python.join("site-packages/cfnlint/data/schemas"))
}

fn permissions(file: &str) -> Run {
    let sandbox = Sandbox::new();
    sandbox.write("compose.yaml", file);
    sandbox.ok(&["-p", "shop", "permissions"])
}

fn statements(run: &Run) -> BTreeMap<String, Value> {
    let policy: Value = serde_json::from_str(&run.stdout).unwrap();
    let statements = policy["Statement"].as_array().unwrap().clone();
    let named = statements
        .into_iter()
        .map(|statement| (statement["Sid"].as_str().unwrap().to_owned(), statement));
    named.collect()
}

#[test]
fn a_policy_holds_what_the_project_needs_and_no_more() {
    let plain = permissions("services: {web: {image: nginx}}");
    assert!(!plain.stdout.contains("elasticfilesystem:Create"), "{}", plain.stdout);
    let statements = statements(&plain);
    let pass = &statements["PassRoles"];
    assert_eq!(pass["Resource"], serde_json::json!(["arn:aws:iam::*:role/shop-*"]));
    assert_eq!(
        pass["Condition"]["StringEquals"]["iam:PassedToService"][0],
        "ecs-tasks.amazonaws.com"
    );
    let all = plain.stdout.matches("iam:PassRole").count();
    assert_eq!(all, 1, "a role is passed only under the condition");

    assert!(!plain.stdout.contains("ssm:"), "{}", plain.stdout);
    let open = permissions("services: {web: {image: nginx, x-aws-exec: true}}");
    let sessions = &self::statements(&open)["Sessions"];
    assert_eq!(
        sessions["Action"],
        serde_json::json!(["ssm:StartSession", "ssm:TerminateSession"])
    );
    assert_eq!(sessions["Resource"][0], "arn:aws:ecs:*:*:task/*");

    assert!(!plain.stdout.contains("containerinsights"), "{}", plain.stdout);
    let measured = permissions("x-aws-insights: true\nservices: {web: {image: nginx}}");
    assert_eq!(
        self::statements(&measured)["Logs"]["Resource"][1],
        "arn:aws:logs:*:*:log-group:/aws/ecs/containerinsights/shop*"
    );

    let volume = permissions("services: {web: {image: nginx, volumes: [data:/data]}}\nvolumes: {data: }");
    assert!(
        volume.stdout.contains("elasticfilesystem:CreateFileSystem"),
        "{}",
        volume.stdout
    );
}

/// Whatever `ctx` itself asks AWS is in the policy of a project that needs it. What a simulation reads of secrets is not:
/// there `ctx` acts for the tasks, and who deploys need not know them.
#[test]
fn what_ctx_calls_is_in_the_policy() {
    let services = [
        ("cloudformation", "cloudformation"),
        ("ec2", "ec2"),
        ("ecs", "ecs"),
        ("efs", "elasticfilesystem"),
        ("load_balancing", "elasticloadbalancing"),
        ("logs", "logs"),
        ("route53", "route53"),
        ("secrets", "secretsmanager"),
    ];
    let file = std::fs::read_to_string(fixtures::file("x-aws-nested_stacks", "yaml")).unwrap();
    let mut sandbox = Sandbox::new();
    sandbox.set("SITE_KEY", "secret").write("compose.yaml", file);
    let policy = sandbox.ok(&["-p", "shop", "permissions"]).stdout;
    let code = code_below(&root().join("src/ecs/aws"));
    let call = regex_lite::Regex::new(r"\n?\s*account\s*\.([a-z0-9_]+)\s*\.([a-z_0-9]+)\(\)").unwrap();
    let mut missing = BTreeSet::new();
    for found in call.captures_iter(&code) {
        let Some((_, prefix)) = services.iter().find(|(client, _)| *client == &found[1]) else {
            continue;
        };
        let words = found[2].split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
        let words: Vec<String> = words.collect();
        let action = format!("\"{prefix}:{}\"", words.concat());
        let any = format!("\"{prefix}:{}*\"", words[0]);
        if !policy.contains(&action) && !policy.contains(&any) {
            missing.insert(action);
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

fn code_below(folder: &Path) -> String {
    let paths = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path| !path.ends_with("reveal.rs"));
    let read = |path: PathBuf| {
        if path.is_dir() {
            code_below(&path)
        } else {
            std::fs::read_to_string(path).unwrap()
        }
    };
    paths.map(read).collect()
}

/// A managed policy has at most 6,144 characters, blanks not counted.
#[test]
fn an_ordinary_project_fits_into_a_managed_policy() {
    let file = "services: {web: {image: nginx, ports: ['80:80'], volumes: [data:/data]}}\nvolumes: {data: }";
    let run = permissions(file);
    let characters = run.stdout.chars().filter(|c| !c.is_whitespace()).count();
    assert!(characters <= 6144, "{characters}");
    assert_eq!(run.stderr, "");
}
