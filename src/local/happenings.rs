//! What happened to a project's containers, as the engine remembers it.

use std::collections::HashMap;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptions as Query;
use futures_util::StreamExt;
use jiff::Timestamp;

use super::labels;
use crate::backend::{EventsOptions, Happening, Tell};
use crate::engine::Connection;
use crate::error::Result;

impl Connection {
    /// Tells what happened, and goes on for ever with `follow`.
    pub(super) async fn tell_events(
        &self,
        project: &str,
        options: &EventsOptions,
        now: Timestamp,
        tell: &Tell,
    ) -> Result<()> {
        let filters = HashMap::from([
            ("type".to_owned(), vec!["container".to_owned()]),
            ("label".to_owned(), vec![format!("{}={project}", labels::PROJECT)]),
        ]);
        let until = options.until.or_else(|| (!options.follow).then_some(now));
        let time = |time: Timestamp| format!("{}.{:09}", time.as_second(), time.subsec_nanosecond());
        let query = Query {
            since: Some(options.since.map_or_else(|| "1".to_owned(), time)),
            until: until.map(time),
            filters: Some(filters),
        };
        let mut events = self.docker.events(Some(query));
        while let Some(event) = events.next().await {
            let event = event.map_err(|error| self.failed("lost the engine's events", &error))?;
            let Some(happening) = read(event) else { continue };
            let service = happening.service.as_ref();
            if options.services.is_empty() || service.is_some_and(|service| options.services.contains(service)) {
                tell(happening)?;
            }
        }
        Ok(())
    }
}

/// An event without the labels, of which there are many and which never change.
fn read(event: EventMessage) -> Option<Happening> {
    let actor = event.actor.unwrap_or_default();
    let mut attributes = actor.attributes.unwrap_or_default();
    let service = attributes.remove(labels::SERVICE);
    attributes.retain(|name, _| !name.contains('.'));
    let nanoseconds = event.time_nano.map(i128::from);
    let time = nanoseconds.and_then(|time| Timestamp::from_nanosecond(time).ok())?;
    Some(Happening {
        time,
        kind: "container",
        action: event.action.unwrap_or_default(),
        id: actor.id.unwrap_or_default(),
        service,
        attributes: attributes.into_iter().collect(),
    })
}

#[cfg(test)]
mod tests {
    use bollard::models::EventActor;

    use super::*;

    #[test]
    fn an_event_names_its_service_and_no_labels() {
        let attributes = [
            ("name", "shop-web-1"),
            ("com.docker.compose.service", "web"),
            ("com.docker.compose.config-hash", "1"),
        ];
        let event = EventMessage {
            action: Some("start".into()),
            time_nano: Some(1_000_000_001),
            actor: Some(EventActor {
                id: Some("3f2a".into()),
                attributes: Some(
                    attributes
                        .map(|(name, value)| (name.to_owned(), value.to_owned()))
                        .into(),
                ),
            }),
            ..EventMessage::default()
        };
        let happening = read(event).unwrap();
        assert_eq!(
            (happening.service.as_deref(), happening.action.as_str()),
            (Some("web"), "start")
        );
        assert_eq!(
            Vec::from_iter(happening.attributes),
            [("name".to_owned(), "shop-web-1".to_owned())]
        );
        assert_eq!(happening.time.as_nanosecond(), 1_000_000_001);
    }
}
