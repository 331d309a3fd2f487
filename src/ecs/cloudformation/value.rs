//! A value in a template. Smaller than `serde_json::Value`, because a project of a thousand services is a hundred
//! thousand of them: what an embedded template says is borrowed, and a mapping is a list of its few entries.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_saphyr::{FlowMap, FlowSeq};

pub type Text = Cow<'static, str>;

#[derive(Clone, Default, PartialEq, Debug)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Text),
    List(Vec<Value>),
    /// In the order in which it was written.
    Map(Vec<(Text, Value)>),
}

impl Value {
    pub fn map<K: Into<Text>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    pub fn list<V: Into<Self>>(items: impl IntoIterator<Item = V>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }

    /// `{Ref: id}`
    pub fn reference(id: impl Into<Text>) -> Self {
        Self::map([("Ref", Self::Text(id.into()))])
    }

    /// `{Fn::GetAtt: [id, name]}`
    pub fn attribute(id: impl Into<Text>, name: &'static str) -> Self {
        Self::map([("Fn::GetAtt", Self::List(vec![Self::Text(id.into()), name.into()]))])
    }

    /// `{Fn::Sub: text}`; whatever the user wrote in `text` has been through [`literal`].
    pub fn substitute(text: impl Into<Text>) -> Self {
        Self::map([("Fn::Sub", Self::Text(text.into()))])
    }

    /// As it is written inside the text of `Fn::Sub`, if it can be.
    #[must_use]
    pub fn in_sub(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(literal(text)),
            Self::Int(number) => Some(number.to_string()),
            Self::Map(entries) => match entries.as_slice() {
                [(function, Self::Text(name))] if function == "Ref" => Some(format!("${{{name}}}")),
                [(function, Self::Text(text))] if function == "Fn::Sub" => Some(text.to_string()),
                [(function, Self::List(path))] if function == "Fn::GetAtt" => {
                    let path: Vec<_> = path.iter().filter_map(Self::as_str).collect();
                    Some(format!("${{{}}}", path.join(".")))
                }
                _ => None,
            },
            Self::Null | Self::Bool(_) | Self::Float(_) | Self::List(_) => None,
        }
    }

    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    #[must_use]
    pub fn as_list(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    #[must_use]
    pub fn as_map(&self) -> &[(Text, Self)] {
        if let Self::Map(entries) = self { entries } else { &[] }
    }

    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// The value at a path of keys.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The place for a key's value; what is no mapping yet becomes one.
    pub fn entry(&mut self, key: impl Into<Text>) -> &mut Self {
        if !matches!(self, Self::Map(_)) {
            *self = Self::Map(Vec::new());
        }
        let Self::Map(entries) = self else {
            unreachable!("it has just been made a mapping")
        };
        let key = key.into();
        let at = entries.iter().position(|(name, _)| *name == key).unwrap_or_else(|| {
            entries.push((key, Self::Null));
            entries.len() - 1
        });
        &mut entries[at].1
    }

    pub fn set(&mut self, key: impl Into<Text>, value: impl Into<Self>) {
        *self.entry(key) = value.into();
    }

    pub fn remove(&mut self, key: &str) {
        if let Self::Map(entries) = self {
            entries.retain(|(name, _)| name != key);
        }
    }

    /// The items, to be changed; what is no list yet becomes one.
    pub fn items(&mut self) -> &mut Vec<Self> {
        if !matches!(self, Self::List(_)) {
            *self = Self::List(Vec::new());
        }
        let Self::List(items) = self else {
            unreachable!("it has just been made a list")
        };
        items
    }

    /// Appends to the list under a key, which is made if it is missing.
    pub fn push(&mut self, key: impl Into<Text>, value: impl Into<Self>) {
        self.entry(key).items().push(value.into());
    }

    /// Appends to the list under a key, unless it is there already.
    pub fn push_once(&mut self, key: impl Into<Text>, value: impl Into<Self>) {
        let (items, value) = (self.entry(key).items(), value.into());
        if !items.contains(&value) {
            items.push(value);
        }
    }
}

/// Text that stands for itself inside `Fn::Sub`.
#[must_use]
pub fn literal(text: &str) -> String {
    text.replace("${", "${!")
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u16> for Value {
    fn from(value: u16) -> Self {
        Self::Int(value.into())
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::List(items)
    }
}

/// What is short enough stands on one line in YAML, as people write it: functions (`{Ref: VpcId}`), lists of plain
/// values, and the small mappings that lists are made of (tags, mount points). JSON does not care.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::List(items) if items.iter().any(Self::is_compound) || !self.is_short() => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    if matches!(item, Self::Map(_)) && item.is_short() {
                        list.serialize_element(&FlowMap(Line(item)))?;
                    } else {
                        list.serialize_element(item)?;
                    }
                }
                list.end()
            }
            Self::List(_) => FlowSeq(Line(self)).serialize(serializer),
            Self::Map(entries) => {
                let function = matches!(entries.as_slice(), [(name, _)] if name == "Ref" || name.starts_with("Fn::"));
                if function && self.is_short() {
                    return FlowMap(Line(self)).serialize(serializer);
                }
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries
                    .iter()
                    .try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
            plain => Line(plain).serialize(serializer),
        }
    }
}

impl Value {
    fn is_compound(&self) -> bool {
        matches!(self, Self::List(_) | Self::Map(_))
    }

    fn is_short(&self) -> bool {
        self.within(80).is_some()
    }

    /// What is left of so many characters when the value has been written on one line; none if it does not fit.
    fn within(&self, room: usize) -> Option<usize> {
        match self {
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(_) => room.checked_sub(8),
            Self::Text(text) if text.contains('\n') => None,
            Self::Text(text) => room.checked_sub(text.len() + 2),
            Self::List(items) => items.iter().try_fold(room, |room, item| item.within(room)),
            Self::Map(entries) => entries.iter().try_fold(room, |room, (key, value)| {
                value.within(room.checked_sub(key.len() + 2)?)
            }),
        }
    }
}

/// A value on one line.
struct Line<'a>(&'a Value);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) => serializer.collect_seq(items.iter().map(Line)),
            Value::Map(entries) => serializer.collect_map(entries.iter().map(|(key, value)| (key, Line(value)))),
        }
    }
}

/// Only for the embedded templates, each of which is parsed once: their text is leaked, so that copies can borrow it.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        i64::try_from(value).map(Value::Int).map_err(E::custom)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(Cow::Borrowed(text.to_owned().leak())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            entries.push((Cow::Borrowed(&*key.leak()), value));
        }
        Ok(Value::Map(entries))
    }
}
