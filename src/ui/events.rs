//! `ctx events`: a line for each, in the form of `docker compose events`.

use jiff::tz::TimeZone;
use serde_json::json;

use super::output;
use crate::backend::Happening;
use crate::error::Result;

pub fn print(happening: &Happening, as_json: bool) -> Result<()> {
    let line = if as_json {
        json(happening)
    } else {
        text(happening, &TimeZone::system())
    };
    output::next(&(line + "\n"))
}

fn text(happening: &Happening, here: &TimeZone) -> String {
    let Happening {
        time,
        kind,
        action,
        id,
        attributes,
        ..
    } = happening;
    let time = time.to_zoned(here.clone()).strftime("%Y-%m-%d %H:%M:%S%.6f");
    let attributes: Vec<_> = attributes
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let behind = if attributes.is_empty() {
        String::new()
    } else {
        format!(" ({})", attributes.join(", "))
    };
    format!("{time} {kind} {action} {id}{behind}")
}

fn json(happening: &Happening) -> String {
    json!({
        "time": happening.time.to_string(),
        "type": happening.kind,
        "action": happening.action,
        "id": happening.id,
        "service": happening.service.as_deref().unwrap_or_default(),
        "attributes": happening.attributes,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_docker_composes() {
        let happening = Happening {
            time: "2026-01-02T03:04:05.000006Z".parse().unwrap(),
            kind: "container",
            action: "start".into(),
            id: "3f2a".into(),
            service: Some("web".into()),
            attributes: [("image", "nginx"), ("name", "shop-web-1")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        };
        assert_eq!(
            text(&happening, &TimeZone::UTC),
            "2026-01-02 03:04:05.000006 container start 3f2a (image=nginx, name=shop-web-1)"
        );
        assert_eq!(
            json(&happening),
            r#"{"time":"2026-01-02T03:04:05.000006Z","type":"container","action":"start","id":"3f2a","service":"web","attributes":{"image":"nginx","name":"shop-web-1"}}"#
        );
    }
}
