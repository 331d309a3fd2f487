//! `.dockerignore`: which files of a context a build does not see. Docker's own rules, and none of git's.

use crate::compose::paths;

/// The patterns of one file, in their order: the last that fits decides.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Ignore {
    patterns: Vec<Pattern>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Pattern {
    /// `!` stood before it: what fits is seen after all.
    seen: bool,
    tokens: Vec<Token>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Token {
    Letter(char),
    /// `?`: a letter other than a slash.
    One,
    /// `*`: letters other than slashes.
    Name,
    /// `**` at the end: anything.
    Rest,
    /// `**` before something: any number of folders.
    Folders,
    /// `[a-z]`, also a slash where the class has one.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Ignore {
    /// Reads a file; the error says which line is no pattern.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut patterns: Vec<String> = Vec::new();
        // A byte order mark is no part of the first pattern.
        for line in text.trim_start_matches('\u{feff}').lines() {
            // What begins with a blank is no comment.
            if line.starts_with('#') {
                continue;
            }
            if !line.trim().is_empty() {
                patterns.push(line.trim().to_owned());
            }
        }
        Self::of(&patterns)
    }

    /// Reads patterns, one a text.
    pub fn of(patterns: &[String]) -> Result<Self, String> {
        let patterns = patterns.iter().map(|pattern| {
            let (seen, path) = match pattern.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, pattern.as_str()),
            };
            let everything = path.is_empty() || (path.starts_with('/') && clean(path) == ".");
            if seen && everything {
                return Err("`!` stands alone".to_owned());
            }
            let tokens = tokens(&clean(path)).ok_or_else(|| format!("`{path}` is no pattern"))?;
            Ok(Pattern { seen, tokens })
        });
        let patterns = patterns.collect::<Result<_, _>>()?;
        Ok(Self { patterns })
    }

    /// Whether a file or folder is left out; `path` is relative to the context, with slashes.
    ///
    /// As BuildKit walks: what named a folder names all that is in it, but a pattern counts as having named a folder
    /// only if it changed something there.
    #[must_use]
    pub fn excludes(&self, path: &str) -> bool {
        let letters: Vec<char> = path.chars().collect();
        let slashes = letters.iter().enumerate().filter(|(_, letter)| **letter == '/');
        let ends = slashes.map(|(at, _)| at).chain([letters.len()]);
        let mut excluded = false;
        let mut named = vec![false; self.patterns.len()];
        for end in ends {
            excluded = false;
            for (pattern, named) in self.patterns.iter().zip(&mut named) {
                *named = *named || (pattern.seen == excluded && fits(&pattern.tokens, &letters[..end]));
                if *named {
                    excluded = !pattern.seen;
                }
            }
        }
        excluded
    }

    /// Whether something below a folder that is left out may be seen all the same.
    #[must_use]
    pub fn may_see_below(&self, folder: &str) -> bool {
        self.reaches_below(folder, true)
    }

    /// Whether something below a folder may be left out.
    #[must_use]
    pub fn may_leave_out_below(&self, folder: &str) -> bool {
        self.reaches_below(folder, false)
    }

    fn reaches_below(&self, folder: &str, seen: bool) -> bool {
        let folder = format!("{folder}/");
        self.patterns
            .iter()
            .filter(|pattern| pattern.seen == seen)
            .any(|pattern| {
                let letters = pattern.tokens.iter().map_while(|token| match token {
                    Token::Letter(letter) => Some(*letter),
                    _ => None,
                });
                let known: String = letters.collect();
                // What names as many folders as this one is deep names the folder itself, or nothing in it.
                let is_slash = |token: &&Token| matches!(token, Token::Letter('/'));
                let any_depth = |token: &Token| matches!(token, Token::Folders | Token::Rest);
                let reaches = pattern.tokens.iter().any(any_depth)
                    || pattern.tokens.iter().filter(is_slash).count() >= folder.matches('/').count();
                let more = pattern.tokens.len() > known.chars().count();
                reaches && (known.starts_with(&folder) || (folder.starts_with(&known) && more))
            })
    }
}

fn fits(tokens: &[Token], path: &[char]) -> bool {
    let Some((token, rest)) = tokens.split_first() else {
        return path.is_empty();
    };
    let first = path.first().copied();
    match token {
        Token::Letter(letter) => first == Some(*letter) && fits(rest, &path[1..]),
        Token::One => first.is_some_and(|first| first != '/') && fits(rest, &path[1..]),
        Token::Name => {
            let longest = path.iter().position(|letter| *letter == '/').unwrap_or(path.len());
            (0..=longest).any(|length| fits(rest, &path[length..]))
        }
        Token::Rest => (0..=path.len()).any(|length| fits(rest, &path[length..])),
        Token::Folders => {
            let below = (0..path.len()).filter(|at| path[*at] == '/').map(|at| at + 1);
            [0].into_iter().chain(below).any(|at| fits(rest, &path[at..]))
        }
        Token::Class { negated, ranges } => first.is_some_and(|first| {
            let within = ranges.iter().any(|(low, high)| (low..=high).contains(&&first));
            within != *negated && fits(rest, &path[1..])
        }),
    }
}

