//! The engine's own interface, as far as a test needs it to do what nobody is meant to do.

use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
};

use serde_json::Value;

/// A container of the lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// Where the engine is, as `DOCKER_HOST` writes it.
pub(crate) struct EngineApi {
    at: String,
}

impl EngineApi {
    pub(crate) fn at(at: &str) -> Self {
        Self { at: at.to_owned() }
    }

    /// The containers that a process has started.
    pub(crate) fn containers_of(&self, process: u32) -> Vec<Found> {
        // {"label":["dev.provlab.owner"]}
        let labelled = "%7B%22label%22%3A%5B%22dev.provlab.owner%22%5D%7D";
        let listed = self.ask("GET", &format!("/containers/json?all=1&filters={labelled}"));
        let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
        let owner = format!("{process}:");
        listed
            .iter()
            .filter(|one| {
                one["Labels"]["dev.provlab.owner"]
                    .as_str()
                    .unwrap()
                    .starts_with(&owner)
            })
            .map(|one| Found {
                id: one["Id"].as_str().unwrap().to_owned(),
                name: one["Names"][0]
                    .as_str()
                    .unwrap()
                    .trim_start_matches('/')
                    .to_owned(),
            })
            .collect()
    }

    /// Ends every process of a container.
    pub(crate) fn kill(&self, id: &str) {
        self.ask("POST", &format!("/containers/{id}/kill?signal=SIGKILL"));
    }

    /// HTTP/1.0, so that the answer is not chunked.
    fn ask(&self, method: &str, path: &str) -> String {
        let request = format!("{method} {path} HTTP/1.0\r\nHost: engine\r\nContent-Length: 0\r\n\r\n");
        let answer = match self.at.split_once("://").unwrap() {
            ("unix", path) => exchange(UnixStream::connect(path).unwrap(), &request),
            (_, address) => exchange(TcpStream::connect(address).unwrap(), &request),
        };
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap();
        assert!(status.starts_with('2'), "{method} {path}: {answer}");
        body.to_owned()
    }
}

fn exchange(mut stream: impl Read + Write, request: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
