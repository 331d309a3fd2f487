//! The one program in the test images. What it is depends on the name that it is called by, as with busybox.
//!
//! It stands in for a web server, for Redis and for PostgreSQL: as far as another container, a health check, a
//! volume or a secret can tell them apart. Compiled alone, with `rustc`, by `tests/support/engine.rs`.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, fs, io, process, thread};

fn main() {
    let mut arguments: Vec<String> = env::args().collect();
    let name = Path::new(&arguments[0]).file_name().unwrap_or_default().to_string_lossy().into_owned();
    arguments.remove(0);
    stop_on_term();
    let done = match name.as_str() {
        "pause" => sleep_for_ever(),
        "web" => web(),
        "redis-server" => redis(),
        "redis-cli" => redis_command(&address("127.0.0.1:6379"), &arguments).map(|answer| println!("{answer}")),
        "postgres" => postgres(),
        "pg_isready" => TcpStream::connect("127.0.0.1:5432").map(drop),
        other => Err(io::Error::other(format!("no program named {other}"))),
    };
    if let Err(error) = done {
        eprintln!("{name}: {error}");
        process::exit(1);
    }
}

/// The first process of a container is not ended by SIGTERM unless it asks for it.
fn stop_on_term() {
    unsafe extern "C" {
        fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
        fn _exit(status: i32) -> !;
    }
    extern "C" fn stop(_: i32) {
        unsafe { _exit(0) }
    }
    for number in [2, 15] {
        unsafe { signal(number, stop) };
    }
}

fn sleep_for_ever() -> io::Result<()> {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// A page that counts visits, in Redis where there is one.
///
/// `/env/NAME` is a variable, `/file/PATH` a file, `/lookup/NAME` the addresses of a name, `/exit/N` the end.
fn web() -> io::Result<()> {
    let port = variable("PORT").unwrap_or_else(|| "80".into());
    let listener = TcpListener::bind(format!("0.0.0.0:{port}"))?;
    println!("web listens on {port}");
    for stream in listener.incoming() {
        thread::spawn(move || serve(stream?));
    }
    Ok(())
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
    let (status, body) = match page(&path) {
        Ok(body) => ("200 OK", body),
        Err(error) => ("500 Internal Server Error", format!("{error}\n")),
    };
    println!("GET {path} {status}");
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn page(path: &str) -> io::Result<String> {
    let missing = |what: &str| io::Error::other(format!("{what} is not there"));
    match path[1..].split_once('/') {
        Some(("env", name)) => env::var(name).map_err(|_| missing(name)),
        Some(("file", name)) => fs::read_to_string(format!("/{name}")),
        Some(("lookup", name)) => {
            let addresses = (name, 80).to_socket_addrs()?;
            Ok(addresses.map(|address| format!("{}\n", address.ip())).collect())
        }
        Some(("exit", code)) => process::exit(code.parse().unwrap_or(1)),
        _ => front_page(),
    }
}

fn front_page() -> io::Result<String> {
    let greeting = variable("GREETING").unwrap_or_else(|| "hello".into());
    let visits = match variable("REDIS_HOST").or_else(|| variable("REDIS")) {
        Some(host) => {
            let port = variable("REDIS_PORT").unwrap_or_else(|| "6379".into());
            redis_command(&address(&format!("{host}:{port}")), &["INCR".into(), "visits".into()])?
        }
        None => "uncounted".into(),
    };
    Ok(format!("{greeting} from {}; visits: {visits}\n", env::var("VERSION").unwrap_or_default()))
}

fn address(text: &str) -> io::Result<std::net::SocketAddr> {
    text.to_socket_addrs()
        .map_err(|error| io::Error::other(format!("{text}: {error}")))?
        .next()
        .ok_or_else(|| io::Error::other(format!("{text} has no address")))
}

/// Sends one command of the Redis protocol, and gives the answer without its type mark.
fn redis_command(address: &io::Result<std::net::SocketAddr>, words: &[String]) -> io::Result<String> {
    let address = address.as_ref().map_err(|error| io::Error::other(error.to_string()))?;
    let mut stream = TcpStream::connect_timeout(address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    writeln!(stream, "{}", words.join(" "))?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    match answer.trim_end().split_at_checked(1) {
        Some(("+" | ":", rest)) => Ok(rest.to_owned()),
        _ => Err(io::Error::other(format!("redis answered {answer:?}"))),
    }
}

/// `PING`, `GET` and `INCR`, inline or as arrays; the counters are kept in files below `/data`.
fn redis() -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:6379")?;
    let counters = Arc::new(Mutex::new(HashMap::new()));
    println!("redis: Ready to accept connections");
    for stream in listener.incoming() {
        let counters = counters.clone();
        thread::spawn(move || redis_session(stream?, &counters));
    }
    Ok(())
}

fn redis_session(mut stream: TcpStream, counters: &Mutex<HashMap<String, u64>>) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(words) = redis_words(&mut reader)? {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut counters = counters.lock().expect("no session panics");
        let mut counter = |key: &str| {
            let kept = || fs::read_to_string(format!("/data/{key}")).ok()?.parse().ok();
            *counters.entry(key.to_owned()).or_insert_with(|| kept().unwrap_or(0))
        };
        match words[..] {
            ["ping" | "PING"] => write!(stream, "+PONG\r\n")?,
            ["get" | "GET", key] => write!(stream, ":{}\r\n", counter(key))?,
            ["incr" | "INCR", key] => {
                let value = counter(key) + 1;
                counters.insert(key.to_owned(), value);
                // Without a volume there is nothing to keep it in.
                let _ = fs::write(format!("/data/{key}"), value.to_string());
                write!(stream, ":{value}\r\n")?;
            }
            _ => write!(stream, "-ERR unknown command\r\n")?,
        }
    }
    Ok(())
}

fn redis_words(reader: &mut impl BufRead) -> io::Result<Option<Vec<String>>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let Some(count) = line.strip_prefix('*') else {
        return Ok(Some(line.split_whitespace().map(str::to_owned).collect()));
    };
    let mut words = Vec::new();
    for _ in 0..count.trim().parse().unwrap_or(0) {
        let (mut length, mut word) = (String::new(), String::new());
        reader.read_line(&mut length)?;
        reader.read_line(&mut word)?;
        words.push(word.trim_end().to_owned());
    }
    Ok(Some(words))
}

/// Wants a password as the official image does, counts its starts in its data, and takes connections.
fn postgres() -> io::Result<()> {
    let password = match variable("POSTGRES_PASSWORD_FILE") {
        Some(file) => fs::read_to_string(&file).map_err(|error| io::Error::other(format!("{file}: {error}")))?,
        None => variable("POSTGRES_PASSWORD").ok_or_else(|| io::Error::other("no superuser password is given"))?,
    };
    let data = variable("PGDATA").unwrap_or_else(|| "/var/lib/postgresql/data".into());
    fs::create_dir_all(&data)?;
    let mut starts = fs::OpenOptions::new().create(true).append(true).read(true).open(format!("{data}/starts"))?;
    writeln!(starts, "started")?;
    let mut text = String::new();
    io::Seek::rewind(&mut starts)?;
    starts.read_to_string(&mut text)?;
    let listener = TcpListener::bind("0.0.0.0:5432")?;
    println!("password of {} characters", password.trim_end().len());
    println!("database system is ready to accept connections (start {})", text.lines().count());
    for stream in listener.incoming() {
        drop(stream?);
    }
    Ok(())
}
