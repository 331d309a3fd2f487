//! The AWS command line's two files: sections of `key = value` lines.
//!
//! They belong to the user and to other tools, so that a change touches its own lines only.

/// A file's lines, each with its end.
pub(super) struct Ini {
    lines: Vec<String>,
}

impl Ini {
    pub(super) fn parse(text: &str) -> Self {
        Self {
            lines: text.split_inclusive('\n').map(str::to_owned).collect(),
        }
    }

    /// The names of the sections, in their order.
    pub(super) fn sections(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|line| header(line))
    }

    pub(super) fn get(&self, section: &str, key: &str) -> Option<&str> {
        let within = self.section(section)?;
        self.lines[within].iter().rev().find_map(|line| {
            let (name, value) = property(line)?;
            name.eq_ignore_ascii_case(key).then_some(value)
        })
    }

    /// Sets keys of a section, which is added at the end when it is missing. `None` removes a key.
    pub(super) fn set(&mut self, section: &str, values: &[(&str, Option<&str>)]) {
        let within = self.section(section).unwrap_or_else(|| self.add(section));
        let is_replaced = |line: &String| {
            property(line).is_some_and(|(name, _)| values.iter().any(|(key, _)| name.eq_ignore_ascii_case(key)))
        };
        let body = self.lines.drain(within.clone()).filter(|line| !is_replaced(line));
        let kept: Vec<_> = body.collect();
        let new = values
            .iter()
            .filter_map(|(key, value)| value.map(|value| format!("{key} = {value}\n")));
        let new: Vec<_> = new.chain(kept).collect();
        self.lines.splice(within.start..within.start, new);
    }

    pub(super) fn text(&self) -> String {
        self.lines.concat()
    }

    /// The lines between a section's header and the next one.
    fn section(&self, name: &str) -> Option<std::ops::Range<usize>> {
        let start = 1 + self.lines.iter().position(|line| header(line) == Some(name))?;
        let length = self.lines[start..].iter().position(|line| header(line).is_some());
        Some(start..length.map_or(self.lines.len(), |length| start + length))
    }

    fn add(&mut self, name: &str) -> std::ops::Range<usize> {
        if let Some(last) = self.lines.last_mut() {
            if !last.ends_with('\n') {
                last.push('\n');
            }
            if !last.trim().is_empty() {
                self.lines.push("\n".to_owned());
            }
        }
        self.lines.push(format!("[{name}]\n"));
        self.lines.len()..self.lines.len()
    }
}

/// `[profile x]` without the brackets.
fn header(line: &str) -> Option<&str> {
    let (name, _) = line.trim_start().strip_prefix('[')?.split_once(']')?;
    Some(name.trim())
}

/// A line's key and value; lines that begin with space belong to the key above.
fn property(line: &str) -> Option<(&str, &str)> {
    if line.starts_with([' ', '\t', '#', ';', '[']) {
        return None;
    }
    let (key, value) = line.split_once('=')?;
    Some((key.trim(), value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# mine\n[default]\naws_access_key_id = A ; not a comment\n\n[work] # note\n# kept\nregion=eu-west-1\ns3 =\n  region = x\n[last]\nKEY = 1";

    #[test]
    fn a_file_that_is_not_changed_keeps_its_bytes() {
        assert_eq!(Ini::parse(FILE).text(), FILE);
    }

    #[test]
    fn nested_keys_are_not_the_sections_own() {
        let ini = Ini::parse("[a]\ns3 =\n  region = nested\n");
        assert_eq!(ini.get("a", "region"), None);
    }

    #[test]
    fn a_new_section_stands_at_the_end() {
        let mut ini = Ini::parse(FILE);
        ini.set("new", &[("region", Some("r")), ("other", None)]);
        assert_eq!(ini.text(), format!("{FILE}\n\n[new]\nregion = r\n"));
    }

    #[test]
    fn a_changed_section_keeps_its_other_lines() {
        let mut ini = Ini::parse(FILE);
        ini.set("work", &[("region", Some("r")), ("token", None)]);
        let expected = FILE.replace(
            "[work] # note\n# kept\nregion=eu-west-1\n",
            "[work] # note\nregion = r\n# kept\n",
        );
        assert_eq!(ini.text(), expected);
        assert_eq!(ini.get("work", "region"), Some("r"));
        assert_eq!(ini.get("last", "key"), Some("1"));
    }
}
