//! Ids that grow, keys that tell tasks apart, and who counts as overloaded.

use super::*;

#[test]
fn ids_grow_whatever_the_clock_does() {
    let mut ids = IdSequence::after(None);
    let times = [1000, 1000, 900, 1001, 5000];
    let made: Vec<_> = times.map(|now| ids.next(now, u64::MAX)).into();
    assert!(made.is_sorted());
    assert!(
        made.windows(2)
            .all(|two| two[0].sequence() < two[1].sequence())
    );
    assert_eq!(made[4].accepted_ms(), 5000);
    assert_eq!(made[0].0.get_version_num(), 7);
    assert_eq!(made[0].0.get_variant(), uuid::Variant::RFC4122);
    let continued = IdSequence::after(Some(made[4])).next(10, 0);
    assert!(continued > made[4]);
    assert!(CallbackId::first_at(5000) < made[4]);
    assert!(CallbackId::first_at(5001) > made[4]);
}

#[test]
fn a_full_millisecond_borrows_from_the_next() {
    let mut ids = IdSequence::after(None);
    let made: std::collections::BTreeSet<_> =
        (0..10_000).map(|_| ids.next(7, 0).sequence()).collect();
    assert_eq!(made.len(), 10_000);
}

#[test]
fn a_task_key_depends_on_team_and_task() {
    assert_eq!(TaskKey::of("a", "b"), TaskKey::of("a", "b"));
    assert_ne!(TaskKey::of("a", "bc"), TaskKey::of("ab", "c"));
}

#[test]
fn only_slow_or_unreachable_receivers_are_overloaded() {
    let check = |outcome: Outcome, expected| assert_eq!(outcome.health(), expected);
    for status in 100..=599 {
        let expected = match status {
            200..=299 => Health::Well,
            429 | 502 | 503 | 504 => Health::Overloaded,
            _ => Health::Refusing,
        };
        let outcome = Outcome::Answered {
            status,
            retry_after: None,
            location: None,
        };
        check(outcome, expected);
    }
    for phase in [Phase::Dns, Phase::Connect, Phase::Tls, Phase::Answer] {
        check(Outcome::Failed(Fault::Timeout(phase)), Health::Overloaded);
    }
    let mailed = |reply, expected| check(Outcome::Mailed(reply), expected);
    mailed(MailReply::Taken, Health::Well);
    mailed(MailReply::Refused(550), Health::Refusing);
    mailed(MailReply::PutOff(451), Health::Overloaded);
    mailed(MailReply::Away, Health::Overloaded);
    check(Outcome::Failed(Fault::ConnectRefused), Health::Overloaded);
    check(Outcome::Failed(Fault::ConnectFailed), Health::Overloaded);
    check(Outcome::Failed(Fault::AddressRefused), Health::Refusing);
    check(Outcome::Failed(Fault::TlsExpired), Health::Refusing);
    check(Outcome::Failed(Fault::Cut), Health::Refusing);
}
