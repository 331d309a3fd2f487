//! Names of git repositories, as Docker reads them: `https://github.com/o/r.git#ref:folder`.

use url::Url;

use super::Trouble;
use crate::compose::paths::clean;

const SCHEMES: [&str; 5] = ["https://", "http://", "ssh://", "git://", "file://"];
const HINT: &str = "write `https://host/repository.git#ref:folder`, or `git@host:repository.git#ref:folder`";

/// A place in a git repository.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct GitSource {
    /// What `git` is given: without the password, which everybody on the machine could read there.
    pub(super) url: String,
    /// The user and the password that stand in the address.
    pub(super) login: Option<(String, String)>,
    /// A branch, a tag, a full commit, or `HEAD`.
    pub(super) reference: String,
    /// What the commit must begin with.
    pub(super) commit: Option<String>,
    /// A folder or a file of the repository; empty for its root.
    pub(super) folder: String,
}

/// Whether a name means a git repository, or anything else that only a network could bring.
pub(super) fn is_git(name: &str) -> bool {
    SCHEMES.iter().any(|scheme| name.starts_with(scheme)) || name.starts_with("github.com/") || is_scp(name)
}

/// `user@host:path`, with the letters that users and hosts can have.
fn is_scp(name: &str) -> bool {
    let Some((user, rest)) = name.split_once('@') else {
        return false;
    };
    let Some((host, path)) = rest.split_once(':') else {
        return false;
    };
    let word = |text: &str, more: &str| {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || more.contains(letter);
        !text.is_empty() && !text.starts_with('-') && text.chars().all(fits)
    };
    word(user, "-_") && word(host, "-.") && !path.is_empty() && !path.starts_with('-')
}

/// A name without the user and password that may stand in it.
pub(super) fn without_credentials(name: &str) -> String {
    match name.split_once("://") {
        Some((scheme, rest)) if scheme.starts_with("http") => {
            let host = rest.find('/').unwrap_or(rest.len());
            let begin = rest[..host].rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[begin..])
        }
        _ => name.to_owned(),
    }
}

impl GitSource {
    pub(super) fn parse(name: &str) -> Result<Self, Trouble> {
        let (place, fragment) = name.split_once('#').unwrap_or((name, ""));
        let place = match place.strip_prefix("github.com/") {
            Some(path) => format!("https://github.com/{path}"),
            None => place.to_owned(),
        };
        let (reference, folder) = fragment.split_once(':').unwrap_or((fragment, ""));
        let mut source = Self {
            url: place.clone(),
            login: None,
            reference: reference.to_owned(),
            commit: None,
            folder: folder.to_owned(),
        };
        if !is_scp(&place) {
            let url = Url::parse(&place).map_err(|error| Trouble::new(format!("{error}"), HINT))?;
            check(&url, name)?;
            place.split('?').next().unwrap_or_default().clone_into(&mut source.url);
            source.query(&url)?;
            if let Some(password) = url.password() {
                let decoded = |text| {
                    percent_encoding::percent_decode_str(text)
                        .decode_utf8_lossy()
                        .into_owned()
                };
                source.login = Some((decoded(url.username()), decoded(password)));
                source.url = without_credentials(&source.url);
            }
        }
        if source.reference.is_empty() {
            source.reference = source.commit.clone().unwrap_or("HEAD".to_owned());
        }
        if !is_reference(&source.reference) {
            return Err(Trouble::new(
                format!("`{}` is no name of a branch or a tag", source.reference),
                "name a branch, a tag or a commit after `#`",
            ));
        }
        let folder = clean(&source.folder);
        if folder.starts_with('/') || folder == ".." || folder.starts_with("../") {
            return Err(Trouble::new(
                format!("`{}` lies outside of the repository", source.folder),
                "name a folder of the repository after `#ref:`",
            ));
        }
        source.folder = if folder == "." { String::new() } else { folder };
        Ok(source)
    }

    /// `?ref=…&subdir=…`, the newer way to say what else stands behind `#`.
    fn query(&mut self, url: &Url) -> Result<(), Trouble> {
        for (key, value) in url.query_pairs() {
            let (target, value) = match &*key {
                "ref" => (&mut self.reference, value.into_owned()),
                "branch" => (
                    &mut self.reference,
                    format!("refs/heads/{}", value.trim_start_matches("refs/heads/")),
                ),
                "tag" => (
                    &mut self.reference,
                    format!("refs/tags/{}", value.trim_start_matches("refs/tags/")),
                ),
                "subdir" => (&mut self.folder, value.into_owned()),
                "commit" | "checksum" => (self.commit.get_or_insert_default(), value.into_owned()),
                _ => {
                    return Err(Trouble::new(
                        format!("`{key}` says nothing about a repository"),
                        "`ref`, `branch`, `tag`, `commit` and `subdir` do",
                    ));
                }
            };
            if !target.is_empty() && *target != value {
                return Err(Trouble::new(
                    format!("it names both `{target}` and `{value}`"),
                    "name one of them",
                ));
            }
            *target = value;
        }
        Ok(())
    }
}