/// What a pattern means. `None` when a class has no end or nothing is left after a backslash.
fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let letters: Vec<char> = pattern.chars().collect();
    // `**end` is anything with this end; with other signs behind it, it is folders.
    let plain_end = |rest: &[char]| !rest.iter().any(|letter| matches!(letter, '*' | '?' | '[' | '\\'));
    let mut tokens = Vec::new();
    let mut rest = letters.as_slice();
    loop {
        rest = match rest {
            [] => return Some(tokens),
            ['*', '*', '/', after @ ..] if !after.is_empty() => {
                tokens.push(Token::Folders);
                after
            }
            ['*', '*', after @ ..] => {
                let any = after.is_empty() || (tokens.is_empty() && plain_end(after));
                tokens.push(if any { Token::Rest } else { Token::Folders });
                after
            }
            ['*', after @ ..] => {
                tokens.push(Token::Name);
                after
            }
            ['?', after @ ..] => {
                tokens.push(Token::One);
                after
            }
            ['[', class @ ..] => {
                let (class, after) = self::class(class)?;
                tokens.push(class);
                after
            }
            ['\\'] => return None,
            ['\\', letter, after @ ..] if letter.is_ascii_alphanumeric() => {
                tokens.push(escaped(*letter)?);
                after
            }
            ['\\', letter, after @ ..] | [letter, after @ ..] => {
                tokens.push(Token::Letter(*letter));
                after
            }
        }
    }
}

/// A letter behind a backslash: Docker's patterns become Go's regular expressions, where it is not the letter itself.
fn escaped(letter: char) -> Option<Token> {
    let ranges = match letter.to_ascii_lowercase() {
        'd' => vec![('0', '9')],
        'w' => vec![('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        's' => vec![('\t', '\n'), ('\x0c', '\r'), (' ', ' ')],
        _ => {
            let control = match letter {
                'a' => '\x07',
                'f' => '\x0c',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\x0b',
                _ => return None,
            };
            return Some(Token::Letter(control));
        }
    };
    let negated = letter.is_ascii_uppercase();
    Some(Token::Class { negated, ranges })
}

/// A class, as Go's `filepath.Match` reads it, and what follows it.
fn class(text: &[char]) -> Option<(Token, &[char])> {
    let (negated, mut rest) = match text {
        ['^', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let mut ranges = Vec::new();
    loop {
        if let [']', after @ ..] = rest
            && !ranges.is_empty()
        {
            return Some((Token::Class { negated, ranges }, after));
        }
        let (low, after) = class_letter(rest)?;
        let (high, after) = match after {
            ['-', after @ ..] => class_letter(after)?,
            _ => (low, after),
        };
        ranges.push((low, high));
        rest = after;
    }
}

fn class_letter(text: &[char]) -> Option<(char, &[char])> {
    match text {
        [] | ['-' | ']' | '\\'] | ['-' | ']', ..] => None,
        ['\\', letter, rest @ ..] | [letter, rest @ ..] => Some((*letter, rest)),
    }
}

/// As Go's `filepath.Clean`, and relative to the context; `.` names nothing below it.
fn clean(path: &str) -> String {
    match paths::clean(path).trim_start_matches('/') {
        "" => ".".to_owned(),
        relative => relative.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases of Docker's documentation and of moby's `patternmatcher`.
    #[test]
    fn patterns_mean_what_docker_documents() {
        for (patterns, path, excluded) in [
            ("*/temp*", "somedir/temporary.txt", true),
            ("*/temp*", "somedir/temp", true),
            ("*/temp*", "temp", false),
            ("*/temp*", "a/b/temp", false),
            ("*/*/temp*", "somedir/subdir/temporary.txt", true),
            ("temp?", "tempa", true),
            ("temp?", "temp", false),
            ("**/*.go", "a.go", true),
            ("**/*.go", "a/b/c.go", true),
            ("*.md\n!README.md", "README.md", false),
            ("*.md\n!README.md", "a.md", true),
            ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true),
            ("*.md\n!README*.md\nREADME-secret.md", "README-a.md", false),
            ("*.md\nREADME-secret.md\n!README*.md", "README-secret.md", false),
            ("# comment\n\n  # none", "# comment", false),
            ("  # none", "# none", true),
            ("/foo/bar", "foo/bar", true),
            ("foo/bar", "foo/bar/baz", true),
            ("foo", "a/foo", false),
            ("./foo/../bar/", "bar/x", true),
            ("**", "a", true),
            ("**", "a/b", true),
            ("**/", "a", true),
            ("dir/**", "dir/a", true),
            ("dir/**", "dir", false),
            ("**/dir2/*", "dir/dir2/file", true),
            ("**/dir2/*", "dir2/file", true),
            ("**/foo/bar", "foo/bar", true),
            ("a**b", "axxb", false),
            ("a**b", "a/x/b", true),
            ("**b", "x/ab", true),
            ("x/**/y", "x/y", true),
            ("x/**/y", "x/a/b/y", true),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("**/?\n!xx", "xx/b", true),
            ("xx\n**/?\n!xx", "xx/b", false),
            ("\\a", "a", false),
            ("\\d", "7", true),
            ("\\W", "a", false),
            ("*", ".git", true),
            ("*\n!src", "src/main.rs", false),
            ("*\n!src\nsrc/target", "src/target/x", true),
            ("node_modules\n!node_modules/keep", "node_modules/keep/a", false),
            ("! a", "a", false),
        ] {
            let ignore = Ignore::parse(patterns).unwrap();
            assert_eq!(ignore.excludes(path), excluded, "{patterns:?} {path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["!", "!/", "!/..", "a[", "a[]b", "a\\", "[a-]"] {
            assert!(Ignore::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn folders_are_entered_only_for_what_may_be_seen() {
        let ignore = Ignore::parse("*\n!src/*.rs\n!a/**/b").unwrap();
        for (folder, expected) in [("src", true), ("src/deep", false), ("target", false), ("a/x/y", true)] {
            assert_eq!(ignore.may_see_below(folder), expected, "{folder}");
        }
    }
}
