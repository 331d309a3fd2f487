//! Rules of a listener: which requests go to which port, and which rule is asked first.

use sha2::{Digest, Sha256};

/// How many values the conditions of one rule may have.
const VALUES: usize = 5;
/// As many as leave room for the two patterns of a path.
const HOSTS_BESIDE_A_PATH: usize = 3;

/// The requests that are meant for a port: those for one of these hosts and below one of these paths.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Conditions {
    pub(super) hosts: Vec<String>,
    pub(super) paths: Vec<String>,
}

/// The conditions of one rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Matching {
    pub(super) hosts: Vec<String>,
    /// As it was written.
    pub(super) path: Option<String>,
}

impl Conditions {
    pub(super) fn new(hosts: impl IntoIterator<Item = String>, paths: impl IntoIterator<Item = String>) -> Self {
        let mut hosts: Vec<_> = hosts.into_iter().collect();
        let mut paths: Vec<_> = paths.into_iter().collect();
        for list in [&mut hosts, &mut paths] {
            list.sort();
            list.dedup();
        }
        Self { hosts, paths }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.paths.is_empty()
    }

    /// A rule for each path, and for each few hosts: a rule has at most five values.
    pub(super) fn rules(&self) -> Vec<Matching> {
        let paths: Vec<Option<String>> = match self.paths.as_slice() {
            [] => vec![None],
            paths => paths.iter().cloned().map(Some).collect(),
        };
        let mut rules = Vec::new();
        for path in paths {
            let path = path.filter(|path| path != "/" || self.hosts.is_empty());
            let at_once = if path.is_some() { HOSTS_BESIDE_A_PATH } else { VALUES };
            let mut add = |hosts: &[String]| {
                rules.push(Matching {
                    hosts: hosts.to_vec(),
                    path: path.clone(),
                });
            };
            match self.hosts.as_slice() {
                [] => add(&[]),
                hosts => hosts.chunks(at_once).for_each(add),
            }
        }
        rules
    }
}

impl Matching {
    /// `/api` is also meant for what is below it.
    pub(super) fn patterns(&self) -> Vec<String> {
        match self.path.as_deref() {
            None => Vec::new(),
            Some("/") => vec!["/*".to_owned()],
            Some(path) if path.contains(['*', '?']) => vec![path.to_owned()],
            Some(path) => {
                let path = path.trim_end_matches('/');
                vec![path.to_owned(), format!("{path}/*")]
            }
        }
    }

    /// Tells the rules of a listener apart, and stays the same whatever else the listener has.
    pub(super) fn digest(&self) -> String {
        self.hash().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The rule's place among the listener's: the more it asks for, the sooner it is asked. A named host comes before
    /// `*.example.com` and that before any host; then longer paths come before shorter ones. Within such a class the
    /// place follows from the conditions alone, so that it never changes because another rule came or went.
    pub(super) fn priority(&self) -> u16 {
        /// Paths are told apart by their length up to here.
        const LONGEST: u16 = 30;
        // (first, places for each length of a path, places for rules without a path)
        let (first, by_length, without) = if self.hosts.is_empty() {
            (33_000, 500, 500)
        } else if self.hosts.iter().any(|host| host.contains('*')) {
            (25_000, 150, 3_500)
        } else {
            (1, 300, 15_900)
        };
        let (begin, places) = match &self.path {
            Some(path) => {
                let literal = path.trim_end_matches(['/', '*']).len();
                let length = u16::try_from(literal).unwrap_or(LONGEST).min(LONGEST - 1);
                (first + (LONGEST - 1 - length) * by_length, by_length)
            }
            None => (first + LONGEST * by_length, without),
        };
        let hash = self.hash();
        begin + u16::from_be_bytes([hash[4], hash[5]]) % places
    }

    fn hash(&self) -> [u8; 32] {
        let text = format!("{}\n{}", self.hosts.join(" "), self.path.as_deref().unwrap_or_default());
        Sha256::digest(text).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(hosts: &[&str], paths: &[&str]) -> Vec<Matching> {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Conditions::new(own(hosts), own(paths)).rules()
    }

    #[test]
    fn what_asks_for_more_is_asked_first() {
        let order = [
            rules(&["a.example.com"], &["/a/long/path"]),
            rules(&["a.example.com"], &["/a"]),
            rules(&["a.example.com"], &[]),
            rules(&["*.example.com"], &["/a"]),
            rules(&["*.example.com"], &[]),
            rules(&[], &["/a/b"]),
            rules(&[], &["/a"]),
            rules(&[], &["/"]),
        ];
        let priorities: Vec<_> = order.iter().map(|rules| rules[0].priority()).collect();
        assert!(priorities.is_sorted() && priorities[0] >= 1, "{priorities:?}");
        assert!(priorities.iter().all(|priority| *priority < 50_000), "{priorities:?}");
    }

    #[test]
    fn every_priority_is_one_that_a_listener_has() {
        for hosts in [&["a.b"][..], &["*.b"], &[]] {
            for length in 0..200 {
                let path = format!("/{}", "x".repeat(length));
                let priority = rules(hosts, &[&path])[0].priority();
                assert!((1..=50_000).contains(&priority), "{hosts:?} {path} {priority}");
            }
        }
    }

    #[test]
    fn no_rule_has_more_than_five_values() {
        let hosts: Vec<String> = (0..7).map(|nth| format!("{nth}.example.com")).collect();
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        for paths in [&[][..], &["/api", "/admin"]] {
            let rules = rules(&hosts, paths);
            assert!(
                rules
                    .iter()
                    .all(|rule| rule.hosts.len() + rule.patterns().len() <= VALUES)
            );
            let covered: usize = rules.iter().map(|rule| rule.hosts.len()).sum();
            assert_eq!(covered, 7 * paths.len().max(1));
        }
    }

    #[test]
    fn a_path_is_also_what_is_below_it() {
        assert_eq!(rules(&[], &["/api/"])[0].patterns(), ["/api", "/api/*"]);
        assert_eq!(rules(&[], &["/img/*.png"])[0].patterns(), ["/img/*.png"]);
        assert_eq!(rules(&[], &["/"])[0].patterns(), ["/*"]);
        assert_eq!(
            rules(&["a.b"], &["/"])[0].path,
            None,
            "every path of a host is the host"
        );
    }
}
