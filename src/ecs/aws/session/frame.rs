//! The frame of a session's binary messages, as the agent of Systems Manager writes and reads it: big-endian numbers, a
//! digest of the payload, and an id whose halves are swapped.

use sha2::{Digest, Sha256};

/// How long a header is without the length of the payload, which it says itself.
const HEADER: usize = 116;
const TYPE: std::ops::Range<usize> = 4..36;
const ID: std::ops::Range<usize> = 64..80;
const DIGEST: std::ops::Range<usize> = 80..112;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Frame {
    /// `output_stream_data`, `acknowledge`…
    pub(super) kind: String,
    /// Milliseconds since 1970.
    pub(super) created: u64,
    pub(super) sequence: i64,
    pub(super) flags: u64,
    pub(super) id: [u8; 16],
    pub(super) payload_type: u32,
    pub(super) payload: Vec<u8>,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Malformed {
    Short,
    Digest,
    Type,
}

impl Frame {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + 4 + self.payload.len());
        bytes.extend(u32::try_from(HEADER).unwrap_or_default().to_be_bytes());
        bytes.extend(format!("{:32}", self.kind).into_bytes());
        bytes.extend(1_u32.to_be_bytes());
        bytes.extend(self.created.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.flags.to_be_bytes());
        bytes.extend_from_slice(&self.id[8..]);
        bytes.extend_from_slice(&self.id[..8]);
        bytes.extend_from_slice(&Sha256::digest(&self.payload));
        bytes.extend(self.payload_type.to_be_bytes());
        bytes.extend(u32::try_from(self.payload.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let number = |at: usize| -> Result<u64, Malformed> {
            let bytes = bytes.get(at..at + 8).ok_or(Malformed::Short)?;
            Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
        };
        let small = |at: usize| -> Result<u32, Malformed> {
            let bytes = bytes.get(at..at + 4).ok_or(Malformed::Short)?;
            Ok(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
        };
        // Some messages of the agent have a header without a type of payload, and say so by its length.
        let header = small(0)? as usize;
        let length = small(header)? as usize;
        let start = header + 4;
        let payload = bytes.get(start..start + length).ok_or(Malformed::Short)?;
        let kind = bytes.get(TYPE).ok_or(Malformed::Short)?;
        let kind = std::str::from_utf8(kind).map_err(|_| Malformed::Type)?;
        if header < DIGEST.end {
            return Err(Malformed::Short);
        }
        if !payload.is_empty() && Sha256::digest(payload).as_slice() != &bytes[DIGEST] {
            return Err(Malformed::Digest);
        }
        let mut id = [0; 16];
        id[8..].copy_from_slice(&bytes[ID][..8]);
        id[..8].copy_from_slice(&bytes[ID][8..]);
        Ok(Self {
            kind: kind.trim_end_matches([' ', '\0']).to_owned(),
            created: number(40)?,
            sequence: number(48)?.cast_signed(),
            flags: number(56)?,
            id,
            payload_type: if header >= HEADER { small(DIGEST.end)? } else { 0 },
            payload: payload.to_vec(),
        })
    }
}

/// `123e4567-e89b-42d3-a456-426614174000`
pub(super) fn hyphenated(id: &[u8; 16]) -> String {
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(payload: &[u8]) -> Frame {
        Frame {
            kind: "input_stream_data".into(),
            created: 1_700_000_000_123,
            sequence: 7,
            flags: 3,
            id: std::array::from_fn(|at| u8::try_from(at).unwrap()),
            payload_type: 1,
            payload: payload.to_vec(),
        }
    }

    #[test]
    fn every_field_has_its_place() {
        let bytes = frame(b"ls\n").encode();
        assert_eq!(bytes.len(), 116 + 4 + 3);
        assert_eq!(&bytes[..4], [0, 0, 0, 116]);
        assert_eq!(&bytes[4..36], b"input_stream_data               ");
        assert_eq!(&bytes[36..40], [0, 0, 0, 1]);
        assert_eq!(bytes[48..56], 7_i64.to_be_bytes());
        // The less significant half of the id comes first.
        assert_eq!(bytes[64..80], [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(&bytes[112..120], [0, 0, 0, 1, 0, 0, 0, 3]);
        assert_eq!(hyphenated(&frame(b"").id), "00010203-0405-0607-0809-0a0b0c0d0e0f");
    }

    #[test]
    fn what_was_changed_on_the_way_is_no_frame() {
        let mut bytes = frame(b"ls\n").encode();
        assert_eq!(Frame::decode(&bytes[..bytes.len() - 1]), Err(Malformed::Short));
        *bytes.last_mut().unwrap() = b'x';
        assert_eq!(Frame::decode(&bytes), Err(Malformed::Digest));
    }

    proptest! {
        #[test]
        fn a_frame_comes_back_as_it_was(payload: Vec<u8>, sequence: i64, flags: u64, id: [u8; 16], payload_type: u32) {
            let frame = Frame { sequence, flags, id, payload_type, ..frame(&payload) };
            prop_assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
        }

        #[test]
        fn no_bytes_are_too_odd(bytes: Vec<u8>, header in 0_u32..200) {
            let _ = Frame::decode(&bytes);
            let _ = Frame::decode(&[&header.to_be_bytes()[..], &bytes].concat());
        }
    }
}
