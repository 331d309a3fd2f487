//! Many connections over one session of forwarding, as the agent and its plugin carry them: version 1 of smux. A frame
//! has its version, a command, a length and the number of a stream, the numbers in little-endian order.

use std::collections::HashSet;

const VERSION: u8 = 1;
const HEADER: usize = 8;
/// How much we put into a frame; the other side takes up to 65,535.
const LARGEST: usize = 32 * 1024;

mod command {
    pub(super) const OPEN: u8 = 0;
    pub(super) const END: u8 = 1;
    pub(super) const DATA: u8 = 2;
    pub(super) const ALIVE: u8 = 3;
}

/// What the other side says of a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Said {
    Data(u32, Vec<u8>),
    /// Nothing follows, and nothing is taken any more.
    End(u32),
}

/// Bytes that are no frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Malformed;

/// Our end of the streams, all of which we open.
#[derive(Debug)]
pub(super) struct Mux {
    next: u32,
    open: HashSet<u32>,
    /// The beginning of a frame.
    partial: Vec<u8>,
}

impl Mux {
    pub(super) fn new() -> Self {
        Self {
            next: 1,
            open: HashSet::new(),
            partial: Vec::new(),
        }
    }

    /// A new stream, and what makes it.
    pub(super) fn open(&mut self) -> (u32, Vec<u8>) {
        self.next = self.next.wrapping_add(2);
        self.open.insert(self.next);
        (self.next, frame(command::OPEN, self.next, &[]))
    }

    pub(super) fn data(&self, stream: u32, bytes: &[u8]) -> Vec<u8> {
        if !self.open.contains(&stream) {
            return Vec::new();
        }
        let pieces = bytes.chunks(LARGEST);
        pieces.flat_map(|piece| frame(command::DATA, stream, piece)).collect()
    }

    /// Ends a stream on both sides; nothing if it has ended.
    pub(super) fn end(&mut self, stream: u32) -> Vec<u8> {
        if self.open.remove(&stream) {
            frame(command::END, stream, &[])
        } else {
            Vec::new()
        }
    }

    /// Says that we are there.
    pub(super) fn alive() -> Vec<u8> {
        frame(command::ALIVE, 0, &[])
    }

    /// What of the bytes is complete, of streams that are open.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<Vec<Said>, Malformed> {
        self.partial.extend_from_slice(bytes);
        let mut said = Vec::new();
        let mut at = 0;
        while let Some(&[version, command, low, high, a, b, c, d]) = self.partial[at..].first_chunk::<HEADER>() {
            if version != VERSION || command > command::ALIVE {
                return Err(Malformed);
            }
            let length = if command == command::DATA {
                usize::from(u16::from_le_bytes([low, high]))
            } else {
                0
            };
            let Some(data) = self.partial.get(at + HEADER..at + HEADER + length) else {
                break;
            };
            let stream = u32::from_le_bytes([a, b, c, d]);
            if self.open.contains(&stream) {
                match command {
                    command::DATA => said.push(Said::Data(stream, data.to_vec())),
                    command::END => {
                        self.open.remove(&stream);
                        said.push(Said::End(stream));
                    }
                    _ => {}
                }
            }
            at += HEADER + length;
        }
        self.partial.drain(..at);
        Ok(said)
    }
}

fn frame(command: u8, stream: u32, data: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEADER + data.len());
    frame.extend([VERSION, command]);
    frame.extend(u16::try_from(data.len()).unwrap_or(u16::MAX).to_le_bytes());
    frame.extend(stream.to_le_bytes());
    frame.extend_from_slice(data);
    frame
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_stream_is_opened_used_and_ended() {
        let mut mux = Mux::new();
        let (first, opening) = mux.open();
        let (second, _) = mux.open();
        assert_eq!((first, second), (3, 5));
        assert_eq!(opening, [1, 0, 0, 0, 3, 0, 0, 0]);
        assert_eq!(mux.data(first, b"ab"), [1, 2, 2, 0, 3, 0, 0, 0, b'a', b'b']);
        assert_eq!(Mux::alive(), [1, 3, 0, 0, 0, 0, 0, 0]);
        assert_eq!(mux.end(first), [1, 1, 0, 0, 3, 0, 0, 0]);
        assert!(mux.end(first).is_empty() && mux.data(first, b"a").is_empty());
    }

    #[test]
    fn what_is_large_goes_in_several_frames() {
        let mut mux = Mux::new();
        let (stream, _) = mux.open();
        assert_eq!(mux.data(stream, &vec![7; 40_000]).len(), 40_000 + 2 * HEADER);
    }

    #[test]
    fn another_version_is_refused() {
        assert_eq!(Mux::new().receive(&[2, 0, 0, 0, 3, 0, 0, 0]), Err(Malformed));
    }

    proptest! {
        #[test]
        fn frames_are_found_however_they_are_cut(pieces: Vec<Vec<u8>>, cut in 1_usize..20) {
            let mut mux = Mux::new();
            let (stream, _) = mux.open();
            let mut sent: Vec<u8> = pieces.iter().flat_map(|piece| frame(command::DATA, stream, piece)).collect();
            // What is about a stream that is not open is nothing to us.
            sent.extend(frame(command::DATA, 99, b"late"));
            sent.extend(frame(command::ALIVE, 0, b""));
            sent.extend(frame(command::END, stream, b""));
            let said: Vec<Said> = sent.chunks(cut).flat_map(|part| mux.receive(part).unwrap()).collect();
            let (end, data) = said.split_last().unwrap();
            prop_assert_eq!(end, &Said::End(stream));
            let bytes: Vec<u8> = data.iter().flat_map(|said| match said {
                Said::Data(_, bytes) => bytes.clone(),
                Said::End(_) => vec![],
            }).collect();
            prop_assert_eq!(bytes, pieces.concat());
        }

        #[test]
        fn no_bytes_are_too_odd(bytes: Vec<u8>) {
            let _ = Mux::new().receive(&bytes);
        }
    }
}
