//! What AWS refused, in words, with what to do about it.

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_types::retry::ErrorKind;

use crate::error::Error;

/// How we came to AWS: what an error's hint depends on.
#[derive(Clone, Debug)]
pub struct Access {
    pub context: String,
    pub profile: Option<String>,
    pub region: String,
}

/// What kind of refusal an error code means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refusal {
    Expired,
    UnknownCredentials,
    Denied,
    Throttled,
    Other,
}

impl Access {
    /// An error for a call that failed. `what` is what could not be done.
    pub fn failed<E>(&self, what: impl Into<String>, error: &SdkError<E>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let service_error = error.as_service_error();
        let Some(code) = service_error.and_then(ProvideErrorMetadata::code) else {
            let failed = Error::new(what).because(error);
            return match error {
                SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => failed.hint(format!(
                    "check the network, that there is a region `{}`, and AWS_ENDPOINT_URL if it is set",
                    self.region
                )),
                _ => failed,
            };
        };
        let message = service_error.and_then(ProvideErrorMetadata::message).unwrap_or(code);
        self.refused(&what.into(), code, message)
    }

    fn refused(&self, what: &str, code: &str, message: &str) -> Error {
        // The code says nothing that the message does not, where there is a message.
        let failed = Error::new(format!("{what}: {}", sentence(message)));
        match refusal(code) {
            Refusal::Expired => failed.hint(self.renew()),
            Refusal::UnknownCredentials => failed.hint(match &self.profile {
                Some(profile) => format!("check the keys with `aws configure --profile {profile}`"),
                None => "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN".to_owned(),
            }),
            Refusal::Denied => match action(message) {
                Some(action) => failed.hint(allow(action, resource(message))),
                None => failed.hint("ask whoever manages the account for the permission"),
            },
            Refusal::Throttled => failed.hint("AWS limits how often it is asked; try again in a minute"),
            Refusal::Other => failed,
        }
    }

    pub(super) fn no_region(&self) -> Error {
        Error::new(format!("no AWS region is configured for context `{}`", self.context)).hint(match &self.profile {
            Some(profile) => format!(
                "set AWS_REGION, `ctx update {} --region REGION`, or `aws configure set region REGION --profile {profile}`",
                self.context
            ),
            None => format!("set AWS_REGION, or `ctx update {} --region REGION`", self.context),
        })
    }

    /// Credentials could not be had at all: absent, incomplete, or an SSO session that has ended.
    pub(super) fn no_credentials(&self, error: &dyn std::error::Error) -> Error {
        let mut texts = Vec::new();
        let mut next = Some(error);
        while let Some(cause) = next {
            texts.push(cause.to_string());
            next = cause.source();
        }
        let said = texts.join(": ");
        let (what, hint) = if said.contains("SSO") || said.contains("sso") {
            ("the SSO session has ended or was never begun".to_owned(), self.renew())
        } else if let Some(profile) = &self.profile {
            (
                format!("profile `{profile}` gives no AWS credentials"),
                format!("`aws configure --profile {profile}` or `aws configure sso --profile {profile}` sets it up"),
            )
        } else {
            (
                "no AWS credentials were found".to_owned(),
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE".to_owned(),
            )
        };
        Error::new(what).because(error).hint(hint)
    }

    fn renew(&self) -> String {
        match &self.profile {
            Some(profile) => format!("`aws sso login --profile {profile}` renews an SSO session"),
            None => "`aws sso login` renews an SSO session; keys in the environment must be fetched anew".to_owned(),
        }
    }
}

/// Whether the same request may be answered the next time: AWS throttles, is broken, or cannot be reached.
pub fn passes<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    match error {
        SdkError::DispatchFailure(failure) => {
            // A connection that is closed before the answer is neither for the SDK, but passes.
            failure.is_io() || failure.is_timeout() || failure.as_other() == Some(ErrorKind::TransientError)
        }
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or_default();
            refusal(code) == Refusal::Throttled || answer.raw().status().is_server_error()
        }
        _ => false,
    }
}

/// Whether a service answered with this error code.
pub fn is<E: ProvideErrorMetadata>(error: &SdkError<E>, code: &str) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some(code)
}

/// Whether a service's answer contains these words; some services use one code for everything.
pub fn says<E: ProvideErrorMetadata>(error: &SdkError<E>, words: &str) -> bool {
    let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
    message.is_some_and(|message| message.contains(words))
}

/// AWS's sentence as part of ours: without the full stop.
#[must_use]
pub fn sentence(message: &str) -> &str {
    message.trim().trim_end_matches('.')
}

fn refusal(code: &str) -> Refusal {
    match code {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "TokenRefreshRequired" => Refusal::Expired,
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "AuthFailure" => Refusal::UnknownCredentials,
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "UnauthorizedException" => Refusal::Denied,
        "Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "TooManyRequestsException" => {
            Refusal::Throttled
        }
        _ => Refusal::Other,
    }
}

/// The action that a message about missing permission names.
pub(super) fn action(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("not authorized to perform: ")?;
    let end = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || "-:*".contains(c)))
        .unwrap_or(rest.len());
    Some(&rest[..end]).filter(|action| !action.is_empty())
}

/// What to ask for.
#[must_use]
pub(super) fn allow(action: &str, resource: Option<&str>) -> String {
    let on = resource.map_or(String::new(), |resource| format!(" on `{resource}`"));
    format!("ask whoever manages the account to allow `{action}`{on}; `ctx permissions` prints all that is needed")
}

/// The resource that a message about missing permission names.
pub(super) fn resource(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("on resource: ")?;
    let named = rest.split_whitespace().next()?;
    Some(named.trim_end_matches(['.', ',', ')', '"'])).filter(|named| !named.is_empty() && *named != "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(profile: Option<&str>) -> Access {
        Access {
            context: "prod".into(),
            profile: profile.map(str::to_owned),
            region: "eu-west-1".into(),
        }
    }

    fn hint(error: &Error) -> &str {
        match error {
            Error::Message(message) => message.hint.as_deref().unwrap_or_default(),
            _ => "",
        }
    }

    #[test]
    fn an_expired_token_names_the_command_that_renews_it() {
        let error = access(Some("team")).refused(
            "cannot look",
            "ExpiredToken",
            "The security token included in the request is expired",
        );
        assert_eq!(
            error.to_string(),
            "cannot look: The security token included in the request is expired"
        );
        assert_eq!(hint(&error), "`aws sso login --profile team` renews an SSO session");
    }

    #[test]
    fn a_missing_permission_names_the_action() {
        let message = "User: arn:aws:iam::1:user/ci is not authorized to perform: cloudformation:CreateChangeSet on \
                       resource: arn:aws:cloudformation:eu-west-1:1:stack/shop/*";
        let error = access(None).refused("cannot deploy", "AccessDenied", message);
        assert_eq!(
            hint(&error),
            "ask whoever manages the account to allow `cloudformation:CreateChangeSet` on \
             `arn:aws:cloudformation:eu-west-1:1:stack/shop/*`; `ctx permissions` prints all that is needed"
        );
        assert_eq!(action("no such words"), None);
    }

    #[test]
    fn any_other_refusal_has_no_hint() {
        let error = access(None).refused("cannot deploy", "ValidationError", "Template format error.");
        assert_eq!(error.to_string(), "cannot deploy: Template format error");
        assert_eq!(hint(&error), "");
    }
}
