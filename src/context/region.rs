//! The form of an AWS region's name. Which regions there are, AWS alone knows.

/// The name, if it has the form; otherwise what is wrong with it.
pub fn region(text: &str) -> Result<String, String> {
    let parts: Vec<_> = text.split('-').collect();
    let is_word = |part: &&str| !part.is_empty() && part.chars().all(|letter| letter.is_ascii_lowercase());
    match parts.as_slice() {
        [words @ .., number] if words.len() >= 2 && words.iter().all(is_word) && number.parse::<u8>().is_ok() => {
            Ok(text.to_owned())
        }
        _ => Err("a region's name looks like `eu-central-1`".to_owned()),
    }
}
