//! People, what they may change about their team, and the mail that reaches them.

mod command; // the operator's commands
mod invitations; // asked, mailed, accepted
mod keys; // API keys and callback auth keys, and their rotation under way
mod limits; // how many of each there may be
mod mail; // letters to a real SMTP server
mod public; // the people part of the public API
mod records; // the rules the tables keep, on both databases
mod sign_in; // passwords, sessions, limits, links
mod team; // settings, pause, samples
