//! A server between `ctx` and the laboratory, which counts what is asked and can answer in AWS's place.

use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request, as far as it matters here.
pub(crate) struct Asked {
    /// How many came before.
    pub(crate) nth: usize,
    /// `DescribeStacks` and the like, or the path where a service has no such names.
    pub(crate) action: String,
}

/// What is answered instead of what the laboratory would.
#[derive(Clone)]
pub(crate) enum Answer {
    /// A status line's status, and a body.
    Instead(&'static str, &'static str),
    /// The connection is closed without a word, and the laboratory hears nothing.
    Nothing,
    /// The laboratory does what it is asked, and its answer is lost.
    Lost,
    /// The same, but nothing is heard of it: the connection stays until `ctx` gives up.
    Late,
}

pub(crate) struct Proxy {
    pub(crate) url: String,
    calls: Arc<Mutex<Vec<String>>>,
    upstream: Arc<Mutex<String>>,
}

impl Proxy {
    /// `decide` may answer; what it does not answer goes on to `upstream`.
    pub(crate) fn before(upstream: &str, decide: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let upstream = Arc::new(Mutex::new(upstream.replace("http://", "")));
        let (seen, place, decide) = (calls.clone(), upstream.clone(), Arc::new(decide));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, place, decide) = (seen.clone(), place.clone(), decide.clone());
                std::thread::spawn(move || pass(stream.unwrap(), &place, &seen, &*decide));
            }
        });
        Self { url, calls, upstream }
    }

    /// From now on requests go to another laboratory.
    pub(crate) fn lead_to(&self, upstream: &str) {
        *self.upstream.lock().unwrap() = upstream.replace("http://", "");
    }

    /// The actions that were asked for, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

/// One request; then both connections are closed.
fn pass(
    mut stream: TcpStream,
    upstream: &Mutex<String>,
    seen: &Mutex<Vec<String>>,
    decide: &dyn Fn(&Asked) -> Option<Answer>,
) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    let (mut length, mut target) = (0, None);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let lower = line.trim_end().to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length: ") {
            length = value.parse().unwrap_or(0);
        }
        if lower.starts_with("x-amz-target: ") {
            target = line.trim_end().rsplit('.').next().map(str::to_owned);
        }
        if lower.is_empty() {
            break;
        }
        if !lower.starts_with("connection:") {
            head += &line;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let text = String::from_utf8_lossy(&body);
    let query = text
        .split('&')
        .find_map(|pair| pair.strip_prefix("Action="))
        .map(str::to_owned);
    let path = || head.split(' ').nth(1).unwrap_or_default().to_owned();
    let action = target.or(query).unwrap_or_else(path);
    let asked = {
        let mut seen = seen.lock().unwrap();
        seen.push(action.clone());
        Asked {
            nth: seen.len() - 1,
            action,
        }
    };
    match decide(&asked) {
        Some(Answer::Nothing) => Ok(()),
        Some(Answer::Instead(status, body)) => write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ),
        answer => {
            let address = upstream.lock().unwrap().clone();
            let mut laboratory = TcpStream::connect(address)?;
            write!(laboratory, "{head}Connection: close\r\n\r\n")?;
            laboratory.write_all(&body)?;
            match answer {
                None => std::io::copy(&mut laboratory, &mut stream).map(drop),
                Some(answer) => {
                    std::io::copy(&mut laboratory, &mut std::io::sink())?;
                    if matches!(answer, Answer::Late) {
                        // Nothing more comes before the end.
                        std::io::copy(&mut reader, &mut std::io::sink())?;
                    }
                    Ok(())
                }
            }
        }
    }
}
