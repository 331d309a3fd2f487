//! Why a load balancer sends nothing to a container.

use super::Cause;
use crate::ecs::aws::failure::sentence;

/// A target of a load balancer that gets no requests, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SickTarget {
    pub port: i32,
    /// `Target.Timeout`
    pub reason: String,
    /// `Health checks failed with these codes: [404]`
    pub description: String,
}

/// Why a load balancer sends nothing to a container. What that wrote last may name the port on which it listens.
#[must_use]
pub fn of_target(target: &SickTarget, lines: &[String]) -> Cause {
    let SickTarget {
        port,
        reason,
        description,
    } = target;
    let said = sentence(description);
    let answered = said.contains("codes: [");
    if !answered && let Some(other) = listens_elsewhere(lines, *port) {
        let cause = Cause::new(
            format!("the load balancer asks port {port}, and the container listens on {other}"),
            &["ports", "expose"],
        );
        let hint = format!("let `ports` lead to the port on which it listens, as in `\"{port}:{other}\"`");
        return cause.hint(hint).said(said);
    }
    let what = if said.is_empty() {
        format!("the load balancer's health check of port {port} fails")
    } else {
        format!("the load balancer's health check of port {port} fails: {said}")
    };
    let (attributes, hint): (&'static [&'static str], &str) = if answered {
        (
            &["ports"],
            "`x-aws-health_check: {path: …, matcher: \"200-399\"}` on the port says which page it asks for, and which answers \
             are well",
        )
    } else if reason.contains("Timeout") || said.contains("timed out") {
        (
            &["ports"],
            "check that it listens on that port on all addresses (0.0.0.0), and how long it takes to answer",
        )
    } else {
        (
            &["ports"],
            "check that it listens on that port on all addresses (0.0.0.0, not 127.0.0.1)",
        )
    };
    Cause::new(what, attributes).hint(hint)
}

/// The port on which something listens by what it wrote, if no line names the one that is wanted.
fn listens_elsewhere(lines: &[String], wanted: i32) -> Option<u16> {
    let words = |line: &str| -> Vec<String> {
        let split = line.split(|c: char| !c.is_ascii_alphanumeric());
        split.map(str::to_lowercase).filter(|word| !word.is_empty()).collect()
    };
    let number = wanted.to_string();
    if lines.iter().any(|line| words(line).contains(&number)) {
        return None;
    }
    lines.iter().rev().find_map(|line| {
        let words = words(line);
        let talks = |word: &String| word.starts_with("listen") || word == "serving" || word == "running";
        let at = words.iter().position(talks)?;
        let mut after = words[at..].iter().rev();
        // The last number of an address is its port; a process id stands before the word.
        after.find_map(|word| word.parse::<u16>().ok().filter(|port| *port >= 80))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_on_which_port_somebody_listens() {
        let port = |line: &str| listens_elsewhere(&[line.to_owned()], 80);
        assert_eq!(port("Server listening at http://0.0.0.0:3000"), Some(3000));
        assert_eq!(port("[12] [INFO] Listening at: http://0.0.0.0:8000 (7)"), Some(8000));
        assert_eq!(port("* Running on http://127.0.0.1:5000"), Some(5000));
        assert_eq!(port("listening on port 80"), None);
        assert_eq!(port("connected to 10.0.0.1:5432"), None);
    }
}
