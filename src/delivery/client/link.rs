//! One open connection to a receiver. Nothing works on it but who uses it: the attempt that
//! waits for an answer reads and writes by itself, so no other task need be woken for it.

use crate::delivery::client::stream::Stream;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::timeout;

/// How long a receiver may take to hear that we hang up.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection, between requests or in the middle of one.
pub(super) struct Link {
    requests: http1::SendRequest<Full<Bytes>>,
    /// Boxed: it is large, and goes from hand to hand.
    connection: Box<http1::Connection<Stream, Full<Bytes>>>,
    /// It has ended, and must not be polled any more.
    has_ended: bool,
    /// Who is at the other end.
    pub(super) remote: SocketAddr,
}

impl Link {
    /// Makes a link of a connection just opened. `head_bytes_max` bounds the head of an answer.
    pub(super) async fn new(
        (stream, remote): (Stream, SocketAddr),
        head_bytes_max: usize,
    ) -> hyper::Result<Self> {
        // Not set: `max_headers`. hyper's own limit is 100 already, and naming it moves every
        // head's parsing from the stack to the heap.
        let (requests, connection) = http1::Builder::new()
            .max_buf_size(head_bytes_max)
            .handshake(stream)
            .await?;
        Ok(Self {
            requests,
            connection: Box::new(connection),
            has_ended: false,
            remote,
        })
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        &mut self,
        request: Box<Request<Full<Bytes>>>,
    ) -> hyper::Result<Response<Incoming>> {
        let answer = pin!(self.requests.send_request(*request));
        self.meanwhile(answer).await
    }

    /// The next part of the body of this link's answer; none at its end.
    pub(super) async fn frame(
        &mut self,
        body: &mut Incoming,
    ) -> Option<hyper::Result<Frame<Bytes>>> {
        let frame = pin!(body.frame());
        self.meanwhile(frame).await
    }

    /// Whether it can take another request at once: it lives, and the last answer is read.
    pub(super) fn is_ready(&mut self) -> bool {
        // Nobody is to be woken: whoever takes it next looks for themselves.
        self.work(&mut Context::from_waker(Waker::noop()));
        !self.has_ended && self.requests.is_ready()
    }

    /// Hangs up as the protocol wants it: TLS says farewell.
    pub(super) async fn close(self) {
        drop(self.requests);
        if !self.has_ended {
            // A receiver that does not listen is hung up on all the same.
            let _ = timeout(FAREWELL, self.connection).await;
        }
    }

    /// Works on the connection until `step` is done.
    async fn meanwhile<T>(&mut self, mut step: Pin<&mut impl Future<Output = T>>) -> T {
        std::future::poll_fn(|cx| {
            if let done @ Poll::Ready(_) = step.as_mut().poll(cx) {
                return done;
            }
            self.work(cx);
            step.as_mut().poll(cx)
        })
        .await
    }

    /// Reads and writes as far as it goes. An error reaches who waits for the answer.
    fn work(&mut self, cx: &mut Context<'_>) {
        if !self.has_ended {
            self.has_ended = Pin::new(&mut *self.connection).poll(cx).is_ready();
        }
    }
}
