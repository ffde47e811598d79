//! The bad line itself, in front of a server that echoes.

use crate::support::proxy::{Mode, Proxy};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Longer than anything takes here, shorter than anybody waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// Says back what it hears, to any number of connections, one after the other's thread.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut reader = stream.try_clone().unwrap();
                // A reset line ends it with an error, which is as good an end.
                let _ = std::io::copy(&mut reader, &mut stream);
                let _ = stream.shutdown(Shutdown::Write);
            });
        }
    });
    address
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn say(mut stream: &TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).unwrap();
}

fn hear(mut stream: &TcpStream, bytes: usize) -> String {
    let mut heard = vec![0; bytes];
    stream.read_exact(&mut heard).unwrap();
    String::from_utf8(heard).unwrap()
}

/// Nothing arrives for a while. It cannot be proved that nothing would: a line that
/// forwards takes microseconds.
fn hears_nothing(mut stream: &TcpStream) {
    stream
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let error = stream.read(&mut [0; 1]).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{error}"
    );
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
}

#[test]
fn a_good_line_passes_everything_and_counts_it() {
    let proxy = Proxy::start(echo());
    let (one, two) = (connect(&proxy), connect(&proxy));
    say(&one, "hello");
    say(&two, "you");
    assert_eq!(hear(&one, 5), "hello");
    assert_eq!(hear(&two, 3), "you");
    one.shutdown(Shutdown::Write).unwrap();
    assert_eq!((&one).read(&mut [0; 1]).unwrap(), 0, "the end passes, too");
    let traffic = proxy.traffic();
    assert_eq!(
        (traffic.connections, traffic.bytes_up, traffic.bytes_down),
        (2, 8, 8)
    );
}

#[test]
fn a_slow_line_is_late_both_ways() {
    let proxy = Proxy::start(echo());
    let stream = connect(&proxy);
    let pause = Duration::from_millis(50);
    proxy.set(Mode::Delay(pause));
    let started = std::time::Instant::now();
    say(&stream, "hello");
    assert_eq!(hear(&stream, 5), "hello");
    assert!(started.elapsed() >= 2 * pause);
}

#[test]
fn a_black_hole_swallows_until_it_heals() {
    let proxy = Proxy::start(echo());
    let old = connect(&proxy);
    say(&old, "before");
    assert_eq!(hear(&old, 6), "before");
    proxy.set(Mode::BlackHole);
    let new = connect(&proxy);
    say(&old, "old");
    say(&new, "new");
    hears_nothing(&old);
    hears_nothing(&new);
    assert_eq!(proxy.traffic().bytes_up, 6);
    proxy.set(Mode::Pass);
    assert_eq!(hear(&old, 3), "old");
    assert_eq!(hear(&new, 3), "new");
}

#[test]
fn a_broken_line_resets_and_refuses_until_it_heals() {
    let proxy = Proxy::start(echo());
    let stream = connect(&proxy);
    say(&stream, "hello");
    assert_eq!(hear(&stream, 5), "hello");
    proxy.set(Mode::Reset);
    let error = (&stream).read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    crate::support::redis::until("the port refuses", || {
        TcpStream::connect(proxy.address())
            .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    });
    proxy.set(Mode::Pass);
    crate::support::redis::until("the port accepts", || {
        TcpStream::connect(proxy.address()).is_ok()
    });
    let stream = connect(&proxy);
    say(&stream, "again");
    assert_eq!(hear(&stream, 5), "again");
}

#[test]
fn a_half_closed_line_ends_one_way_only() {
    let proxy = Proxy::start(echo());
    let stream = connect(&proxy);
    say(&stream, "hello");
    assert_eq!(hear(&stream, 5), "hello");
    proxy.set(Mode::HalfClose);
    assert_eq!((&stream).read(&mut [0; 1]).unwrap(), 0);
    say(&stream, "more");
    crate::support::redis::until("it went up", || proxy.traffic().bytes_up == 9);
    assert_eq!(proxy.traffic().bytes_down, 5);
}

#[test]
fn a_dripping_line_brings_a_byte_at_a_time() {
    let proxy = Proxy::start(echo());
    let mut stream = connect(&proxy);
    proxy.set(Mode::Drip(Duration::from_millis(5)));
    say(&stream, "hello");
    let mut heard = Vec::new();
    let mut buffer = [0; 64];
    while heard.len() < 5 {
        let read = stream.read(&mut buffer).unwrap();
        assert_eq!(read, 1);
        heard.extend_from_slice(&buffer[..read]);
    }
    assert_eq!(heard, b"hello");
}

#[test]
fn a_line_to_nobody_resets() {
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let proxy = Proxy::start(nobody);
    let error = connect(&proxy).read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}
