//! One end of a session's data channel, without the network and the clock: what comes in order, what must be sent
//! again, what the agent asks before it begins.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::frame::{Frame, Malformed, hyphenated};
use crate::backend::Stream;

/// The protocol of the session plugin that we speak.
pub(super) const VERSION: &str = "1.2.707.0";

/// How much the agent takes in one message.
const PIECE: usize = 1024;
/// How many messages may be on their way.
const WINDOW: usize = 64;
/// After how many milliseconds a message that was not acknowledged is sent again; each time later.
const PATIENCE: u64 = 1000;
const LONGEST_PATIENCE: u64 = 8000;
/// How often a message is sent before the agent counts as gone. It acknowledges nothing while a command does not read
/// what it got before; twenty minutes of that end a session anyway.
const ATTEMPTS: u32 = 150;
/// How many messages that came too early are kept.
const EARLY: usize = 10_000;

mod payload {
    pub(super) const OUTPUT: u32 = 1;
    pub(super) const ERROR: u32 = 2;
    pub(super) const SIZE: u32 = 3;
    pub(super) const HANDSHAKE_REQUEST: u32 = 5;
    pub(super) const HANDSHAKE_RESPONSE: u32 = 6;
    pub(super) const HANDSHAKE_COMPLETE: u32 = 7;
    pub(super) const FLAG: u32 = 10;
    pub(super) const STDERR: u32 = 11;
    pub(super) const EXIT_CODE: u32 = 12;
}

