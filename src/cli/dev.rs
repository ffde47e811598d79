//! `ringback dev`: the main job, shown. A gateway on its own data folder, a first team,
//! a receiver that verifies, one result handed in over HTTP; then it keeps running.

use crate::app::Role;
use crate::callback::signature::Secret;
use crate::callback::{Mode, State};
use crate::cli::listen::{self, Expected, Received, one_line};
use crate::cli::serve::Gateway;
use crate::config::Config;
use crate::explain::text::printable;
use crate::people::invitations::{self, Acceptance};
use crate::records::RecordsError;
use crate::records::teams::{Team, TeamUpdate};
use crate::records::users::Profile;
use crate::shutdown::Shutdown;
use crate::telemetry;
use crate::vault::new_key;
use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use std::fmt::Write;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const TEAM: &str = "demo";
const ADMIN: &str = "admin@demo.example";
/// Far more than one delivery on one machine needs.
const PATIENCE: Duration = Duration::from_secs(20);
/// The example: two boxes on a street photo, as image annotation tasks answer.
const EXAMPLE: &str = include_str!("dev/example-result.json");

#[derive(Debug, Args)]
pub(super) struct DevArgs {
    /// Where everything is kept between starts
    #[arg(long, value_name = "FOLDER", default_value = "ringback-dev")]
    data: PathBuf,
    /// Where the API listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the operator's port listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9464")]
    operator: SocketAddr,
    /// Where the built-in receiver listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    receiver: SocketAddr,
}

/// What the demonstration works with.
struct Stage {
    gateway: Gateway,
    api: SocketAddr,
    team: Team,
    api_keys: Vec<(Mode, String)>,
    producer_key: String,
    admin_password: String,
    receiver: SocketAddr,
    inbox: mpsc::Receiver<Received>,
}

pub(super) async fn run(args: DevArgs) -> Result<()> {
    let config = configuration(&args)?;
    let log = telemetry::start(&config.log).map_err(|error| anyhow!(error))?;
    let shutdown = Shutdown::new();
    shutdown.listen_for_signals()?;
    let gateway = Gateway::start(config, Role::All, shutdown.clone(), log).await?;
    let mut stage = set_up(gateway, &args).await?;
    print!("{}", introduction(&stage, &args));
    let shown = tokio::select! {
        shown = show_one(&mut stage) => shown,
        () = shutdown.stopping() => Ok(()),
    };
    if let Err(error) = shown {
        shutdown.stop();
        stage.gateway.finished().await;
        return Err(error);
    }
    if !shutdown.is_stopping() {
        print!("{}", invitation(&stage));
        println!(
            "\nThe receiver's log (Ctrl-C stops the gateway; a second start keeps everything):"
        );
    }
    loop {
        tokio::select! {
            Some(received) = stage.inbox.recv() => println!("  {}", one_line(&received)),
            () = shutdown.stopping() => break,
        }
    }
    println!("\nstopping: attempts in flight may finish");
    stage.gateway.finished().await;
    println!("stopped; everything is kept in {}", args.data.display());
    Ok(())
}

/// The defaults, but on this machine alone: loopback may be dialled, retries come soon.
fn configuration(args: &DevArgs) -> Result<Config> {
    let mut config = Config::load(None)?;
    config.data.dir.clone_from(&args.data);
    config.api.listen = args.listen;
    config.operator.listen = args.operator;
    config.account.public_url = format!("http://{}", args.listen);
    config.retry.first_delay_ms = 2000;
    "warn".clone_into(&mut config.log.filter);
    let loopback = ["127.0.0.0/8", "::1/128"].map(|range| range.parse().expect("a legal range"));
    config.delivery.private_networks_allowed = loopback.into();
    Ok(config)
}

