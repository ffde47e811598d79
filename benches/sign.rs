//! What each attempt pays before it reaches the network: choosing the target and signing.

use criterion::BenchmarkId;
use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use ringback::callback::signature;
use ringback::callback::signature::Secret;
use ringback::callback::target;
use ringback::callback::target::Candidates;
use std::hint::black_box;

fn sign(criterion: &mut Criterion) {
    let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a legal secret");
    let secrets = [secret.clone(), secret];
    let mut group = criterion.benchmark_group("sign");
    for bytes in [150_usize, 1_500, 15_000] {
        let body = vec![b'x'; bytes];
        group.throughput(Throughput::Bytes(bytes as u64));
        for count in [1, 2] {
            let id = BenchmarkId::new(format!("{count}_secrets"), bytes);
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    signature::sign(
                        black_box("0198c2f0-6f3a-7c11-9d2e-4b1f5a6c7d8e"),
                        1_700_000_000,
                        black_box(&body),
                        &secrets[..count],
                    )
                });
            });
        }
    }
    group.finish();
}

fn resolve(criterion: &mut Criterion) {
    let candidates = Candidates {
        task: None,
        project: Some(""),
        team_default: Some("https://hooks.example.com/annotations"),
    };
    criterion.bench_function("resolve_team_default", |bencher| {
        bencher.iter(|| target::resolve(black_box(candidates)));
    });
}

criterion_group!(benches, sign, resolve);
criterion_main!(benches);
