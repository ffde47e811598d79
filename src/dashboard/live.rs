//! Parts of pages that follow what happens, as server-sent events: the server makes the
//! HTML anew every second and sends it when it has changed.

use crate::app::App;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(1);
/// Then the browser connects anew, and whoever has been signed out meanwhile is refused.
const TURNS: u32 = 60;

/// Sends what `part` makes whenever it differs from what was sent last. `None` skips a turn.
pub(super) fn stream<Made>(app: App, part: impl Fn(App) -> Made + Send + Sync + 'static) -> Response
where
    Made: Future<Output = Option<String>> + Send + 'static,
{
    let turns = stream::unfold((part, String::new(), 0), move |(part, last, turn)| {
        let app = app.clone();
        async move {
            let (html, turn) = next(&app, &part, &last, turn).await?;
            let event = Event::default().event("part").data(&html);
            Some((Ok::<_, Infallible>(event), (part, html, turn)))
        }
    });
    Sse::new(turns)
        .keep_alive(KeepAlive::default())
        .into_response()
}

/// The next version that differs, and its turn. `None` when the stream ends.
async fn next<Made>(
    app: &App,
    part: &impl Fn(App) -> Made,
    last: &str,
    mut turn: u32,
) -> Option<(String, u32)>
where
    Made: Future<Output = Option<String>>,
{
    while turn < TURNS {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => turn += 1,
            () = app.shutdown.stopping() => return None,
        }
        match part(app.clone()).await {
            Some(html) if html != last => return Some((html, turn)),
            _ => {}
        }
    }
    None
}
