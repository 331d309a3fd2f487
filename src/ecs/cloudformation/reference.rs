//! What a value in a template refers to.

use super::value::{Text, Value};

/// A name that stands in a value for something else in the template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reference<'a> {
    /// `Ref`: a resource or a parameter.
    Whole(&'a str),
    /// `Fn::GetAtt`: a resource and its attribute.
    Attribute(&'a str, &'a str),
    Condition(&'a str),
    /// None where a function gives the mapping's name.
    Mapping(Option<&'a str>),
}

/// Calls `found` with everything that a value refers to. The `Condition` of a resource is not part of a value.
pub fn visit<'a>(value: &'a Value, found: &mut impl FnMut(Reference<'a>)) {
    match value {
        Value::List(items) => items.iter().for_each(|item| visit(item, found)),
        Value::Map(entries) => {
            for (key, value) in entries {
                match (key.as_ref(), value) {
                    ("Ref", Value::Text(name)) => found(Reference::Whole(name)),
                    ("Condition", Value::Text(name)) if entries.len() == 1 => found(Reference::Condition(name)),
                    ("Fn::GetAtt", Value::Text(path)) => {
                        let (id, attribute) = path.split_once('.').unwrap_or((path, ""));
                        found(Reference::Attribute(id, attribute));
                    }
                    ("Fn::GetAtt", Value::List(path)) => {
                        let mut texts = path.iter().map(|part| part.as_str().unwrap_or_default());
                        let id = texts.next().unwrap_or_default();
                        found(Reference::Attribute(id, texts.next().unwrap_or_default()));
                        path.iter().skip(1).for_each(|part| visit(part, found));
                    }
                    ("Fn::Sub", Value::Text(text)) => names_in(text, &[], found),
                    ("Fn::Sub", Value::List(parts)) => {
                        let own = parts.get(1).map_or(&[][..], Value::as_map);
                        if let Some(text) = parts.first().and_then(Value::as_str) {
                            names_in(text, own, found);
                        }
                        for (_, value) in own {
                            visit(value, found);
                        }
                    }
                    ("Fn::If", Value::List(parts)) => {
                        if let Some(name) = parts.first().and_then(Value::as_str) {
                            found(Reference::Condition(name));
                        }
                        parts.iter().skip(1).for_each(|part| visit(part, found));
                    }
                    ("Fn::FindInMap", Value::List(parts)) => {
                        found(Reference::Mapping(parts.first().and_then(Value::as_str)));
                        for part in parts {
                            visit(part, found);
                        }
                    }
                    _ => visit(value, found),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => {}
    }
}

fn names_in<'a>(text: &'a str, own: &[(Text, Value)], found: &mut impl FnMut(Reference<'a>)) {
    for part in text.split("${").skip(1).filter(|part| !part.starts_with('!')) {
        let name = part.split_once('}').map_or(part, |(name, _)| name).trim();
        if own.iter().any(|(variable, _)| variable == name) {
            continue;
        }
        found(match name.split_once('.') {
            Some((id, attribute)) => Reference::Attribute(id, attribute),
            None => Reference::Whole(name),
        });
    }
}

/// What takes the place of a reference.
pub enum Instead {
    Whole(String),
    Attribute(String, String),
}

/// Puts another reference in the place of each for which `instead` gives one: of a resource or parameter, and of an
/// attribute if one is asked for.
pub fn replace(value: &mut Value, instead: &impl Fn(&str, Option<&str>) -> Option<Instead>) {
    match value {
        Value::List(items) => items.iter_mut().for_each(|item| replace(item, instead)),
        Value::Map(entries) => {
            if let [(function, argument)] = entries.as_mut_slice() {
                let new = match (function.as_ref(), &*argument) {
                    ("Ref", Value::Text(name)) => instead(name, None),
                    ("Fn::GetAtt", Value::Text(path)) => path
                        .split_once('.')
                        .and_then(|(id, attribute)| instead(id, Some(attribute))),
                    ("Fn::GetAtt", Value::List(path)) => match path.as_slice() {
                        [Value::Text(id), Value::Text(attribute)] => instead(id, Some(attribute)),
                        _ => None,
                    },
                    _ => None,
                };
                if let Some(new) = new {
                    *value = match new {
                        Instead::Whole(name) => Value::reference(name),
                        Instead::Attribute(id, attribute) => {
                            Value::map([("Fn::GetAtt", Value::List(vec![id.into(), attribute.into()]))])
                        }
                    };
                    return;
                }
                match (function.as_ref(), argument) {
                    ("Fn::Sub", Value::Text(text)) => {
                        *text = replaced(text, &[], instead).into();
                        return;
                    }
                    ("Fn::Sub", Value::List(parts)) => {
                        if let [Value::Text(text), Value::Map(own)] = parts.as_mut_slice() {
                            *text = replaced(text, own, instead).into();
                            for (_, value) in own.iter_mut() {
                                replace(value, instead);
                            }
                        }
                        return;
                    }
                    _ => {}
                }
            }
            for (_, value) in entries.iter_mut() {
                replace(value, instead);
            }
        }
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => {}
    }
}

fn replaced(text: &str, own: &[(Text, Value)], instead: &impl Fn(&str, Option<&str>) -> Option<Instead>) -> String {
    let (mut whole, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once("${") {
        let (name, tail) = after.split_once('}').unwrap_or((after, ""));
        let (id, attribute) = match name.trim().split_once('.') {
            Some((id, attribute)) => (id, Some(attribute)),
            None => (name.trim(), None),
        };
        let is_own = name.starts_with('!') || own.iter().any(|(variable, _)| variable == name);
        let new = Some(()).filter(|()| !is_own).and_then(|()| instead(id, attribute));
        whole.push_str(before);
        match new {
            Some(Instead::Whole(name)) => whole.extend(["${", &name, "}"]),
            Some(Instead::Attribute(id, attribute)) => whole.extend(["${", &id, ".", &attribute, "}"]),
            None => whole.extend(["${", name, "}"]),
        }
        rest = tail;
    }
    whole + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
- {Ref: A}
- {Fn::GetAtt: [B, Arn]}
- {Fn::GetAtt: C.Arn.More}
- {Fn::Sub: 'x ${D} ${!E} ${F.Name}'}
- {Fn::Sub: ['${G} ${H}', {G: {Ref: I}}]}
- {Fn::If: [Cond, {Fn::FindInMap: [Map, {Ref: J}, k]}, plain]}
";

    #[test]
    fn everything_that_is_referred_to_is_found() {
        let value: Value = serde_yaml::from_str(TEXT).unwrap();
        let mut found = Vec::new();
        visit(&value, &mut |reference| found.push(reference));
        assert_eq!(
            found,
            [
                Reference::Whole("A"),
                Reference::Attribute("B", "Arn"),
                Reference::Attribute("C", "Arn.More"),
                Reference::Whole("D"),
                Reference::Attribute("F", "Name"),
                Reference::Whole("H"),
                Reference::Whole("I"),
                Reference::Condition("Cond"),
                Reference::Mapping(Some("Map")),
                Reference::Whole("J"),
            ]
        );
    }

    #[test]
    fn references_are_replaced_wherever_they_stand() {
        let mut value: Value = serde_yaml::from_str(TEXT).unwrap();
        replace(&mut value, &|id, attribute| match attribute {
            Some(attribute) => Some(Instead::Whole(format!("{id}{}", attribute.replace('.', "")))),
            None if id == "A" || id == "D" => Some(Instead::Attribute("Stack".into(), format!("Outputs.{id}"))),
            None => None,
        });
        let expected: Value = serde_yaml::from_str(
            "
- {Fn::GetAtt: [Stack, Outputs.A]}
- {Ref: BArn}
- {Ref: CArnMore}
- {Fn::Sub: 'x ${Stack.Outputs.D} ${!E} ${FName}'}
- {Fn::Sub: ['${G} ${H}', {G: {Ref: I}}]}
- {Fn::If: [Cond, {Fn::FindInMap: [Map, {Ref: J}, k]}, plain]}
",
        )
        .unwrap();
        assert_eq!(value, expected);
    }
}
