// Rust, with axum, tokio (full), serde_json and subtle in Cargo.toml.
// Run: CALLBACK_AUTH=live_auth_... cargo run -- 8000
use axum::{Router, http::HeaderMap, http::StatusCode, routing::post};
use subtle::ConstantTimeEq;

async fn receive(headers: HeaderMap, body: String) -> StatusCode {
    let expected = std::env::var("CALLBACK_AUTH").expect("CALLBACK_AUTH is set");
    let sent = headers.get("scale-callback-auth");
    let sent = sent.map_or(&b""[..], |value| value.as_bytes());
    if !bool::from(sent.ct_eq(expected.as_bytes())) {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(result) = serde_json::from_str::<serde_json::Value>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    println!("{} {}", result["task_id"], result["status"]);
    StatusCode::OK
}

#[tokio::main]
async fn main() {
    let port = std::env::args().nth(1).expect("name a port");
    let address = format!("127.0.0.1:{port}");
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let routes = Router::new().route("/", post(receive));
    axum::serve(listener, routes).await.unwrap();
}
