//! The rules of the records, on every database: one SQL text, so one suite.

use crate::support::store::configs;
use ringback::callback::Mode;
use ringback::callback::retry::Policy;
use ringback::config::Config;
use ringback::records::lane_limits::LIMITS_MAX;
use ringback::records::teams::TeamUpdate;
use ringback::records::{Records, RecordsError};
use ringback::vault::Vault;

const NOW: u64 = 1_700_000_000_000;

struct Subject {
    name: &'static str,
    config: Config,
    records: Records,
    _folder: tempfile::TempDir,
}

async fn open(config: &Config) -> Records {
    Records::open(config, Vault::new([7; 32])).await.unwrap()
}

async fn subjects() -> Vec<Subject> {
    let mut subjects = Vec::new();
    for (name, config, folder) in configs().await {
        subjects.push(Subject {
            name,
            records: open(&config).await,
            config,
            _folder: folder,
        });
    }
    subjects
}

#[tokio::test]
async fn a_team_is_made_once_and_read_back_with_its_secrets() {
    for it in subjects().await {
        let made = it.records.add_team("a", "Team A", NOW).await.unwrap();
        let read = it.records.team("a").await.unwrap().unwrap();
        assert_eq!(read.name, "Team A", "on {}", it.name);
        assert_eq!(read.live_callback_auth, made.live_callback_auth);
        assert_eq!(read.test_callback_auth, made.test_callback_auth);
        assert_eq!(read.signing_secret, made.signing_secret);
        assert_eq!((read.default_callback_url, read.latest_only), (None, false));
        assert!(read.retry.is_none());
        let again = it.records.add_team("a", "Other", NOW).await;
        assert!(
            matches!(again, Err(RecordsError::Exists(_))),
            "on {}",
            it.name
        );
        assert!(it.records.team("b").await.unwrap().is_none());
        assert!(it.records.team("a\0b").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn settings_change_one_by_one_and_can_be_removed() {
    for it in subjects().await {
        let r = &it.records;
        r.add_team("a", "Team A", NOW).await.unwrap();
        let policy = Policy {
            retries_max: 3,
            first_delay_ms: 1500,
            factor: 1.5,
            jitter: 0.1,
        };
        let update = TeamUpdate {
            default_callback_url: Some(Some("https://a.test/é".to_owned())),
            latest_only: Some(true),
            retry: Some(Some(policy)),
            ..TeamUpdate::default()
        };
        assert!(r.update_team("a", &update).await.unwrap(), "on {}", it.name);
        let team = r.team("a").await.unwrap().unwrap();
        assert_eq!(
            team.default_callback_url.as_deref(),
            Some("https://a.test/é")
        );
        assert!(team.latest_only && team.name == "Team A");
        assert_eq!(team.retry.map(|policy| policy.retries_max), Some(3));
        let update = TeamUpdate {
            name: Some("B".to_owned()),
            default_callback_url: Some(None),
            retry: Some(None),
            ..TeamUpdate::default()
        };
        assert!(r.update_team("a", &update).await.unwrap());
        let team = r.team("a").await.unwrap().unwrap();
        assert_eq!((&*team.name, team.default_callback_url), ("B", None));
        assert!(team.latest_only && team.retry.is_none());
        assert!(!r.update_team("b", &update).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_made_by_many_at_once_is_one_team() {
    for it in subjects().await {
        let other = open(&it.config).await;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..16 {
            let records = if n % 2 == 0 { &it.records } else { &other };
            let records = records.clone();
            tasks.spawn(async move { records.add_team("a", "Team A", NOW).await });
        }
        let mut made = Vec::new();
        for answer in tasks.join_all().await {
            match answer {
                Ok(team) => made.push(team.signing_secret),
                Err(RecordsError::Exists(_)) => {}
                Err(error) => panic!("{error} on {}", it.name),
            }
        }
        let team = it.records.team("a").await.unwrap().unwrap();
        assert_eq!(made, [team.signing_secret], "on {}", it.name);
    }
}

#[tokio::test]
async fn producers_and_keys_are_found_by_what_they_are() {
    for it in subjects().await {
        let r = &it.records;
        let key = r.add_producer("eu", NOW).await.unwrap();
        assert_eq!(r.producer_of(&key).await.unwrap().as_deref(), Some("eu"));
        assert_eq!(r.producer_of("rb_producer_x").await.unwrap(), None);
        let again = r.add_producer("eu", NOW).await;
        assert!(
            matches!(again, Err(RecordsError::Exists(_))),
            "on {}",
            it.name
        );
        let last_four = key[key.len() - 4..].to_owned();
        assert_eq!(r.producers().await.unwrap(), [("eu".to_owned(), last_four)]);
        assert!(r.remove_producer("eu").await.unwrap());
        assert!(!r.remove_producer("eu").await.unwrap());
        assert_eq!(r.producer_of(&key).await.unwrap(), None);
        let live = r.add_api_key("a", Mode::Live, NOW).await.unwrap();
        let test = r.add_api_key("a", Mode::Test, NOW + 1).await.unwrap();
        let keys = r.api_keys("a").await.unwrap();
        assert_eq!(keys, [(Mode::Live, live), (Mode::Test, test)]);
        assert!(r.api_keys("b").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn projects_and_pauses_are_set_and_ended() {
    for it in subjects().await {
        let r = &it.records;
        r.set_project_url("a", "kites", Some("https://a.test/1"))
            .await
            .unwrap();
        r.set_project_url("a", "kites", Some("https://a.test/2"))
            .await
            .unwrap();
        r.set_project_url("a", "boats", None).await.unwrap();
        for mode in [Mode::Live, Mode::Test] {
            let urls = r.project_urls("a", mode).await.unwrap();
            let expected = [("kites".to_owned(), "https://a.test/2".to_owned())];
            assert_eq!(urls, expected, "on {}", it.name);
        }
        r.set_project_url("a", "kites", None).await.unwrap();
        assert!(r.project_urls("a", Mode::Live).await.unwrap().is_empty());
        r.pause_endpoint("a", "https://a.test/1", NOW)
            .await
            .unwrap();
        r.pause_endpoint("a", "https://a.test/1", NOW + 1)
            .await
            .unwrap();
        assert_eq!(r.paused_endpoints("a").await.unwrap(), ["https://a.test/1"]);
        assert!(r.resume_endpoint("a", "https://a.test/1").await.unwrap());
        assert!(!r.resume_endpoint("a", "https://a.test/1").await.unwrap());
        assert!(!r.resume_endpoint("a", "https://a.test/\0").await.unwrap());
    }
}

#[tokio::test]
async fn limits_of_lanes_are_set_changed_and_taken_away_and_are_not_many() {
    for it in subjects().await {
        let r = &it.records;
        let lane = ("a", "https://a.test");
        assert!(r.set_lane_limit(lane, None).await.unwrap());
        for most in [4, 2] {
            assert!(r.set_lane_limit(lane, Some(most)).await.unwrap());
        }
        let kept = [("a".to_owned(), "https://a.test".to_owned(), 2)];
        assert_eq!(r.lane_limits().await.unwrap(), kept, "on {}", it.name);
        for n in 1..LIMITS_MAX {
            let origin = format!("https://{n}.test");
            assert!(r.set_lane_limit(("b", &origin), Some(1)).await.unwrap());
        }
        let one_more = ("c", "https://a.test");
        assert!(!r.set_lane_limit(one_more, Some(1)).await.unwrap());
        assert!(
            r.set_lane_limit(lane, Some(9)).await.unwrap(),
            "it is there"
        );
        assert!(r.set_lane_limit(lane, None).await.unwrap());
        assert!(r.set_lane_limit(one_more, Some(1)).await.unwrap());
        assert_eq!(r.lane_limits().await.unwrap().len(), LIMITS_MAX);
    }
}

#[tokio::test]
async fn another_vault_key_is_told_at_once_and_the_right_one_opens_again() {
    for it in subjects().await {
        let other = Records::open(&it.config, Vault::new([8; 32])).await;
        assert!(
            matches!(other, Err(RecordsError::Vault(_))),
            "on {}",
            it.name
        );
        open(&it.config).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_once_make_one_schema() {
    for (_, config, _folder) in configs().await {
        if config.store.postgres_url().is_none() {
            continue; // one process has it for itself
        }
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let config = config.clone();
            tasks.spawn(async move {
                let metrics = ringback::metrics::Metrics::new();
                let journal = ringback::journal::Journal::open(&config, metrics)
                    .await
                    .unwrap();
                open(&config).await;
                journal.ping().await.unwrap();
            });
        }
        tasks.join_all().await;
    }
}

#[tokio::test]
async fn an_integration_is_its_teams_and_takes_its_large_results_along() {
    for it in subjects().await {
        let records = &it.records;
        for team in ["a", "b"] {
            records.add_team(team, "Team", NOW).await.unwrap();
        }
        let mut made = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let records = records.clone();
            made.spawn(async move { records.integration_identity("a").await.unwrap() });
        }
        let made = made.join_all().await;
        assert!(made.iter().all(|it| *it == made[0]), "on {}", it.name);
        let other = records.integration_identity("b").await.unwrap();
        assert_ne!(made[0].external_id, other.external_id);
        assert_ne!(made[0].short_id, other.short_id);
        assert_eq!(made[0].short_id.len(), 8);

        let results = Some(("aws", "out"));
        assert!(!records.set_large_results("a", results).await.unwrap());
        records
            .put_integration("a", ("aws", "{1}"), NOW)
            .await
            .unwrap();
        assert!(records.set_large_results("a", results).await.unwrap());
        assert!(!records.set_large_results("b", results).await.unwrap());
        let set = records.large_results("a").await.unwrap();
        assert_eq!(set, Some(("aws".to_owned(), "out".to_owned())));
        // A test of names that were replaced meanwhile does not count.
        let tested = async |names: &str| {
            let named = ("aws", names);
            records
                .note_integration_test("a", named, "works", NOW)
                .await
                .unwrap();
            records.integrations("a").await.unwrap()[0].tested.clone()
        };
        assert_eq!(tested("{0}").await, None);
        assert_eq!(tested("{1}").await, Some((NOW, "works".to_owned())));
        records
            .put_integration("a", ("aws", "{2}"), NOW)
            .await
            .unwrap();
        assert_eq!(records.integrations("a").await.unwrap()[0].tested, None);
        assert!(records.integrations("b").await.unwrap().is_empty());
        assert!(!records.remove_integration("b", "aws").await.unwrap());
        assert!(records.remove_integration("a", "aws").await.unwrap());
        assert_eq!(records.large_results("a").await.unwrap(), None);
    }
}
