//! A command written as one string, as words.

/// The words of a command, and where it ends for Compose although the text goes on.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Command {
    pub(super) words: Vec<String>,
    /// The rest of the text, from an operator of shells on: Compose has no shell and drops it.
    pub(super) dropped: Option<String>,
}

/// Splits at blanks outside of quotes; nothing when a quote is left open.
///
/// This follows Docker Compose to the letter, since what it prints is what both must run: `\t` and `\n` outside of
/// single quotes are a tab and a new line, and the first of `;`, `&`, `|`, `<` and `>` ends the command.
pub(super) fn split(text: &str) -> Option<Command> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut dropped = None;
    let mut quote: Option<char> = None;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        if escaped {
            escaped = false;
            word.get_or_insert_default().push(match character {
                't' => '\t',
                'n' => '\n',
                other => other,
            });
            continue;
        }
        match (character, quote) {
            ('\\', None | Some('"' | '`' | ')')) => escaped = true,
            (' ' | '\t' | '\r' | '\n', None) => words.extend(word.take()),
            ('"' | '\'', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            ('"' | '\'', Some(open)) if open == character => quote = None,
            ('`', None) => {
                quote = Some('`');
                word.get_or_insert_default().push('`');
            }
            ('`', Some('`')) => {
                quote = None;
                word.get_or_insert_default().push('`');
            }
            ('(', None) => {
                if !word.as_deref().is_some_and(|word| word.ends_with('$')) {
                    return None;
                }
                quote = Some(')');
                word.get_or_insert_default().push('(');
            }
            (')', None) => return None,
            (')', Some(')')) => {
                quote = None;
                word.get_or_insert_default().push(')');
            }
            (';' | '&' | '|' | '<' | '>', None) => {
                let redirects_number = character == '>'
                    && word
                        .as_deref()
                        .is_some_and(|word| word.starts_with(|first: char| first.is_ascii_digit()));
                if redirects_number {
                    word = None;
                }
                dropped = Some(text[at..].to_owned());
                break;
            }
            _ => word.get_or_insert_default().push(character),
        }
    }
    if escaped || quote.is_some() {
        return None;
    }
    words.extend(word);
    Some(Command { words, dropped })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        split(text).unwrap().words
    }

    #[test]
    fn quotes_and_escapes() {
        assert_eq!(words("a  'b c' \"d e\"f"), ["a", "b c", "d ef"]);
        assert_eq!(words(r"a\ b '\n' \n"), ["a b", r"\n", "\n"]);
        assert_eq!(words("a '' \"\""), ["a", "", ""]);
        assert_eq!(words("$(id -u) x"), ["$(id -u)", "x"]);
        assert_eq!(words(""), [""; 0]);
        assert_eq!(split("a 'b"), None);
        assert_eq!(split("a \\"), None);
    }

    #[test]
    fn operators_end_the_command() {
        let command = split("echo a && ls").unwrap();
        assert_eq!(command.words, ["echo", "a"]);
        assert_eq!(command.dropped.as_deref(), Some("&& ls"));
        assert_eq!(words("a 2>&1"), ["a"]);
        assert_eq!(words("a '&& b'"), ["a", "&& b"]);
    }
}