async fn set_up(gateway: Gateway, args: &DevArgs) -> Result<Stage> {
    let (records, now) = (&gateway.app.records, gateway.app.clock.now());
    let team = match records.team(TEAM).await? {
        Some(team) => team,
        None => records.add_team(TEAM, "Demo", now).await?,
    };
    let mut api_keys = records.api_keys(TEAM).await?;
    if api_keys.is_empty() {
        for mode in [Mode::Live, Mode::Test] {
            api_keys.push((mode, records.add_api_key(TEAM, mode, now).await?));
        }
    }
    let producer_key = producer_key(&gateway, &args.data).await?;
    let admin_password = admin_password(&gateway, &args.data).await?;
    let expected = Expected {
        auth: vec![
            team.live_callback_auth.clone(),
            team.test_callback_auth.clone(),
        ],
        secrets: vec![Secret::parse(&team.signing_secret)?],
    };
    let (seen, inbox) = mpsc::channel(1024);
    let receiver = listen::start(args.receiver, expected, seen).await?;
    let update = TeamUpdate {
        default_callback_url: Some(Some(format!("http://{receiver}/callbacks"))),
        ..TeamUpdate::default()
    };
    records.update_team(TEAM, &update).await?;
    gateway.app.forget_team(TEAM);
    Ok(Stage {
        api: gateway.api.context("a gateway of every role has an API")?,
        gateway,
        team,
        api_keys,
        producer_key,
        admin_password,
        receiver,
        inbox,
    })
}

/// The key of the first start, from the data folder; digests alone cannot give it back.
async fn producer_key(gateway: &Gateway, data: &Path) -> Result<String> {
    let path = data.join("producer.key");
    if let Ok(key) = std::fs::read_to_string(&path) {
        return Ok(key);
    }
    let (records, now) = (&gateway.app.records, gateway.app.clock.now());
    let key = match records.add_producer("dev", now).await {
        Err(RecordsError::Exists(_)) => records.add_producer(&format!("dev-{now}"), now).await?,
        made => made?,
    };
    keep(&path, &key)?;
    Ok(key)
}

/// The password of the team's admin, who joins at the first start as everybody does: by an
/// invitation, which is also mailed (into a file).
async fn admin_password(gateway: &Gateway, data: &Path) -> Result<String> {
    let path = data.join("admin.password");
    if let Ok(password) = std::fs::read_to_string(&path) {
        return Ok(password);
    }
    let (app, password) = (&gateway.app, new_key("demo_"));
    let (account, now) = (&app.config.account, app.clock.now());
    let invited = (TEAM, "Demo", ADMIN);
    let token = invitations::invite_admin(&app.records, account, invited, now).await?;
    let profile = Profile {
        first_name: "Demo".to_owned(),
        last_name: "Admin".to_owned(),
        company: "Example".to_owned(),
    };
    let acceptance = Acceptance {
        token,
        profile,
        password: password.clone(),
    };
    invitations::accept(app, acceptance).await?;
    keep(&path, &password)?;
    Ok(password)
}

/// Writes a file that only its owner may read.
fn keep(path: &Path, text: &str) -> Result<()> {
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Hands in the example over HTTP and prints what the receiver got.
async fn show_one(stage: &mut Stage) -> Result<()> {
    let event = format!("dev-{}", stage.gateway.app.clock.now());
    let result = EXAMPLE.replace("EVENT_ID", &event).replace("TEAM_ID", TEAM);
    let started = Instant::now();
    let id = hand_in(stage, result).await?;
    let accepted = started.elapsed();
    println!("\nHanded in one result: an image annotation with two boxes");
    println!(
        "  {:<22} {id}  (202 after {:.1} ms, committed)",
        "accepted as",
        millis(accepted)
    );
    let wait = async {
        while let Some(received) = stage.inbox.recv().await {
            if header(&received, "webhook-id") == id {
                return Some(received);
            }
        }
        None
    };
    let received = tokio::time::timeout(PATIENCE, wait).await.ok().flatten();
    let Some(received) = received else {
        bail!("the receiver got nothing; ask `ringback callbacks explain {id}`");
    };
    println!("\nThe receiver got");
    print!("{}", story(&received, stage, &why(stage, &id).await?));
    if received.auth != Some(true) || received.signature != Some(true) {
        bail!("the callback does not verify");
    }
    Ok(())
}

async fn hand_in(stage: &Stage, result: String) -> Result<String> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let response = client
        .post(format!("http://{}/internal/v1/results", stage.api))
        .bearer_auth(&stage.producer_key)
        .header("content-type", "application/json")
        .body(result)
        .send()
        .await?;
    let (status, text) = (response.status(), response.text().await?);
    let answer: serde_json::Value = serde_json::from_str(&text)?;
    let id = answer["callback_id"].as_str();
    id.map(str::to_owned)
        .with_context(|| format!("the gateway answered {status}: {text}"))
}

