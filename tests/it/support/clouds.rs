//! Clouds on loopback: real servers of third parties, started by whoever needs one and ended
//! when it is dropped.

use super::authority::Authority;
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use tokio::net::TcpListener;

/// A program in Python that does what lines of JSON tell it, and answers each with one. Ends
/// when it is dropped.
struct Program {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(script: &str, arguments: &[&Path]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/clouds/bin/python");
        assert!(
            python.exists(),
            "{} is missing: run scripts/test, which fetches the clouds' servers from PyPI",
            python.display()
        );
        let mut child = Command::new(python)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(root.join("tests/clouds").join(script))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take().unwrap(),
            lines: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
        }
    }

    fn says(&mut self) -> Value {
        let line = self.lines.next().expect("it runs").unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.input, "{question}").unwrap();
        self.says()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// S3, STS and IAM: moto. Everybody's account is [`ACCOUNT`].
pub(crate) struct Moto {
    program: Program,
    port: u64,
}

pub(crate) const ACCOUNT: &str = "123456789012";

/// A user with an access key.
pub(crate) struct User {
    pub(crate) arn: String,
    pub(crate) key_id: String,
    pub(crate) secret: String,
}

impl Moto {
    pub(crate) fn start() -> Self {
        let mut program = Program::start("aws.py", &[]);
        let port = program.says()["port"].as_u64().unwrap();
        Self { program, port }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A call of Amazon's own client.
    #[expect(clippy::needless_pass_by_value, reason = "made where it is called")]
    pub(crate) fn call(&mut self, service: &str, method: &str, arguments: Value) -> Value {
        self.program.ask(&json!([service, method, arguments]))
    }

    /// Whether a role that was taken has signed this URL.
    pub(crate) fn is_signed(&mut self, url: &str) -> bool {
        let judged = self.call("signature", "judge", json!({"url": url}));
        judged.as_bool().unwrap()
    }

    pub(crate) fn make_bucket(&mut self, name: &str) {
        self.call("s3", "create_bucket", json!({"Bucket": name}));
    }

    pub(crate) fn put(&mut self, bucket: &str, key: &str, text: &str) {
        let object = json!({"Bucket": bucket, "Key": key, "Body": text});
        self.call("s3", "put_object", object);
    }

    /// An object's bytes.
    pub(crate) fn get(&mut self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let object = json!({"Bucket": bucket, "Key": key});
        let answer = self.call("s3", "get_object", object);
        let body = answer["Body"].as_str()?;
        Some(STANDARD.decode(body).unwrap())
    }

    /// The names of all objects in a bucket.
    pub(crate) fn keys(&mut self, bucket: &str) -> Vec<String> {
        let answer = self.call("s3", "list_objects_v2", json!({"Bucket": bucket}));
        let objects = answer["Contents"].as_array().cloned().unwrap_or_default();
        let key = |it: &Value| it["Key"].as_str().unwrap().to_owned();
        objects.iter().map(key).collect()
    }

    /// A user who may do this, as IAM has it.
    pub(crate) fn user_who_may(&mut self, action: &str) -> User {
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": action, "Resource": "*"}]});
        let user = format!("u{}", rand::random::<u32>());
        let made = self.call("iam", "create_user", json!({"UserName": user}));
        let policy = policy.to_string();
        let put = json!({"UserName": user, "PolicyName": "p", "PolicyDocument": policy});
        self.call("iam", "put_user_policy", put);
        let key = self.call("iam", "create_access_key", json!({"UserName": user}));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        User {
            arn: text(&made["User"]["Arn"]),
            key_id: text(&key["AccessKey"]["AccessKeyId"]),
            secret: text(&key["AccessKey"]["SecretAccessKey"]),
        }
    }

    /// From now on, signatures and policies are checked.
    pub(crate) async fn is_strict(&self, strict: bool) {
        let free = if strict { "0" } else { "1000000000" };
        let url = format!("{}/moto-api/reset-auth", self.url());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.post(url).body(free).send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }
}

/// Google Cloud Storage with IAM Credentials; `tests/clouds/gcp.py` says what of it is ours.
pub(crate) struct Google {
    program: Program,
    port: u64,
    /// The key of the operator's service account.
    pub(crate) key_file: String,
}

impl Google {
    pub(crate) fn start() -> Self {
        let mut program = Program::start("gcp.py", &[]);
        let first = program.says();
        Self {
            program,
            port: first["port"].as_u64().unwrap(),
            key_file: first["key_file"].as_str().unwrap().to_owned(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A command of `tests/clouds/gcp.py`.
    pub(crate) fn does(&mut self, command: &[&str]) -> Value {
        self.program.ask(&json!(command))
    }
}

/// Azure Blob Storage: Azurite, which asks for tokens and so speaks HTTPS alone.
pub(crate) struct Azurite {
    server: Child,
    client: Program,
    url: String,
    authority: Authority,
    _folder: tempfile::TempDir,
}

/// The storage account there.
pub(crate) const STORAGE_ACCOUNT: &str = "kites1";

impl Azurite {
    pub(crate) fn start() -> Self {
        let main = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("target/azurite/node_modules/azurite/dist/src/blob/main.js");
        assert!(
            main.exists(),
            "Azurite is missing: run scripts/test, which fetches it from npm into target/azurite"
        );
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        let key = STANDARD.encode([7; 32]);
        let mut server = Command::new("node")
            .arg(main)
            .args(["--blobHost", "127.0.0.1", "--blobPort", "0"])
            .args(["--oauth", "basic", "--inMemoryPersistence"])
            .args(["--skipApiVersionCheck", "--disableTelemetry"])
            .arg("--cert")
            .arg(authority.server_file())
            .arg("--key")
            .arg(authority.server_key_file())
            .current_dir(&folder)
            .env("AZURITE_ACCOUNTS", format!("{STORAGE_ACCOUNT}:{key}"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is missing: run scripts/test, which installs it");
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let url = loop {
            let line = lines.next().expect("it says its port").unwrap();
            if let Some((_, url)) = line.split_once("listens on ") {
                break url.to_owned();
            }
        };
        // Read on, or the pipe fills up.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self {
            client: Program::start("https.py", &[&authority.file()]),
            server,
            url,
            authority,
            _folder: folder,
        }
    }

    /// Where a storage account is, as the setting has it.
    pub(crate) fn endpoint(&self) -> String {
        format!("{}/{{account}}", self.url)
    }

    /// Whom to trust.
    pub(crate) fn authority_file(&self) -> PathBuf {
        self.authority.file()
    }

    /// A request of somebody else's client: status and body.
    #[expect(clippy::needless_pass_by_value, reason = "made where it is called")]
    pub(crate) fn ask(
        &mut self,
        method: &str,
        url: &str,
        headers: Value,
        body: &str,
    ) -> (u64, String) {
        let answer = self.client.ask(&json!([method, url, headers, body]));
        let text = answer[1].as_str().unwrap().to_owned();
        (answer[0].as_u64().unwrap(), text)
    }

    /// A request of the customer's, who may do everything.
    fn customer(&mut self, method: &str, path: &str, more: (&str, &str), body: &str) {
        let url = format!("{}/{STORAGE_ACCOUNT}/{path}", self.url);
        let bearer = format!("Bearer {}", entra_token());
        let headers =
            json!({"authorization": bearer, "x-ms-version": "2023-11-03", (more.0): more.1});
        let (status, text) = self.ask(method, &url, headers, body);
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {text}"
        );
    }

    /// A container whose metadata holds a team's mark.
    pub(crate) fn make_container(&mut self, name: &str, mark: &str) {
        let path = format!("{name}?restype=container");
        let mark = ("x-ms-meta-ringback_external_id", mark);
        self.customer("PUT", &path, mark, "");
    }

    pub(crate) fn put(&mut self, container: &str, key: &str, text: &str) {
        let path = format!("{container}/{key}");
        self.customer("PUT", &path, ("x-ms-blob-type", "BlockBlob"), text);
    }

    /// An object's text.
    pub(crate) fn get(&mut self, container: &str, key: &str) -> String {
        let url = format!("{}/{STORAGE_ACCOUNT}/{container}/{key}", self.url);
        let bearer = format!("Bearer {}", entra_token());
        let headers = json!({"authorization": bearer, "x-ms-version": "2023-11-03"});
        let (status, text) = self.ask("GET", &url, headers, "");
        assert_eq!(status, 200, "{text}");
        text
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A token as Microsoft's looks; Azurite checks for whom it is and until when.
pub(crate) fn entra_token() -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({
        "aud": "https://storage.azure.com", "iss": "https://sts.windows.net/tenant/",
        "iat": now - 60, "nbf": now - 60, "exp": now + 3600, "oid": "o-1", "tid": "t-1",
    });
    let head = part(json!({"alg": "RS256", "typ": "JWT"}));
    format!("{head}.{}.c2ln", part(claims))
}

/// A request as a small server of a test sees it.
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A small server that answers every request as told, for what no server of a third party
/// does. Returns its URL.
pub(crate) async fn server<F, R>(answer: F) -> String
where
    F: Fn(Asked) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = Arc::clone(&answer);
                async move {
                    let (head, body) = request.into_parts();
                    let asked = Asked {
                        method: head.method.to_string(),
                        path: head.uri.to_string(),
                        headers: head.headers,
                        body: body.collect().await.unwrap().to_bytes(),
                    };
                    Ok::<_, Infallible>(answer(asked).into_response())
                }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move { drop(connection.await) });
        }
    });
    url
}

/// A secret as the file that a setting names.
pub(crate) fn secret_file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// What anybody gets who opens a URL.
pub(crate) async fn fetch(url: &str) -> (u16, Vec<u8>) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(url).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.bytes().await.unwrap().to_vec())
}
