//! A body that must go on coming: a pause longer than allowed ends it.

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use object_store::client::{HttpError, HttpErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// An answer's body with a limit on its pauses.
#[derive(Debug)]
pub(super) struct Paced {
    body: Incoming,
    pause_max: Duration,
    patience: Pin<Box<Sleep>>,
}

impl Paced {
    pub(super) fn new(body: Incoming, pause_max: Duration) -> Self {
        Self {
            body,
            pause_max,
            patience: Box::pin(sleep(pause_max)),
        }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            let until = Instant::now() + self.pause_max;
            self.patience.as_mut().reset(until);
            let cut = |error| HttpError::new(HttpErrorKind::Interrupted, error);
            return Poll::Ready(frame.map(|frame| frame.map_err(cut)));
        }
        ready!(self.patience.as_mut().poll(context));
        let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
        Poll::Ready(Some(Err(HttpError::new(HttpErrorKind::Timeout, late))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