/// The attempt as the journal has it: the rule that chose the URL, and the time it took.
async fn why(stage: &Stage, id: &str) -> Result<String> {
    let id = crate::callback::CallbackId(id.parse()?);
    let journal = &stage.gateway.app.journal;
    let settled = async {
        loop {
            match journal.detail(id).await? {
                Some(detail) if detail.state == State::Delivered => {
                    return journal.attempts(id).await;
                }
                _ => tokio::task::yield_now().await,
            }
        }
    };
    let attempts = tokio::time::timeout(PATIENCE, settled).await??;
    let attempt = attempts
        .last()
        .context("a delivered callback has an attempt")?;
    Ok(format!(
        "  {:<22} {}\n  {:<22} the {} (the task names no URL of its own)\n  {:<22} {} in {} ms",
        "URL",
        attempt.url,
        "chosen by",
        attempt.provenance,
        "answered",
        attempt.status.unwrap_or(0),
        attempt.duration_ms
    ))
}

fn story(received: &Received, stage: &Stage, attempt: &str) -> String {
    let mut text = format!("{attempt}\n");
    let team = &stage.team;
    let known = [
        ("live", &team.live_callback_auth),
        ("test", &team.test_callback_auth),
    ];
    for (name, value) in &received.headers {
        let value = value.to_str().unwrap_or("(not text)");
        let note = match name.as_str() {
            "scale-callback-auth" => known
                .iter()
                .find(|(_, key)| key.as_str() == value)
                .map_or("  WRONG".to_owned(), |(mode, _)| {
                    format!("  (is the {mode} callback auth key)")
                }),
            "webhook-signature" if received.signature == Some(true) => "  (verifies)".to_owned(),
            "webhook-signature" => "  WRONG".to_owned(),
            _ => String::new(),
        };
        writeln!(text, "  {:<22} {value}{note}", name.as_str()).expect("a string takes any text");
    }
    let shown = printable(&received.body);
    let start: String = shown.chars().take(100).collect();
    writeln!(
        text,
        "  {:<22} {} bytes: {start}...",
        "body",
        received.body.len()
    )
    .expect("as above");
    text
}

fn introduction(stage: &Stage, args: &DevArgs) -> String {
    let mut text = format!("Ringback {}\n\n", env!("CARGO_PKG_VERSION"));
    let mut line = |name: &str, value: &str| {
        writeln!(text, "  {name:<22} {value}").expect("a string takes any text");
    };
    line("API", &format!("http://{}", stage.api));
    line(
        "metrics",
        &format!("http://{}/metrics", stage.gateway.operator),
    );
    line("receiver (built in)", &format!("http://{}", stage.receiver));
    line("data", &args.data.display().to_string());
    line("team", TEAM);
    for (mode, key) in &stage.api_keys {
        line(&format!("{} API key", mode.as_str()), key);
    }
    line("live callback auth key", &stage.team.live_callback_auth);
    line("test callback auth key", &stage.team.test_callback_auth);
    line("signing secret", &stage.team.signing_secret);
    line("producer key", &stage.producer_key);
    line("admin", &format!("{ADMIN}  {}", stage.admin_password));
    line("mails", &args.data.join("mails").display().to_string());
    text
}

fn invitation(stage: &Stage) -> String {
    let (api, operator, receiver) = (stage.api, stage.gateway.operator, stage.receiver);
    format!(
        r#"
Try it
  # hand in another
  curl -s http://{api}/internal/v1/results -H 'authorization: Bearer {key}' \
    -H 'content-type: application/json' -d '{{"event_id":"e-'$RANDOM'","team_id":"{TEAM}","task_id":"5774cc78b01249ab09f089dd","mode":"test","status":"completed","response":{{"annotations":[]}}}}'
  # break the receiver, hand in another, and watch the retry come after about 2 s
  curl -X POST http://{receiver}/answer/500
  # mend it
  curl -X POST http://{receiver}/answer/200
  # sign in as the admin; the answer's token is the Bearer of /account/v1/...
  curl -s http://{api}/account/v1/sessions -d '{{"email":"{ADMIN}","password":"{password}"}}'
  # the whole story of one callback
  curl -s -H 'accept: text/plain' http://{operator}/internal/v1/callbacks/CALLBACK_ID/explain
"#,
        key = stage.producer_key,
        password = stage.admin_password,
    )
}

fn header<'a>(received: &'a Received, name: &str) -> &'a str {
    received
        .headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("")
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
