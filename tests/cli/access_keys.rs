//! `--access-keys`: keys go into the AWS credentials file and nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::{sandbox, sandbox_with_profile};

const KEYS: &str = "AWSAccessKeyId=AKIAEXAMPLE\r\nAWSSecretKey=se/cret+==\r\n";
const CREATE: [&str; 5] = ["create", "ecs", "Store", "--access-keys", "rootkey.csv"];

#[test]
fn keys_become_a_profile_of_the_contexts_name() {
    let sandbox = sandbox();
    sandbox.write("rootkey.csv", KEYS);
    sandbox.ok(&[&CREATE[..], &["--region", "us-east-2", "--description", "d"]].concat());
    let aws = sandbox.home().join(".aws");
    let credentials = fs::read_to_string(aws.join("credentials")).unwrap();
    assert_eq!(
        credentials,
        "[Store]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = se/cret+==\n"
    );
    assert_eq!(
        fs::read_to_string(aws.join("config")).unwrap(),
        "[profile Store]\nregion = us-east-2\n"
    );
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(aws.clone()), mode(aws.join("credentials"))), (0o700, 0o600));

    let context = sandbox.ok(&["inspect", "Store"]).stdout;
    assert!(
        context.contains("\"Profile\": \"Store\"") && !context.contains("cret"),
        "{context}"
    );
}

#[test]
fn other_profiles_and_comments_stay() {
    let mut sandbox = sandbox();
    let before = "# by hand\n[default]\naws_access_key_id=OTHER ; mine\n\n[last]\nkey = 1";
    let credentials = sandbox.write("aws/keys", before);
    sandbox.set("AWS_SHARED_CREDENTIALS_FILE", credentials.display().to_string());
    sandbox.write("rootkey.csv", format!("{KEYS}# note\n\nAWSSessionToken = tok=en\n"));
    fs::set_permissions(&credentials, fs::Permissions::from_mode(0o644)).unwrap();
    sandbox.ok(&CREATE);
    assert_eq!(fs::metadata(&credentials).unwrap().permissions().mode() & 0o777, 0o600);
    let expected = format!(
        "{before}\n\n[Store]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = se/cret+==\naws_session_token = tok=en\n"
    );
    assert_eq!(fs::read_to_string(credentials).unwrap(), expected);
    assert!(!sandbox.home().join(".aws").exists());
}

#[test]
fn a_profile_that_exists_is_replaced_only_with_force() {
    let mut sandbox = sandbox();
    let before = "[Store]\n# whose\naws_access_key_id = OLD\naws_secret_access_key = OLD\naws_session_token = OLD\nregion = eu-west-3\n";
    let credentials = sandbox.write("keys", before);
    sandbox.set("AWS_SHARED_CREDENTIALS_FILE", credentials.display().to_string());
    sandbox.write("rootkey.csv", KEYS);
    let run = sandbox.fails(&CREATE);
    assert!(
        run.stderr.contains("AWS profile \"Store\": already exists"),
        "{}",
        run.stderr
    );
    assert_eq!(fs::read_to_string(&credentials).unwrap(), before);
    assert_eq!(sandbox.ok(&["ls", "-q"]).stdout, "default\n");

    sandbox.ok(&[&CREATE[..], &["--force"]].concat());
    let after =
        "[Store]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = se/cret+==\n# whose\nregion = eu-west-3\n";
    assert_eq!(fs::read_to_string(&credentials).unwrap(), after);
}

#[test]
fn a_profile_of_the_config_file_is_not_shadowed() {
    let sandbox = sandbox_with_profile();
    sandbox.write("rootkey.csv", KEYS);
    let run = sandbox.fails(&["create", "ecs", "Shop", "--access-keys", "rootkey.csv"]);
    assert!(
        run.stderr.contains("`--profile Shop` uses it as it is"),
        "{}",
        run.stderr
    );
    assert!(!sandbox.home().join(".aws/credentials").exists());
}

#[test]
fn a_bad_file_is_named_with_its_line_and_never_shown() {
    let sandbox = sandbox();
    for (content, message) in [
        ("AWSAccessKeyId=AKIA\nse/cret\n", "rootkey.csv:2: this line has no `=`"),
        (
            "AWSAccessKeyId=AKIA\n\nse/cret=\n",
            "rootkey.csv:3: this line sets an unknown name",
        ),
        ("AWSSecretKey=se/cret\n", "rootkey.csv: there is no `AWSAccessKeyId`"),
        (
            "AWSAccessKeyId=AKIA\nAWSSecretKey=\n",
            "rootkey.csv: there is no `AWSSecretKey`",
        ),
        (
            "AWSSecretKey=se/cret\nAWSSecretKey=se/cret\n",
            "rootkey.csv:2: this line sets `AWSSecretKey` again",
        ),
    ] {
        sandbox.write("rootkey.csv", content);
        let run = sandbox.fails(&CREATE);
        assert!(run.stderr.starts_with(&format!("error: {message}\n")), "{}", run.stderr);
        assert!(
            !run.stderr.contains("cret\n") && !run.stderr.contains("se/"),
            "{}",
            run.stderr
        );
    }
    let run = sandbox.fails(&["create", "ecs", "Store", "--access-keys", "absent.csv"]);
    assert!(
        run.stderr.starts_with("error: cannot read absent.csv\n"),
        "{}",
        run.stderr
    );
    assert!(!sandbox.home().join(".aws").exists());
}