/// What both sides say with a number.
pub(super) mod flag {
    pub(in crate::ecs::aws::session) const TERMINATE: u32 = 2;
    /// Nobody answers at the port that a connection is forwarded to.
    pub(in crate::ecs::aws::session) const NO_CONNECTION: u32 = 3;
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Event {
    Output(Stream, Vec<u8>),
    Flag(u32),
    /// Only sessions that are not interactive tell it.
    Exit(i64),
    /// The agent has ended the session, and may say why.
    Closed(String),
    /// The agent wants what we cannot do.
    Refused(&'static str),
    /// Nobody acknowledges what we send.
    Lost,
}

/// A message that was not acknowledged yet.
#[derive(Debug)]
struct Sent {
    sequence: i64,
    bytes: Vec<u8>,
    again_at: u64,
    attempts: u32,
}

#[derive(Debug)]
pub(super) struct Channel {
    seed: Vec<u8>,
    ids: u64,
    /// The sequence number that comes next, here and there.
    expected: i64,
    next: i64,
    early: BTreeMap<i64, Frame>,
    waiting: VecDeque<(u32, Vec<u8>)>,
    sent: VecDeque<Sent>,
    /// The agent has shaken hands, or begun without.
    ready: bool,
    paused: bool,
    pub(super) outgoing: Vec<Vec<u8>>,
    pub(super) events: Vec<Event>,
}

impl Channel {
    /// The ids of messages are made from `seed`, which no other session has.
    pub(super) fn new(seed: &str) -> Self {
        Self {
            seed: seed.as_bytes().to_vec(),
            ids: 0,
            expected: 0,
            next: 0,
            early: BTreeMap::new(),
            waiting: VecDeque::new(),
            sent: VecDeque::new(),
            ready: false,
            paused: false,
            outgoing: Vec::new(),
            events: Vec::new(),
        }
    }

    /// The message, as text, with which a channel begins.
    pub(super) fn opening(&mut self, token: &str) -> String {
        json!({
            "MessageSchemaVersion": "1.0",
            "RequestId": hyphenated(&self.id()),
            "TokenValue": token,
            "ClientId": hyphenated(&self.id()),
            "ClientVersion": VERSION,
        })
        .to_string()
    }

    /// Whether more input may be given; otherwise it is better left where it is.
    pub(super) fn has_room(&self) -> bool {
        self.ready && self.waiting.len() + self.sent.len() < WINDOW
    }

    /// Whether all that was given has arrived.
    #[cfg(test)]
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.sent.is_empty()
    }

    pub(super) fn input(&mut self, bytes: &[u8], now: u64) {
        for piece in bytes.chunks(PIECE) {
            self.waiting.push_back((payload::OUTPUT, piece.to_vec()));
        }
        self.flush(now);
    }

    pub(super) fn resize(&mut self, (columns, rows): (u16, u16), now: u64) {
        // Only the newest size matters.
        self.waiting.retain(|(kind, _)| *kind != payload::SIZE);
        let size = json!({"cols": columns, "rows": rows}).to_string();
        self.waiting.push_back((payload::SIZE, size.into_bytes()));
        self.flush(now);
    }

    pub(super) fn flag(&mut self, flag: u32, now: u64) {
        self.waiting.push_back((payload::FLAG, flag.to_be_bytes().to_vec()));
        self.flush(now);
    }

    pub(super) fn receive(&mut self, bytes: &[u8], now: u64) -> Result<(), Malformed> {
        let frame = Frame::decode(bytes)?;
        match frame.kind.as_str() {
            "output_stream_data" => {
                self.acknowledge(&frame, now);
                if frame.sequence >= self.expected && self.early.len() < EARLY {
                    self.early.insert(frame.sequence, frame);
                }
                while let Some(frame) = self.early.remove(&self.expected) {
                    self.expected += 1;
                    self.take(frame, now);
                }
            }
            "acknowledge" => {
                let said: Value = serde_json::from_slice(&frame.payload).unwrap_or_default();
                let sequence = said["AcknowledgedMessageSequenceNumber"].as_i64();
                self.sent.retain(|sent| Some(sent.sequence) != sequence);
            }
            "channel_closed" => {
                let said: Value = serde_json::from_slice(&frame.payload).unwrap_or_default();
                let why = said["Output"].as_str().unwrap_or_default();
                self.events.push(Event::Closed(why.trim().to_owned()));
            }
            "pause_publication" => self.paused = true,
            "start_publication" => self.paused = false,
            // What later versions of the agent may say on top must not end the session.
            _ => {}
        }
        self.flush(now);
        Ok(())
    }

    /// Sends again what has waited too long.
    pub(super) fn repeat(&mut self, now: u64) {
        for sent in &mut self.sent {
            if sent.again_at > now {
                continue;
            }
            if sent.attempts >= ATTEMPTS {
                self.events.push(Event::Lost);
                return;
            }
            sent.again_at = now + (PATIENCE << sent.attempts.min(3)).min(LONGEST_PATIENCE);
            sent.attempts += 1;
            self.outgoing.push(sent.bytes.clone());
        }
    }

    /// When [`Self::repeat`] has something to do.
    pub(super) fn due(&self) -> Option<u64> {
        self.sent.iter().map(|sent| sent.again_at).min()
    }

    fn take(&mut self, frame: Frame, now: u64) {
        match frame.payload_type {
            payload::HANDSHAKE_REQUEST => self.shake_hands(&frame.payload, now),
            payload::HANDSHAKE_COMPLETE => self.ready = true,
            payload::OUTPUT => {
                // An old agent does not shake hands.
                self.ready = true;
                self.events.push(Event::Output(Stream::Out, frame.payload));
            }
            payload::FLAG => {
                let flag = frame.payload.first_chunk().copied().map(u32::from_be_bytes);
                self.events.extend(flag.map(Event::Flag));
            }
            payload::ERROR | payload::STDERR => self.events.push(Event::Output(Stream::Error, frame.payload)),
            payload::EXIT_CODE => {
                let text = String::from_utf8_lossy(&frame.payload);
                let code = text.trim().trim_start_matches("EXIT_CODE:").trim_start();
                self.events.push(Event::Exit(code.parse().unwrap_or(1)));
            }
            _ => {}
        }
    }

    fn shake_hands(&mut self, request: &[u8], now: u64) {
        const DONE: u8 = 1;
        const UNSUPPORTED: u8 = 3;
        let request: Value = serde_json::from_slice(request).unwrap_or_default();
        let wanted = request["RequestedClientActions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let mut errors = Vec::new();
        let mut processed = Vec::new();
        for action in wanted {
            let kind = action["ActionType"].as_str().unwrap_or_default();
            let of_session = action["ActionParameters"]["SessionType"].as_str().unwrap_or_default();
            let can = kind == "SessionType"
                && [
                    "Standard_Stream",
                    "InteractiveCommands",
                    "NonInteractiveCommands",
                    "Port",
                ]
                .contains(&of_session);
            let error = if can {
                String::new()
            } else {
                format!("{kind} is not supported")
            };
            processed.push(json!({
                "ActionType": kind,
                "ActionStatus": if can { DONE } else { UNSUPPORTED },
                "ActionResult": null,
                "Error": error,
            }));
            if !can {
                self.events.push(Event::Refused(if kind == "KMSEncryption" {
                    "encrypts sessions with a key of KMS"
                } else {
                    "wants a kind of session that `ctx` does not know"
                }));
                errors.push(error);
            }
        }
        let response = json!({"ClientVersion": VERSION, "ProcessedClientActions": processed, "Errors": errors});
        self.send(payload::HANDSHAKE_RESPONSE, response.to_string().into_bytes(), now);
    }

    fn flush(&mut self, now: u64) {
        while self.ready
            && !self.paused
            && self.sent.len() < WINDOW
            && let Some((kind, bytes)) = self.waiting.pop_front()
        {
            self.send(kind, bytes, now);
        }
    }

    fn send(&mut self, payload_type: u32, payload: Vec<u8>, now: u64) {
        let frame = Frame {
            kind: "input_stream_data".into(),
            created: now,
            sequence: self.next,
            flags: 0,
            id: self.id(),
            payload_type,
            payload,
        };
        let bytes = frame.encode();
        self.outgoing.push(bytes.clone());
        self.sent.push_back(Sent {
            sequence: self.next,
            bytes,
            again_at: now + PATIENCE,
            attempts: 1,
        });
        self.next += 1;
    }

    /// Also of what came before: the agent may have missed that it arrived.
    fn acknowledge(&mut self, frame: &Frame, now: u64) {
        let said = json!({
            "AcknowledgedMessageType": frame.kind,
            "AcknowledgedMessageId": hyphenated(&frame.id),
            "AcknowledgedMessageSequenceNumber": frame.sequence,
            "IsSequentialMessage": true,
        });
        let acknowledgement = Frame {
            kind: "acknowledge".into(),
            created: now,
            sequence: 0,
            flags: 3,
            id: self.id(),
            payload_type: 0,
            payload: said.to_string().into_bytes(),
        };
        self.outgoing.push(acknowledgement.encode());
    }

    fn id(&mut self) -> [u8; 16] {
        self.ids += 1;
        let digest = Sha256::digest([&self.seed[..], &self.ids.to_be_bytes()].concat());
        let mut id: [u8; 16] = std::array::from_fn(|at| digest[at]);
        id[6] = id[6] & 0x0f | 0x40;
        id[8] = id[8] & 0x3f | 0x80;
        id
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn output(sequence: i64, payload_type: u32, payload: &[u8]) -> Vec<u8> {
        message("output_stream_data", sequence, payload_type, payload)
    }

    fn message(kind: &str, sequence: i64, payload_type: u32, payload: &[u8]) -> Vec<u8> {
        Frame {
            kind: kind.into(),
            created: 1,
            sequence,
            flags: 0,
            id: [7; 16],
            payload_type,
            payload: payload.to_vec(),
        }
        .encode()
    }

    fn acknowledge(sequence: i64) -> Vec<u8> {
        let said = format!(r#"{{"AcknowledgedMessageSequenceNumber": {sequence}}}"#);
        message("acknowledge", 0, 0, said.as_bytes())
    }

    fn sent(channel: &mut Channel) -> Vec<Frame> {
        let frames = channel.outgoing.drain(..).map(|bytes| Frame::decode(&bytes).unwrap());
        frames.filter(|frame| frame.kind == "input_stream_data").collect()
    }

    /// One that is past its handshake.
    fn ready() -> Channel {
        let mut channel = Channel::new("token");
        channel
            .receive(&output(0, payload::HANDSHAKE_COMPLETE, b"{}"), 0)
            .unwrap();
        channel.outgoing.clear();
        channel
    }

    #[test]
    fn input_waits_for_the_handshake() {
        let mut channel = Channel::new("token");
        channel.input(b"ls\n", 0);
        assert!(channel.outgoing.is_empty());
        let wanted = r#"{"AgentVersion":"3.3","RequestedClientActions":[{"ActionType":"SessionType","ActionParameters":{"SessionType":"InteractiveCommands"}}]}"#;
        channel
            .receive(&output(0, payload::HANDSHAKE_REQUEST, wanted.as_bytes()), 1)
            .unwrap();
        let answers = sent(&mut channel);
        assert_eq!((answers.len(), answers[0].payload_type, answers[0].sequence), (1, 6, 0));
        let answer: Value = serde_json::from_slice(&answers[0].payload).unwrap();
        assert_eq!(answer["ProcessedClientActions"][0]["ActionStatus"], 1);
        channel
            .receive(&output(1, payload::HANDSHAKE_COMPLETE, b"{}"), 2)
            .unwrap();
        let input = sent(&mut channel);
        assert_eq!((input[0].sequence, input[0].payload.as_slice()), (1, &b"ls\n"[..]));
        assert!(channel.events.is_empty());
    }

    #[test]
    fn a_session_that_is_encrypted_with_a_key_is_refused() {
        let mut channel = Channel::new("token");
        let wanted =
            r#"{"RequestedClientActions":[{"ActionType":"KMSEncryption","ActionParameters":{"KMSKeyId":"k"}}]}"#;
        channel
            .receive(&output(0, payload::HANDSHAKE_REQUEST, wanted.as_bytes()), 1)
            .unwrap();
        assert_eq!(channel.events, [Event::Refused("encrypts sessions with a key of KMS")]);
        let answer: Value = serde_json::from_slice(&sent(&mut channel)[0].payload).unwrap();
        assert_eq!(answer["ProcessedClientActions"][0]["ActionStatus"], 3);
    }

    #[test]
    fn what_is_not_acknowledged_is_sent_again_and_later_each_time() {
        let mut channel = ready();
        channel.input(b"a", 0);
        let first = channel.outgoing.drain(..).next().unwrap();
        assert_eq!(channel.due(), Some(1000));
        channel.repeat(999);
        assert!(channel.outgoing.is_empty());
        channel.repeat(1000);
        assert_eq!(channel.outgoing, [first]);
        assert_eq!(channel.due(), Some(3000));
        channel.receive(&acknowledge(0), 1100).unwrap();
        assert!(channel.is_idle() && channel.due().is_none());
    }

    #[test]
    fn an_agent_that_never_answers_is_lost() {
        let mut channel = ready();
        channel.input(b"a", 0);
        while channel.events.is_empty() {
            let due = channel.due().unwrap();
            channel.repeat(due);
        }
        assert_eq!(channel.events, [Event::Lost]);
    }

    #[test]
    fn a_pause_holds_input_back() {
        let mut channel = ready();
        channel.receive(&message("pause_publication", 0, 0, b""), 0).unwrap();
        channel.input(b"a", 0);
        assert!(sent(&mut channel).is_empty());
        channel.receive(&message("start_publication", 0, 0, b""), 0).unwrap();
        assert_eq!(sent(&mut channel).len(), 1);
    }

    #[test]
    fn only_the_newest_size_is_told() {
        let mut channel = Channel::new("token");
        channel.resize((80, 24), 0);
        channel.resize((100, 30), 0);
        channel.receive(&output(0, payload::OUTPUT, b"$ "), 0).unwrap();
        let sizes = sent(&mut channel);
        assert_eq!(sizes.len(), 1);
        assert_eq!(
            (sizes[0].payload_type, sizes[0].payload.as_slice()),
            (3, &br#"{"cols":100,"rows":30}"#[..])
        );
    }

    #[test]
    fn the_end_and_its_code_are_told() {
        let mut channel = ready();
        channel
            .receive(&output(1, payload::EXIT_CODE, b"EXIT_CODE: 3"), 0)
            .unwrap();
        channel.receive(&output(2, payload::STDERR, b"oh"), 0).unwrap();
        channel
            .receive(&message("channel_closed", 0, 0, br#"{"Output":"timed out "}"#), 0)
            .unwrap();
        let expected = [
            Event::Exit(3),
            Event::Output(Stream::Error, b"oh".to_vec()),
            Event::Closed("timed out".into()),
        ];
        assert_eq!(channel.events, expected);
    }

    #[test]
    fn flags_go_both_ways() {
        let mut channel = ready();
        channel.flag(flag::TERMINATE, 0);
        let flags = sent(&mut channel);
        assert_eq!(
            (flags[0].payload_type, flags[0].payload.as_slice()),
            (10, &[0, 0, 0, 2][..])
        );
        channel.receive(&output(1, payload::FLAG, &[0, 0, 0, 3]), 0).unwrap();
        assert_eq!(channel.events, [Event::Flag(flag::NO_CONNECTION)]);
    }

    proptest! {
        /// In whatever order and however often messages come, output is whole and in order, and each is acknowledged.
        #[test]
        fn output_is_in_order(order in Just((0_i64..20).collect::<Vec<_>>()).prop_shuffle(), again in proptest::collection::vec(0_i64..20, 0..20)) {
            let mut channel = Channel::new("token");
            for sequence in order.iter().chain(&again) {
                channel.receive(&output(*sequence, payload::OUTPUT, &[u8::try_from(*sequence).unwrap()]), 0).unwrap();
            }
            let bytes: Vec<u8> = channel.events.iter().flat_map(|event| match event {
                Event::Output(_, bytes) => bytes.clone(),
                _ => vec![],
            }).collect();
            prop_assert_eq!(bytes, (0..20).collect::<Vec<u8>>());
            prop_assert_eq!(channel.outgoing.len(), 20 + again.len());
        }

        /// Whichever messages are lost on the way, the agent has all the input in the end.
        #[test]
        fn input_arrives(lost in proptest::collection::vec(any::<bool>(), 200)) {
            let mut channel = ready();
            let input: Vec<u8> = (0..150_u8).cycle().take(20_000).collect();
            channel.input(&input, 0);
            let (mut arrived, mut now, mut lost) = (BTreeMap::new(), 0, lost.into_iter());
            while !channel.is_idle() {
                for frame in sent(&mut channel) {
                    if lost.next() != Some(true) {
                        arrived.insert(frame.sequence, frame.payload);
                        channel.receive(&acknowledge(frame.sequence), now).unwrap();
                    }
                }
                if channel.outgoing.is_empty() && let Some(due) = channel.due() {
                    now = due;
                    channel.repeat(now);
                }
                if !channel.events.is_empty() { break; }
            }
            // With 200 losses at most, one message can be lost often enough to give up, and then it says so.
            prop_assert!(channel.events == [Event::Lost] || arrived.into_values().flatten().collect::<Vec<_>>() == input);
        }
    }
}
