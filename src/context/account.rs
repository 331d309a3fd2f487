//! The form of an AWS account's number.

/// The number, if it has the form; otherwise what is wrong with it.
pub fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("an account is a number of twelve digits".to_owned())
    }
}
