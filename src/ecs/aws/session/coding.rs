//! Base64 as a stream: in lines, cut anywhere, and padded wherever its writer had no more at the time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How many letters stand for three bytes.
const GROUP: usize = 4;

#[derive(Default, Debug)]
pub(super) struct Decoder {
    /// The beginning of a group.
    letters: Vec<u8>,
}

impl Decoder {
    /// The bytes that are complete. What is no base64, as what a terminal says by itself, is no part of it.
    pub(super) fn pass(&mut self, text: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(text.len() / GROUP * 3);
        for letter in text {
            if letter.is_ascii_alphanumeric() || b"+/=".contains(letter) {
                self.letters.push(*letter);
            }
            if self.letters.len() == GROUP {
                bytes.extend(STANDARD.decode(&self.letters).unwrap_or_default());
                self.letters.clear();
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_come_back_whole(pieces: Vec<Vec<u8>>, cut in 1_usize..9) {
            let text: String = pieces.iter().map(|piece| STANDARD.encode(piece) + "\r\n").collect();
            let mut decoder = Decoder::default();
            let bytes: Vec<u8> = text.as_bytes().chunks(cut).flat_map(|part| decoder.pass(part)).collect();
            prop_assert_eq!(bytes, pieces.concat());
        }
    }
}
