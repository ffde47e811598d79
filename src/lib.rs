//! Ringback: the callback gateway that brings annotation results to customers.
//!
//! In reading order; a module uses only those above it:
//! - [`callback`]: the pure decisions. What a callback is, where it goes, how it is
//!   signed, what an answer means. [`access`]: who may do what. [`hex`], [`time`]: how
//!   bytes and times are written. [`money`]: amounts, prices, what documents say.
//! - [`checksum`], [`clock`], [`config`], [`folder`], [`gather`], [`metrics`],
//!   [`passwords`], [`telemetry`], [`shutdown`], [`vault`]: the ground.
//! - [`cloud`]: buckets at Amazon, Google and Azure.
//! - [`queue`]: what is due next. [`journal`]: the truth about callbacks.
//!   [`records`]: teams, people, keys, work. [`blobs`]: the bytes of files.
//! - [`app`]: all of it opened. [`migration`]: all of it into another store.
//! - [`integrations`]: customers' buckets. [`mail`]: letters on their way. [`work`]: projects,
//!   tasks, batches. [`billing`]: what customers owe.
//! - [`intake`] accepts, [`delivery`] delivers, [`dead_letters`] and [`resend`] revive,
//!   [`explain`] tells. [`people`]: who joins, comes in, changes roles.
//! - [`teams`]: what a team decides about its deliveries. [`files`]: customers' files.
//! - [`api`]: the routes. [`dashboard`]: the pages. [`cli`]: the commands.

pub mod access;
pub mod callback;
pub mod hex;

pub mod money;
pub mod time;

pub mod checksum;
pub mod clock;
pub mod config;
pub mod folder;
pub mod gather;
pub mod metrics;
pub mod passwords;
pub mod shutdown;
pub mod telemetry;
pub mod vault;

pub mod cloud;

pub mod blobs;
pub mod journal;
pub mod queue;
pub mod records;

pub mod app;
pub mod migration;

pub mod billing;
pub mod integrations;
pub mod mail;
pub mod work;

pub mod cancel;
pub mod dead_letters;
pub mod delivery;
pub mod explain;
pub mod intake;
pub mod people;
pub mod resend;
pub mod status;

pub mod files;
pub mod teams;

pub mod api;
pub mod dashboard;

pub mod cli;
