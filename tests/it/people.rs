//! People, what they may change about their team, and the mail that reaches them.

mod records; // the rules the tables keep, on both databases
