//! An operator who has nothing but a gateway's URL and a key.

use super::text;
use crate::support::process::{Gateway, Home, ringback};
use serde_json::Value;
use std::process::Output;

/// A gateway and an operator elsewhere: no configuration file, only URL and key.
pub(super) struct Elsewhere {
    pub(super) home: Home,
    pub(super) gateway: Gateway,
}

impl Elsewhere {
    pub(super) fn start(settings: &str) -> Self {
        let home = Home::make(settings);
        let gateway = home.serve();
        Self { home, gateway }
    }

    pub(super) fn output(&self, arguments: &[&str]) -> Output {
        ringback(arguments)
            .env("RINGBACK_URL", &self.gateway.api)
            .env("RINGBACK_KEY", &self.home.key)
            .output()
            .unwrap()
    }

    pub(super) fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        text(&output.stdout)
    }

    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        let told = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&told).unwrap()
    }

    pub(super) fn refused(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(!output.status.success(), "{arguments:?}: {output:?}");
        text(&output.stderr)
    }

    /// Until the callback is in this state.
    pub(super) fn until(&self, id: &str, state: &str) {
        while self.json(&["callbacks", "show", id])["state"] != state {
            std::thread::yield_now();
        }
    }

    pub(super) async fn hand_in(&self, event: &str) -> String {
        let ids = self.gateway.hand_in(&[event.to_owned()]).await;
        ids.unwrap().remove(0)
    }
}
