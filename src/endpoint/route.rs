//! What a path asks for.

/// What a container asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Route {
    /// The credentials of the context.
    Credentials,
    /// Those of a role, by its name or its ARN.
    Role(String),
    Metadata {
        version: Version,
        /// The service that the path names; without one the address alone tells who asks.
        service: Option<String>,
        what: What,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Version {
    Three,
    Four,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum What {
    Container,
    Task,
    Stats,
    TaskStats,
}

impl Route {
    /// The paths are those of ECS and, for roles, those of Amazon's container for local endpoints.
    pub(super) fn of(path: &str) -> Option<Self> {
        let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
        match parts.as_slice() {
            ["creds"] | ["v2", "credentials", ..] => Some(Self::Credentials),
            ["role", name] => Some(Self::Role((*name).to_owned())),
            ["role-arn", arn @ ..] if !arn.is_empty() => Some(Self::Role(arn.join("/"))),
            ["v3", rest @ ..] => Self::metadata(Version::Three, rest),
            ["v4", rest @ ..] => Self::metadata(Version::Four, rest),
            _ => None,
        }
    }

    fn metadata(version: Version, rest: &[&str]) -> Option<Self> {
        let what = |rest: &[&str]| match rest {
            [] => Some(What::Container),
            ["task"] => Some(What::Task),
            ["stats"] => Some(What::Stats),
            ["task", "stats"] => Some(What::TaskStats),
            _ => None,
        };
        let (service, what) = match (what(rest), rest) {
            (Some(what), _) => (None, what),
            (None, [service, rest @ ..]) => (Some((*service).to_owned()), what(rest)?),
            (None, []) => return None,
        };
        Some(Self::Metadata { version, service, what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials() {
        assert_eq!(Route::of("/creds"), Some(Route::Credentials));
        assert_eq!(Route::of("/v2/credentials/some-id"), Some(Route::Credentials));
        assert_eq!(Route::of("/role/worker"), Some(Route::Role("worker".to_owned())));
        assert_eq!(
            Route::of("/role-arn/arn:aws:iam::1:role/team/worker"),
            Some(Route::Role("arn:aws:iam::1:role/team/worker".to_owned()))
        );
        assert_eq!(Route::of("/role"), None);
        assert_eq!(Route::of("/"), None);
    }

    #[test]
    fn metadata() {
        let route = |version, service: Option<&str>, what| {
            let service = service.map(str::to_owned);
            Some(Route::Metadata { version, service, what })
        };
        assert_eq!(Route::of("/v3"), route(Version::Three, None, What::Container));
        assert_eq!(Route::of("/v3/task"), route(Version::Three, None, What::Task));
        assert_eq!(Route::of("/v4/web"), route(Version::Four, Some("web"), What::Container));
        assert_eq!(
            Route::of("/v4/web/task/stats"),
            route(Version::Four, Some("web"), What::TaskStats)
        );
        assert_eq!(
            Route::of("/v4/web/stats/"),
            route(Version::Four, Some("web"), What::Stats)
        );
        assert_eq!(Route::of("/v4/web/else"), None);
        assert_eq!(Route::of("/v5/web"), None);
    }
}
