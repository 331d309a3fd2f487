//! An HTTP server of a test's own, which answers by a rule and keeps what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request: its first line, its headers with names in lower case, and its body.
pub struct Asked {
    pub line: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Asked {
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let pairs = lines.iter().skip(1).filter_map(|line| line.split_once(':'));
        let headers: BTreeMap<_, _> = pairs
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        let length = headers
            .get("content-length")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        Some(Self {
            line: lines.first()?.clone(),
            headers,
            body: String::from_utf8(body).ok()?,
        })
    }

    pub fn authorization(&self) -> &str {
        self.headers.get("authorization").map_or("", String::as_str)
    }
}

/// Answers until the test ends; `rule` gives status, further header lines, and body.
pub struct Server {
    pub address: String,
    log: Arc<Mutex<Vec<String>>>,
}

pub type Answer = (u16, String, String);

impl Server {
    pub fn start(rule: impl Fn(&str, &Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let (own, kept, rule) = (address.clone(), log.clone(), Arc::new(rule));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let (own, kept, rule) = (own.clone(), kept.clone(), rule.clone());
                std::thread::spawn(move || {
                    let Some(asked) = Asked::read(&stream) else { return };
                    let (status, head, body) = rule(&own, &asked);
                    let path = asked.line.trim_end_matches(" HTTP/1.1");
                    kept.lock().unwrap().push(format!("{status} {path}"));
                    let body = if asked.line.starts_with("HEAD") { "" } else { &body };
                    let length = body.len();
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}\r\n{head}\r\n{body}"
                    );
                });
            }
        });
        Self { address, log }
    }

    /// The requests that were answered with what was asked for, sorted.
    pub fn granted(&self) -> Vec<String> {
        let log = self.log.lock().unwrap();
        let mut granted: Vec<_> = log
            .iter()
            .filter_map(|line| line.strip_prefix("200 "))
            .map(str::to_owned)
            .collect();
        granted.sort();
        granted
    }
}
