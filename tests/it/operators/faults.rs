//! Every alert: its fault is made in a running system, and a real Prometheus sees it fire,
//! and clear once the fault is gone. One system and one Prometheus for all, since starting
//! them costs most. In the end every panel of every board has shown something.

use super::boards::panels;
use super::runbooks::Runbook;
use super::stage::{Stage, TEAMS, now_s};
use crate::support::receiver::{Conn, Receiver};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use sqlx::{Connection, Executor, PgConnection};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_rustls::TlsAcceptor;

const DAY_S: u64 = 86_400;

/// A receiver whose certificate can be renewed, and who trusts it.
struct Secure {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
    acceptor: Arc<Mutex<Option<TlsAcceptor>>>,
}

impl Secure {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "an authority");
        let root = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("authority.pem"), root.pem()).unwrap();
        Self {
            folder,
            issuer: Issuer::new(params, key),
            acceptor: Arc::default(),
        }
    }

    fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// From now on it shows a certificate that ends after so many days.
    fn renew(&self, days: u64) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let end = Duration::from_secs(now_s() + days * DAY_S);
        params.not_after = date_time_ymd(1970, 1, 1) + end;
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        *self.acceptor.lock().unwrap() = Some(TlsAcceptor::from(Arc::new(config)));
    }

    /// A connection for each request, so that each shows the certificate.
    async fn listen(&self) -> Receiver {
        const ONE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let acceptor = Arc::clone(&self.acceptor);
        Receiver::start(move |conn| {
            let acceptor = acceptor
                .lock()
                .unwrap()
                .clone()
                .expect("it has a certificate");
            async move {
                let Ok(stream) = acceptor.accept(conn.stream).await else {
                    return;
                };
                let log = conn.log;
                let mut conn = Conn { stream, log };
                if conn.read_request().await.is_some() {
                    conn.send(ONE).await;
                }
            }
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_fires_its_alert_and_every_panel_has_something_to_show() {
    let secure = Secure::new();
    let mut stage = Stage::set(&secure.authority()).await;
    // There was nothing to scrape while the processes started.
    stage.prometheus.until_quiet().await;
    endpoints_fail_and_come_back(&mut stage).await;
    a_certificate_ends_soon(&mut stage, &secure).await;
    a_disk_fills_up(&stage).await;
    the_ledger_is_wrong(&mut stage).await;
    a_worker_stands_still(&mut stage).await;
    the_stores_fail(&mut stage).await;
    stage.prometheus.until_quiet().await;
    every_panel_has_something_to_show(&stage).await;
    for runbook in Runbook::all() {
        runbook.run(&stage);
    }
}

async fn endpoints_fail_and_come_back(stage: &mut Stage) {
    stage.receiver.answer_next([500]);
    for team in TEAMS {
        assert!(stage.hand_in(team, 6).await);
    }
    stage
        .prometheus
        .until_firing("RingbackDeliveryFailing")
        .await;
    // Ten failures of a lane in a row.
    stage.prometheus.until_firing("RingbackLaneParked").await;
    stage.receiver.answer_next([200]);
    Runbook::of("RingbackLaneParked").run(stage);
    // The other lanes wait for their probes, some 30 s: what goes then is late.
    stage.prometheus.until_firing("RingbackRetriesLate").await;
    for alert in [
        "RingbackDeliveryFailing",
        "RingbackLaneParked",
        "RingbackRetriesLate",
    ] {
        stage.prometheus.until_clear(alert).await;
    }
}

async fn a_certificate_ends_soon(stage: &mut Stage, secure: &Secure) {
    secure.renew(3);
    let receiver = secure.listen().await;
    let url = format!("https://{}/hook", receiver.address);
    stage.put_team("secure", &url).await;
    assert!(stage.hand_in("secure", 1).await);
    let alert = "RingbackCertificateExpiring";
    stage.prometheus.until_firing(alert).await;
    secure.renew(90);
    assert!(stage.hand_in("secure", 1).await);
    stage.prometheus.until_clear(alert).await;
}

/// The disk is one that only the process sees.
async fn a_disk_fills_up(stage: &Stage) {
    let (alert, about) = ("RingbackDiskNearlyFull", Some(&*stage.small.operator));
    let instance = stage.small.operator.trim_start_matches("http://");
    let free = format!("ringback_data_disk_free_bytes{{instance=\"{instance}\"}}");
    let free = stage.prometheus.query(&free).await;
    let data = stage.small_home.data();
    let filler = format!("/proc/{}/root{}/filler", stage.small.pid(), data.display());
    let keep = 4.0 * 1024.0 * 1024.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "megabytes"
    )]
    let bytes = (free[0].values[0] - keep) as usize;
    std::fs::write(&filler, vec![1; bytes]).unwrap();
    stage.prometheus.until_it(alert, about, true).await;
    std::fs::remove_file(&filler).unwrap();
    stage.prometheus.until_it(alert, about, false).await;
}

/// Somebody changed the journal. The process that leads counts when it starts.
async fn the_ledger_is_wrong(stage: &mut Stage) {
    for (accepted, is_wrong) in [(1, true), (-1, false)] {
        let mut connection = PgConnection::connect(&stage.store_url).await.unwrap();
        let changed = sqlx::query("INSERT INTO ledger (accepted) VALUES ($1)").bind(accepted);
        connection.execute(changed).await.unwrap();
        stage.restart_worker().await;
        let alert = "RingbackLedgerImbalance";
        if is_wrong {
            stage.prometheus.until_firing(alert).await;
        } else {
            stage.prometheus.until_clear(alert).await;
        }
    }
}

async fn a_worker_stands_still(stage: &mut Stage) {
    stage.worker.signal("STOP");
    assert!(stage.hand_in(TEAMS[0], 4).await);
    stage.prometheus.until_firing("RingbackDown").await;
    stage.prometheus.until_firing("RingbackBacklogOld").await;
    stage.worker.signal("CONT");
    stage.prometheus.until_clear("RingbackDown").await;
    stage.prometheus.until_clear("RingbackBacklogOld").await;
}

async fn the_stores_fail(stage: &mut Stage) {
    stage.redis.kill();
    stage.prometheus.until_firing("RingbackQueueLost").await;
    // Who asks and for whom is known for a moment, so that the next comes as far as the journal.
    let is_taken = stage.hand_in(TEAMS[0], 4).await;
    assert!(is_taken, "results are taken without the queue");
    stage.postgres.pause();
    assert!(!stage.hand_in(TEAMS[0], 4).await, "nothing is promised");
    for alert in ["RingbackIntakeRefusing", "RingbackJournalSlow"] {
        stage.prometheus.until_firing(alert).await;
    }
    stage.redis.restart();
    stage
        .prometheus
        .until_firing("RingbackRebuildRunning")
        .await;
    stage.postgres.resume();
    for alert in [
        "RingbackQueueLost",
        "RingbackRebuildRunning",
        "RingbackIntakeRefusing",
        "RingbackJournalSlow",
    ] {
        stage.prometheus.until_clear(alert).await;
    }
}

async fn every_panel_has_something_to_show(stage: &Stage) {
    let mut empty = Vec::new();
    for panel in panels() {
        for query in &panel.queries {
            let query = query
                .replace("$instance", ".*")
                .replace("$__rate_interval", "10s");
            assert!(!query.contains('$'), "{query}");
            let series = stage
                .prometheus
                .query_since(&query, stage.start_s, now_s())
                .await;
            let values = series.iter().flat_map(|one| &one.values);
            if !values.clone().any(|value| value.is_finite()) {
                empty.push(format!("{}: {query}", panel.name));
            }
        }
    }
    assert!(empty.is_empty(), "no data:\n{}", empty.join("\n"));
}