/// Whether a URL can be a repository's.
fn check(url: &Url, name: &str) -> Result<(), Trouble> {
    let host = url.host_str().unwrap_or_default();
    if host.starts_with('-') || host.is_empty() && url.scheme() != "file" {
        return Err(Trouble::new("it names no host", HINT));
    }
    if url.username().starts_with('-') || url.path().starts_with("/-") {
        return Err(Trouble::new("its parts cannot begin with `-`", HINT));
    }
    let needs_suffix = ["http", "https", "file"].contains(&url.scheme()) && !name.starts_with("github.com/");
    if needs_suffix && url.path().strip_suffix(".git").is_none() {
        return Err(Trouble::new(
            "only git repositories and `oci://` artifacts can be loaded from elsewhere",
            "a repository's address must end in `.git`, before `#ref:folder`",
        ));
    }
    Ok(())
}

/// Git's own rules for names, of which none is an option of its command line.
fn is_reference(name: &str) -> bool {
    let legal = |letter: char| !letter.is_ascii_control() && !" ~^:?*[\\".contains(letter);
    !name.starts_with(['-', '/', '.'])
        && !name.ends_with(['/', '.'])
        && !name.contains("..")
        && !name.contains("@{")
        && !name.contains("//")
        && name.chars().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str) -> (String, String, String) {
        let source = GitSource::parse(name).unwrap_or_else(|trouble| panic!("{name}: {}", trouble.why));
        (source.url, source.reference, source.folder)
    }

    #[test]
    fn a_name_says_where_which_and_what() {
        for (name, url, reference, folder) in [
            ("https://h.example/o/r.git", "https://h.example/o/r.git", "HEAD", ""),
            (
                "https://h.example/o/r.git#v1:a/b",
                "https://h.example/o/r.git",
                "v1",
                "a/b",
            ),
            (
                "https://h.example/r.git#:a/../b/",
                "https://h.example/r.git",
                "HEAD",
                "b",
            ),
            ("git@h.example:o/r.git#f/x:a", "git@h.example:o/r.git", "f/x", "a"),
            ("ssh://git@h.example:22/r#main", "ssh://git@h.example:22/r", "main", ""),
            ("git://h.example/r", "git://h.example/r", "HEAD", ""),
            ("github.com/o/r#main", "https://github.com/o/r", "main", ""),
            ("file:///srv/r.git", "file:///srv/r.git", "HEAD", ""),
            (
                "https://h.example/r.git?branch=b&subdir=s",
                "https://h.example/r.git",
                "refs/heads/b",
                "s",
            ),
        ] {
            let expected = (url.to_owned(), reference.to_owned(), folder.to_owned());
            assert_eq!(parsed(name), expected, "{name}");
        }
    }

    #[test]
    fn what_git_could_take_for_an_option_is_refused() {
        for name in [
            "https://h.example/r.git#--upload-pack=x",
            "https://h.example/r.git#-c",
            "https://h.example/r.git?ref=--upload-pack=x",
            "ssh://-oProxyCommand=x/r.git",
            "ssh://-x@h.example/r.git",
            "ssh://h.example/-x",
            "https://h.example/r.git#a..b",
            "https://h.example/r.git#main:../x",
            "https://h.example/r.git#main:/etc",
            "https://h.example/r.git#main?ref=other",
            "https://h.example/r.git?ref=a&tag=b",
            "https://h.example/r.git?unknown=1",
            "https://h.example/compose.yaml",
        ] {
            assert!(is_git(name), "{name}");
            assert!(GitSource::parse(name).is_err(), "{name}");
        }
        for name in [
            "ext::sh -c x",
            "git@-oProxyCommand=x:r",
            "git@h.example:-x",
            "./a@b:c",
            "C:/x",
        ] {
            assert!(!is_git(name), "{name}");
        }
    }

    #[test]
    fn nobody_sees_passwords() {
        let shown = without_credentials("https://me:secret@h.example/r.git#main");
        assert_eq!(shown, "https://h.example/r.git#main");
        let source = GitSource::parse("https://me:s%2Fcret@h.example/r.git").unwrap();
        assert_eq!(source.url, "https://h.example/r.git");
        assert_eq!(source.login, Some(("me".to_owned(), "s/cret".to_owned())));
    }
}
