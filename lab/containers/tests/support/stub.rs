//! An engine that answers from a table: for what a real one cannot be made to do.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What a request begins with (method and path, without the API's version), and the status and body of its answer.
pub(crate) type Answer = (&'static str, u16, &'static [u8]);

/// What a healthy engine says, as far as a start asks it; earlier answers of a test go first.
const HEALTHY: [Answer; 8] = [
    ("GET /version", 200, br#"{"Version":"99.0","ApiVersion":"1.41"}"#),
    ("GET /images/", 200, b"{}"),
    ("POST /containers/create", 201, br#"{"Id":"stub","Warnings":[]}"#),
    ("PUT /containers/stub/archive", 200, b""),
    ("POST /containers/stub/start", 204, b""),
    ("GET /containers/stub/json", 200, br#"{"State":{"Running":true}}"#),
    ("GET /containers/stub/logs", 200, b""),
    ("DELETE /containers/", 204, b""),
];

/// A running stub; it ends with the test's process.
pub(crate) struct Stub {
    pub(crate) docker_host: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    pub(crate) fn with(answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let docker_host = format!("tcp://{}", listener.local_addr().unwrap());
        let table: Vec<Answer> = answers.iter().chain(&HEALTHY).copied().collect();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (table, log) = (table.clone(), Arc::clone(&log));
                // A client that hangs up early is the client's affair.
                std::thread::spawn(move || serve(&stream, &table, &log).ok());
            }
        });
        Self { docker_host, seen }
    }

    /// How many requests began with `request`.
    pub(crate) fn count(&self, request: &str) -> usize {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .filter(|seen| seen.starts_with(request))
            .count()
    }
}

fn serve(stream: &TcpStream, table: &[Answer], log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    // A probe connects, and says nothing.
    if reader.read_line(&mut first)? == 0 {
        return Ok(());
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    reader.take(length).read_to_end(&mut Vec::new())?;
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    // `/v1.41/version` is `/version`.
    let path = match path.trim_start_matches('/').split_once('/') {
        Some((version, rest)) if version.starts_with("v1.") => format!("/{rest}"),
        _ => path.to_owned(),
    };
    let request = format!("{method} {path}");
    let known = table.iter().find(|(begins, ..)| request.starts_with(begins));
    let (status, body) = known.map_or(
        (404, &b"{\"message\":\"the stub knows no such thing\"}"[..]),
        |a| (a.1, a.2),
    );
    log.lock().unwrap().push(request);
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\n"
    )?;
    if status != 204 {
        write!(stream, "Content-Length: {}\r\n", body.len())?;
    }
    stream.write_all(b"\r\n")?;
    stream.write_all(body)
}
