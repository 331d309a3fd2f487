//! Lists of things, in the forms that the docker CLI has for them: a table, JSON, a Go template.

use std::str::FromStr;

use gotmpl::{MissingKey, Template, Value as Data};
use serde_json::Value;

use super::{output, table};
use crate::error::{Error, Result};

/// `--format`
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub enum Format {
    #[default]
    Table,
    Json,
    /// A Go template for each thing; with a header if it began with `table`.
    Template {
        text: String,
        header: bool,
    },
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (template, header) = match text.strip_prefix("table ") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        match text {
            "table" | "pretty" | "" => Ok(Self::Table),
            "json" => Ok(Self::Json),
            // What shells pass on as it was typed.
            _ if template.contains("{{") => {
                let text = template.replace("\\t", "\t").replace("\\n", "\n");
                parse(&text).map_err(|error| error.to_string())?;
                Ok(Self::Template { text, header })
            }
            _ => Err("it is `table`, `json`, or a Go template such as `{{.Name}}`".to_owned()),
        }
    }
}

/// How a list is written as JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Json {
    /// An object a line.
    Lines,
    Array,
}

/// Things of one kind: what a table shows of each, and all that is known of it.
pub(super) struct Listing<'a> {
    pub(super) columns: &'a [&'a str],
    pub(super) rows: Vec<Vec<String>>,
    pub(super) objects: Vec<Value>,
    pub(super) json: Json,
}

impl Listing<'_> {
    pub(super) fn print(&self, format: &Format) -> Result<()> {
        output::document(&self.render(format)?, None)
    }

    pub(super) fn render(&self, format: &Format) -> Result<String> {
        match format {
            Format::Table => Ok(table::render(self.columns, &self.rows)),
            Format::Json if self.json == Json::Array => Ok(format!("{}\n", Value::from(self.objects.clone()))),
            Format::Json => Ok(output::lines(&self.objects)),
            Format::Template { text, header } => {
                let template = parse(text)?;
                let mut lines = Vec::new();
                for object in self.header().filter(|_| *header).iter().chain(&self.objects) {
                    let data = gotmpl::to_value(object).map_err(|error| wrong(text, &error))?;
                    lines.push(template.execute_to_string(&data).map_err(|error| wrong(text, &error))?);
                }
                if *header {
                    let rows: Vec<Vec<String>> = lines
                        .iter()
                        .map(|line| line.split('\t').map(str::to_owned).collect())
                        .collect();
                    let columns: Vec<&str> = rows.first().into_iter().flatten().map(String::as_str).collect();
                    return Ok(table::render(&columns, rows.get(1..).unwrap_or_default()));
                }
                Ok(output::lines(lines))
            }
        }
    }

    /// An object in which each key has its own name as a column's title: `RunningFor` is `RUNNING FOR`.
    fn header(&self) -> Option<Value> {
        let keys = self.objects.first()?.as_object()?.keys();
        Some(
            keys.map(|key| (key.clone(), Value::from(title(key))))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        )
    }
}

fn title(key: &str) -> String {
    let mut title = String::new();
    let mut before = ' ';
    for letter in key.chars() {
        if letter.is_uppercase() && before.is_lowercase() {
            title.push(' ');
        }
        title.extend(letter.to_uppercase());
        before = letter;
    }
    title
}

/// With the docker CLI's own functions besides Go's. A name that the things do not have is an error.
fn parse(text: &str) -> Result<Template> {
    let template = Template::new("format").missing_key(MissingKey::Error);
    template
        .func("json", |data| Ok(json(data.first()).to_string().into()))
        .func("lower", |data| Ok(argument(data, 0).to_lowercase().into()))
        .func("upper", |data| Ok(argument(data, 0).to_uppercase().into()))
        .func("title", |data| Ok(titled(&argument(data, 0)).into()))
        .func("split", |data| {
            let (text, separator) = (argument(data, 0), argument(data, 1));
            Ok(Data::List(text.split(&separator).map(Data::from).collect()))
        })
        .func("pad", |data| {
            let spaces = |at| " ".repeat(number(data, at));
            Ok(format!("{}{}{}", spaces(1), argument(data, 0), spaces(2)).into())
        })
        .func("truncate", |data| {
            Ok(argument(data, 0)
                .chars()
                .take(number(data, 1))
                .collect::<String>()
                .into())
        })
        .func("join", |data| {
            let items = match data.first() {
                Some(Data::List(items)) => items.iter().map(ToString::to_string).collect(),
                _ => vec![argument(data, 0)],
            };
            Ok(items.join(&argument(data, 1)).into())
        })
        .parse(text)
        .map_err(|error| wrong(text, &error))
}

fn argument(data: &[Data], at: usize) -> String {
    data.get(at).map(ToString::to_string).unwrap_or_default()
}

fn number(data: &[Data], at: usize) -> usize {
    argument(data, at).parse().unwrap_or_default()
}

/// Each word with a capital letter.
fn titled(text: &str) -> String {
    let mut before = ' ';
    text.chars()
        .flat_map(|letter| {
            let first = !before.is_alphanumeric();
            before = letter;
            let upper = first.then(|| letter.to_uppercase());
            upper.into_iter().flatten().chain((!first).then_some(letter))
        })
        .collect()
}

fn json(data: Option<&Data>) -> Value {
    match data {
        Some(Data::Bool(truth)) => Value::from(*truth),
        Some(Data::Int(number)) => Value::from(*number),
        Some(Data::Uint(number)) => Value::from(*number),
        Some(Data::Float(number)) => Value::from(*number),
        Some(Data::String(text)) => Value::from(&**text),
        Some(Data::List(items)) => items.iter().map(|item| json(Some(item))).collect(),
        Some(Data::Map(entries)) => {
            let entries = entries.iter().map(|(key, value)| (key.to_string(), json(Some(value))));
            Value::Object(entries.collect())
        }
        _ => Value::Null,
    }
}

fn wrong(text: &str, error: &gotmpl::TemplateError) -> Error {
    Error::new(format!("`{text}` is no format for this list: {error}"))
        .hint("`--format json` shows the names that a template can use")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_docker_cli_s_functions() {
        let listing = Listing {
            columns: &[],
            rows: Vec::new(),
            objects: vec![serde_json::json!({"Name": "shop-web", "Size": 3})],
            json: Json::Lines,
        };
        for (text, expected) in [
            ("{{upper .Name}} {{title .Name}}", "SHOP-WEB Shop-Web"),
            ("{{join (split .Name \"-\") \"/\"}}", "shop/web"),
            ("[{{pad .Name 1 2}}] {{truncate .Name 4}}", "[ shop-web  ] shop"),
            ("{{json .Size}} {{json .Name}}", "3 \"shop-web\""),
        ] {
            let format = Format::Template {
                text: text.to_owned(),
                header: false,
            };
            assert_eq!(listing.render(&format).unwrap(), format!("{expected}\n"), "{text}");
        }
    }
}
