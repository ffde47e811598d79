//! What operators stand on: metrics, boards, alerts, runbooks, logs, traces.

mod boards; // grafana/dashboards, as files
mod canary; // secrets and payloads are nowhere but in their place
mod faults; // each fault fires its alert in a real Prometheus, and clears it
mod logs; // one line an attempt; what is logged changes while it runs
mod metrics; // what a scrape costs and tells
mod runbooks; // docs/runbooks, as files and commands
mod stage; // a whole installation with its Prometheus
mod traces; // from the producer to the receiver, and to a collector
