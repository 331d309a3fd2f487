//! Credentials, regions, and what is said when AWS cannot be used.

use crate::proxy::{Answer, Proxy};
use crate::support::lab::Lab;
use crate::support::sandbox::Sandbox;
use crate::support::terminal::Terminal;
use crate::world::World;

/// A sandbox with an ECS context and a region, but no way to AWS yet.
fn sandbox(create: &[&str]) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.unset("DOCKER_HOST").set("AWS_REGION", "eu-west-1");
    sandbox.ok(&[&["create", "ecs", "aws"], create].concat());
    sandbox.ok(&["use", "aws"]);
    sandbox
}

/// The address of an AWS that gives every request this answer.
fn always(status: &'static str, body: &'static str) -> String {
    Proxy::before("", move |_| Some(Answer::Instead(status, body))).url
}

fn with_keys(sandbox: &mut Sandbox, url: &str) {
    sandbox
        .set("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .set("AWS_SECRET_ACCESS_KEY", "x")
        .set("AWS_ENDPOINT_URL", url);
}

#[test]
fn without_credentials_nothing_is_asked() {
    let run = sandbox(&["--from-env"]).fails(&["-p", "shop", "ps"]);
    assert!(run.stderr.contains("no AWS credentials were found"), "{}", run.stderr);
    assert!(
        run.stderr
            .contains("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"),
        "{}",
        run.stderr
    );
}

#[test]
fn without_a_region_none_is_guessed() {
    let mut sandbox = sandbox(&["--from-env"]);
    sandbox.unset("AWS_REGION");
    let run = sandbox.fails(&["-p", "shop", "ps"]);
    assert!(
        run.stderr.contains("no AWS region is configured for context `aws`"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("set AWS_REGION"), "{}", run.stderr);
}

#[test]
fn an_expired_token_names_the_command_that_renews_it() {
    let expired = always(
        "403 Forbidden",
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>ExpiredToken</Code><Message>The security token included in the request is expired</Message></Error>\
         <RequestId>9a0c7d6e-0000-4000-8000-000000000000</RequestId></ErrorResponse>",
    );
    let mut sandbox = Sandbox::new();
    sandbox.unset("DOCKER_HOST");
    std::fs::create_dir_all(sandbox.home().join(".aws")).unwrap();
    let profile = "[profile team]\nregion = eu-west-1\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = x\n";
    std::fs::write(sandbox.home().join(".aws/config"), profile).unwrap();
    sandbox.ok(&["create", "ecs", "aws", "--profile", "team"]);
    sandbox.ok(&["use", "aws"]);
    sandbox.set("AWS_ENDPOINT_URL", expired);
    let run = sandbox.fails(&["-p", "shop", "ps"]);
    assert!(
        run.stderr
            .contains("The security token included in the request is expired"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("`aws sso login --profile team`"), "{}", run.stderr);
}

#[test]
fn a_missing_permission_names_the_action() {
    let denied = always(
        "403 Forbidden",
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>AccessDenied</Code><Message>User: arn:aws:iam::123456789012:user/ci is not authorized to perform: \
         sts:GetCallerIdentity with an explicit deny in an identity-based policy</Message></Error>\
         <RequestId>9a0c7d6e-0000-4000-8000-000000000000</RequestId></ErrorResponse>",
    );
    let mut sandbox = sandbox(&["--from-env"]);
    with_keys(&mut sandbox, &denied);
    let run = sandbox.fails(&["-p", "shop", "ps"]);
    assert!(
        run.stderr.contains("user/ci is not authorized to perform"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("allow `sts:GetCallerIdentity`"), "{}", run.stderr);
}

#[test]
fn an_endpoint_that_does_not_answer_is_named_as_the_network() {
    let mut sandbox = sandbox(&["--from-env"]);
    with_keys(&mut sandbox, "http://127.0.0.1:1");
    let run = sandbox.fails(&["-p", "shop", "ps"]);
    assert!(
        run.stderr.contains("cannot tell which AWS account this is"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("check the network"), "{}", run.stderr);
}

#[test]
fn an_endpoint_that_is_no_address_is_refused() {
    let mut sandbox = sandbox(&["--from-env"]);
    for url in ["", "localhost:4566"] {
        with_keys(&mut sandbox, url);
        let run = sandbox.fails(&["-p", "shop", "ps"]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        let expected = format!("AWS is not reached at `{url}`: that is no address");
        assert!(run.stderr.contains(&expected), "{}", run.stderr);
    }
}

#[test]
fn the_contexts_region_counts_before_the_environments() {
    let Some(lab) = Lab::shared() else { return };
    let mut sandbox = Sandbox::new();
    lab.furnish(&mut sandbox);
    sandbox.ok(&["create", "ecs", "north", "--from-env", "--region", "eu-north-1"]);
    let run = sandbox.ok(&["--progress", "plain", "-c", "north", "-p", "shop", "down"]);
    let said = format!("Account {}", lab.account());
    assert!(
        run.stderr.contains(&said) && run.stderr.contains("eu-north-1"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("`north`"), "{}", run.stderr);
}

#[test]
fn the_contexts_profile_counts_before_keys_in_the_environment() {
    let Some(mut world) = World::new() else { return };
    std::fs::create_dir_all(world.sandbox.home().join(".aws")).unwrap();
    let profile = "[profile other]\naws_access_key_id = 999999999999\naws_secret_access_key = x\n";
    std::fs::write(world.sandbox.home().join(".aws/config"), profile).unwrap();
    world.sandbox.ok(&["create", "ecs", "other", "--profile", "other"]);
    world.sandbox.set("AWS_EC2_METADATA_DISABLED", "true");
    let run = world.ok(&["-c", "other", "-p", "shop", "down"]);
    assert!(run.stderr.contains("Account 999999999999"), "{}", run.stderr);
}

fn write_config(sandbox: &Sandbox, config: &str) {
    std::fs::create_dir_all(sandbox.home().join(".aws")).unwrap();
    std::fs::write(sandbox.home().join(".aws/config"), config).unwrap();
}

#[test]
fn a_context_for_one_account_refuses_any_other() {
    let Some(world) = World::new() else { return };
    world.sandbox.ok(&["update", "lab", "--account", "222222222222"]);
    let run = world.fails(&["-p", "shop", "ps"]);
    let expected = format!(
        "context `lab` is for account 222222222222, and its credentials are of {}",
        world.lab.account()
    );
    assert!(run.stderr.contains(&expected), "{}", run.stderr);
    world.sandbox.ok(&["update", "lab", "--account", world.lab.account()]);
    world.ok(&["-p", "shop", "ps"]);
    let wrong = world.fails(&["update", "lab", "--account", "12"]);
    assert!(
        wrong.stderr.contains("an account is a number of twelve digits"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn a_file_for_another_account_removes_nothing() {
    let Some(world) = World::new() else { return };
    let file = "name: shop\nservices: {web: {image: nginx}}\n";
    world.sandbox.write("compose.yaml", file);
    world.ok(&["up"]);
    world
        .sandbox
        .write("compose.yaml", file.to_owned() + "x-aws-account: '222222222222'\n");
    let run = world.fails(&["down"]);
    assert!(
        run.stderr.contains("the project is for account 222222222222"),
        "{}",
        run.stderr
    );
    assert_eq!(world.lab.stacks(), ["shop"]);
}

#[test]
fn a_profile_and_a_region_of_the_command_line_count_before_the_contexts() {
    let Some(mut world) = World::new() else { return };
    write_config(
        &world.sandbox,
        "[profile other]\naws_access_key_id = 999999999998\naws_secret_access_key = x\n",
    );
    world.sandbox.set("AWS_EC2_METADATA_DISABLED", "true");
    let run = world.ok(&["--aws-profile", "other", "--region", "eu-north-1", "-p", "shop", "down"]);
    assert!(
        run.stderr.contains("Account 999999999998  eu-north-1"),
        "{}",
        run.stderr
    );
    let run = world.fails(&["-p", "shop", "ps", "--aws-profile", "otter"]);
    assert!(run.stderr.contains("did you mean \"other\"?"), "{}", run.stderr);
}

#[test]
fn a_role_with_a_code_is_taken_on_once() {
    let Some(mut world) = World::new() else { return };
    let config = format!(
        "[profile base]\naws_access_key_id = {}\naws_secret_access_key = x\n\n[profile deploy]\nsource_profile = base\n\
         role_arn = arn:aws:iam::{0}:role/deploy\nmfa_serial = arn:aws:iam::{0}:mfa/jo\n",
        world.lab.account()
    );
    write_config(&world.sandbox, &config);
    let proxy = Proxy::before(world.lab.url(), |_| None);
    world
        .sandbox
        .set("AWS_ENDPOINT_URL", &proxy.url)
        .set("AWS_PROFILE", "deploy");
    world.sandbox.unset("AWS_ACCESS_KEY_ID").unset("AWS_SECRET_ACCESS_KEY");
    let run = world.fails(&["-p", "shop", "ps"]);
    assert!(
        run.stderr
            .contains("a code of a device is needed, and there is no terminal to ask for it"),
        "{}",
        run.stderr
    );
    let Some(mut terminal) = Terminal::start(&world.sandbox, &["-p", "shop", "ps"]) else {
        return;
    };
    terminal.at("mfa/jo for profile `deploy`:", "123456\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    // The session lasts.
    world.ok(&["-p", "shop", "ps", "-q"]);
    let asked = proxy.calls();
    assert_eq!(
        asked.iter().filter(|action| *action == "AssumeRole").count(),
        1,
        "{asked:?}"
    );
}

#[test]
fn an_sso_session_that_was_never_begun_names_the_command_that_begins_it() {
    let mut sandbox = sandbox(&["--from-env"]);
    write_config(
        &sandbox,
        "[sso-session work]\nsso_start_url = https://work.awsapps.com/start\nsso_region = eu-west-1\n\n[profile team]\n\
         sso_session = work\nsso_account_id = 123456789012\nsso_role_name = Deployer\nregion = eu-west-1\n",
    );
    sandbox.set("AWS_PROFILE", "team");
    let run = sandbox.fails(&["-p", "shop", "ps"]);
    assert!(
        run.stderr.contains("the SSO session has ended or was never begun")
            && run.stderr.contains("`aws sso login --profile team`"),
        "{}",
        run.stderr
    );
}
