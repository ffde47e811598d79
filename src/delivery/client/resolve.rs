//! Names to addresses, behind a trait so that a test can be a hostile name server.

use async_trait::async_trait;
use std::io;
use std::net::SocketAddr;

/// Looks names up. Asked at most once per attempt; what it says is not trusted.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// Every address of `host`, best first.
    ///
    /// # Errors
    /// The name does not exist or no name server answered.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}
