//! The guides for integrators, run as they stand: every block of Python, and what the
//! quickstart says it prints and the receiver gets.

use crate::sdk::teams;
use crate::support::process::Home;
use crate::support::python::python;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What a guide holds between two fences.
struct Block {
    /// Such as `python`.
    kind: String,
    /// Such as `first.py`.
    name: String,
    text: String,
}

fn blocks(guide: &str) -> Vec<Block> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(guide);
    let text = std::fs::read_to_string(path).unwrap();
    let fenced = text.split("```").skip(1).step_by(2);
    fenced
        .map(|block| {
            let (head, text) = block.split_once('\n').unwrap();
            let (kind, name) = head.split_once(' ').unwrap_or((head, ""));
            Block {
                kind: kind.to_owned(),
                name: name.to_owned(),
                text: text.to_owned(),
            }
        })
        .collect()
}

/// Runs Python text with the keys that the guides ask for.
fn program(text: &str, known: &Value) -> Command {
    let mut command = python("python");
    command.args(["-c", text]).env("PYTHONUNBUFFERED", "1");
    for (variable, key) in [
        ("RINGBACK_TEST_KEY", "test"),
        ("RINGBACK_LIVE_KEY", "live"),
        ("RINGBACK_TEST_AUTH", "test_auth"),
        ("RINGBACK_LIVE_AUTH", "live_auth"),
        ("RINGBACK_PRODUCER_KEY", "producer"),
    ] {
        command.env(variable, known[key].as_str().unwrap());
    }
    command
}

fn output(text: &str, known: &Value) -> String {
    let ran = program(text, known).output().unwrap();
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{text}\n{errors}");
    String::from_utf8(ran.stdout).unwrap()
}

/// A program that runs on, killed when the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn the_quickstart_does_what_it_says() {
    let home = Home::make("");
    let known = teams(&home).await;
    let gateway = home.serve();
    let receiver_address = format!("127.0.0.1:{}", free_port());
    let port = receiver_address.rsplit(':').next().unwrap();
    let here = |text: &str| {
        text.replace("http://127.0.0.1:8080", &gateway.api)
            .replace(
                "http://127.0.0.1:9000",
                &format!("http://{receiver_address}"),
            )
            .replace("(\"127.0.0.1\", 9000)", &format!("(\"127.0.0.1\", {port})"))
    };
    let (mut receiver, mut printed) = (None, String::new());
    let mut checked = 0;
    for block in blocks("quickstart-python.md") {
        match (block.kind.as_str(), block.name.as_str()) {
            ("python", "receiver.py") => receiver = Some(listen(&here(&block.text), &known)),
            ("python", _) => printed = output(&here(&block.text), &known),
            ("text", _) => assert_eq!(printed, block.text),
            ("received", _) => {
                let (_, lines) = receiver.as_mut().unwrap();
                let mut line = String::new();
                lines.read_line(&mut line).unwrap();
                assert_eq!(line, block.text);
                checked += 1;
            }
            _ => {}
        }
    }
    assert_eq!(checked, 3);
}

/// The receiver, once it takes connections.
fn listen(text: &str, known: &Value) -> (Running, BufReader<std::process::ChildStdout>) {
    let code: Vec<_> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    assert!(code.len() <= 15, "the receiver has {} lines", code.len());
    // It says when it listens: the guide's own text need not.
    let text = text.replace(
        ".serve_forever()",
        "\nprint('listens', flush=True)\nserver.serve_forever()",
    );
    let text = text.replace(
        "\nhttp.server.HTTPServer",
        "\nserver = http.server.HTTPServer",
    );
    let mut child = program(&text, known)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    lines.read_line(&mut first).unwrap();
    assert_eq!(first, "listens\n");
    (Running(child), lines)
}

#[tokio::test]
async fn every_example_of_the_differences_holds() {
    let home = Home::make("");
    let known = teams(&home).await;
    let gateway = home.serve();
    let mut prelude = String::new();
    let mut ran = 0;
    for block in blocks("api.md")
        .iter()
        .filter(|block| block.kind == "python")
    {
        let text = block.text.replace("http://127.0.0.1:8080", &gateway.api);
        if block.name == "prelude" {
            prelude = text;
        } else {
            output(&format!("{prelude}\n{text}"), &known);
            ran += 1;
        }
    }
    assert_eq!(ran, 5);
}
