//! Fields of one line, as builders write them: `type=file,src=/a`, in quotation marks where a comma is part of one.

use std::collections::HashMap;

/// One line of fields.
pub(super) fn written(fields: &[(&str, &str)]) -> String {
    let field = |(name, value): &(&str, &str)| {
        let field = format!("{name}={value}");
        if field.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field
        }
    };
    fields.iter().map(field).collect::<Vec<_>>().join(",")
}

/// The fields of a line.
pub(super) fn read(line: &str) -> HashMap<String, String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            letter => field.push(letter),
        }
    }
    fields.push(field);
    let pairs = fields.iter().filter_map(|field| field.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for (value, line) in [
            ("/a b", "id=x,src=/a b"),
            ("/a,b", "id=x,\"src=/a,b\""),
            ("/\"a\"", "id=x,\"src=/\"\"a\"\"\""),
        ] {
            assert_eq!(written(&[("id", "x"), ("src", value)]), line);
            let expected = [("id", "x"), ("src", value)].map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(read(line), HashMap::from(expected));
        }
    }
}
