//! One metric for each label of a fixed list, made at the start: counting is an access to
//! an array, and a label that was never counted reads 0 instead of being absent.

pub use prometheus::IntGauge;
use prometheus::core::Collector;
use prometheus::{
    Counter, CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter,
    IntCounterVec, IntGaugeVec, Opts, Registry,
};
use std::marker::PhantomData;

/// A label with a fixed list of values.
pub trait Label: Copy + 'static {
    /// How it is called.
    const NAME: &'static str;
    /// Its values.
    const ALL: &'static [Self];

    /// As it is shown.
    fn text(self) -> &'static str;

    /// Its place in [`Label::ALL`].
    fn place(self) -> usize;
}

/// One metric for each label.
#[derive(Debug, Clone)]
pub struct Family<L, M> {
    each: Vec<M>,
    label: PhantomData<fn(L)>,
}

impl<L: Label, M> Family<L, M> {
    fn new(each: impl Fn(&'static str) -> M) -> Self {
        Self {
            each: L::ALL.iter().map(|label| each(label.text())).collect(),
            label: PhantomData,
        }
    }

    /// That of this label.
    pub fn of(&self, label: L) -> &M {
        &self.each[label.place()]
    }
}

/// A metric that can be declared: registered under its name, at zero.
pub(super) trait Declare {
    fn declare(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> Self;
}

fn register<M: Collector + Clone + 'static>(registry: &Registry, metric: &M) {
    let registered = registry.register(Box::new(metric.clone()));
    registered.expect("each metric is declared once");
}

const LEGAL: &str = "a legal declaration";

macro_rules! declare {
    ($($kind:ident, $by_label:ident;)*) => {$(
        impl Declare for $kind {
            fn declare(registry: &Registry, name: &str, help: &str, _: &[f64]) -> Self {
                let metric = Self::new(name, help).expect(LEGAL);
                register(registry, &metric);
                metric
            }
        }

        impl<L: Label> Declare for Family<L, $kind> {
            fn declare(registry: &Registry, name: &str, help: &str, _: &[f64]) -> Self {
                let all = $by_label::new(Opts::new(name, help), &[L::NAME]).expect(LEGAL);
                register(registry, &all);
                Self::new(|label| all.with_label_values(&[label]))
            }
        }
    )*};
}

declare! {
    IntCounter, IntCounterVec;
    IntGauge, IntGaugeVec;
    Gauge, GaugeVec;
    Counter, CounterVec;
}

impl Declare for Histogram {
    fn declare(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> Self {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let metric = Self::with_opts(options).expect(LEGAL);
        register(registry, &metric);
        metric
    }
}

impl<L: Label> Declare for Family<L, Histogram> {
    fn declare(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> Self {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let all = HistogramVec::new(options, &[L::NAME]).expect(LEGAL);
        register(registry, &all);
        Self::new(|label| all.with_label_values(&[label]))
    }
}

/// Requests by route and class of status. Routes are those of the table, found when one is
/// called: a request is no delivery, so the look-up is affordable.
#[derive(Debug, Clone)]
pub struct ByRoute(IntCounterVec);

impl ByRoute {
    /// That of this route and class.
    #[must_use]
    pub fn of(&self, route: &str, class: &str) -> IntCounter {
        self.0.with_label_values(&[route, class])
    }
}

impl Declare for ByRoute {
    fn declare(registry: &Registry, name: &str, help: &str, _: &[f64]) -> Self {
        let all = IntCounterVec::new(Opts::new(name, help), &["route", "class"]).expect(LEGAL);
        register(registry, &all);
        Self(all)
    }
}

/// A gauge a team, for as many teams as the operator wants to see.
#[derive(Debug, Clone)]
pub struct ByTeam(IntGaugeVec);

impl ByTeam {
    /// That of this team.
    #[must_use]
    pub fn of(&self, team: &str) -> IntGauge {
        self.0.with_label_values(&[team])
    }

    /// No team is named any more.
    pub fn reset(&self) {
        self.0.reset();
    }
}

impl Declare for ByTeam {
    fn declare(registry: &Registry, name: &str, help: &str, _: &[f64]) -> Self {
        let all = IntGaugeVec::new(Opts::new(name, help), &["team"]).expect(LEGAL);
        register(registry, &all);
        Self(all)
    }
}

/// What runs, as labels of a gauge that is always 1.
#[derive(Debug, Clone)]
pub struct BuildInfo(IntGaugeVec);

impl BuildInfo {
    /// The role of this process, and whether it is `embedded` or one of several (`distributed`).
    pub fn say(&self, role: &str, mode: &str) {
        self.0.reset();
        let version = env!("CARGO_PKG_VERSION");
        self.0.with_label_values(&[version, role, mode]).set(1);
    }
}

impl Declare for BuildInfo {
    fn declare(registry: &Registry, name: &str, help: &str, _: &[f64]) -> Self {
        let labels = &["version", "role", "mode"];
        let all = IntGaugeVec::new(Opts::new(name, help), labels).expect(LEGAL);
        register(registry, &all);
        Self(all)
    }
}
