//! A real browser: Chromium without a screen, driven through its own driver.

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Only a page that never comes takes as long.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Browser {
    pub(crate) client: Client,
    driver: Child,
    /// Where its profile is.
    _folder: tempfile::TempDir,
}

/// It looks for a free port before it takes it, so another process may be quicker.
const STARTS_MAX: usize = 5;

/// With its port; none when it ended without one.
fn start_driver() -> Option<(Child, u16)> {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("chromedriver is missing: install chromium and chromium-driver");
    let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let port = lines.map_while(Result::ok).find_map(|line| {
        let (_, rest) = line.split_once("started successfully on port ")?;
        rest.trim_end_matches('.').parse().ok()
    });
    if port.is_none() {
        driver.wait().unwrap();
    }
    Some((driver, port?))
}

impl Browser {
    pub(crate) async fn open() -> Self {
        let (driver, port) = (0..STARTS_MAX)
            .find_map(|_| start_driver())
            .expect("chromedriver says its port");
        let folder = tempfile::tempdir().unwrap();
        let profile = format!("--user-data-dir={}", folder.path().display());
        let capabilities = json!({"goog:chromeOptions": {"args": [
            "--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-gpu", "--disable-dev-shm-usage",
            "--window-size=1280,900", profile, scheme(),
        ]}});
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        Self {
            client,
            driver,
            _folder: folder,
        }
    }

    pub(crate) async fn go(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// The element, once it is there.
    pub(crate) async fn find(&self, css: &str) -> Element {
        let wait = self.client.wait().at_most(PATIENCE);
        match wait.for_element(Locator::Css(css)).await {
            Ok(element) => element,
            Err(error) => panic!("no {css} on the page: {error}\n{}", self.text().await),
        }
    }

    pub(crate) async fn fill(&self, name: &str, text: &str) {
        let field = self.find(&format!("[name={name}]")).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses the button or follows the link with this text; waits until it is there.
    pub(crate) async fn press(&self, text: &str) {
        let path = format!(
            "//*[self::button or self::a or self::summary][contains(normalize-space(.), \"{text}\")]"
        );
        loop {
            let wait = self.client.wait().at_most(PATIENCE);
            let pressed = match wait.for_element(Locator::XPath(&path)).await {
                Ok(element) => element.click().await,
                Err(error) => panic!(
                    "nothing to press says {text}: {error}\n{}",
                    self.text().await
                ),
            };
            match pressed {
                // A live part was replaced meanwhile: nothing was pressed, and it is there again.
                Err(error) if error.is_stale_element_reference() => {}
                pressed => return pressed.unwrap(),
            }
        }
    }

    /// Presses the key on whatever has the focus, which a live part may replace at any time.
    pub(crate) async fn key(&self, key: Key) {
        let value = char::from(key);
        let pressed = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value })
            .then(KeyAction::Up { value });
        self.client.perform_actions(pressed).await.unwrap();
    }

    /// What a person can read; nothing while one page makes way for another.
    pub(crate) async fn text(&self) -> String {
        let script = "return document.body ? document.body.innerText : ''";
        let text = self.client.execute(script, Vec::new()).await;
        let text = text.ok().and_then(|text| text.as_str().map(str::to_owned));
        text.unwrap_or_default()
    }

    /// Waits until the page says so.
    pub(crate) async fn reads(&self, text: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let read = self.text().await;
            if read.contains(text) {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "never said {text:?}:\n{read}"
            );
            tokio::task::yield_now().await;
        }
    }

    /// A picture of the page as it is, if `RINGBACK_PICTURES` names a folder for it.
    pub(crate) async fn picture(&self, name: &str) {
        #[expect(clippy::disallowed_methods, reason = "a switch for people")]
        let Ok(folder) = std::env::var("RINGBACK_PICTURES") else {
            return;
        };
        for (size, width, height) in [
            ("wide", 1280, 900),
            ("phone", 360, 780),
            ("broad", 1920, 1080),
        ] {
            self.client.set_window_size(width, height).await.unwrap();
            // All of the page, not only what fits.
            let whole = "return document.documentElement.scrollHeight";
            let whole = self.client.execute(whole, Vec::new()).await.unwrap();
            let whole = u32::try_from(whole.as_u64().unwrap()).unwrap() + 150;
            let height = whole.clamp(height, 6000);
            self.client.set_window_size(width, height).await.unwrap();
            let picture = self.client.screenshot().await.unwrap();
            std::fs::write(format!("{folder}/{name}-{size}.png"), picture).unwrap();
        }
        self.client.set_window_size(1280, 900).await.unwrap();
    }
}

/// Dark pages if somebody wants pictures of them, else light ones.
fn scheme() -> &'static str {
    #[expect(clippy::disallowed_methods, reason = "a switch for people")]
    let dark = std::env::var("RINGBACK_PICTURES_DARK").is_ok();
    if dark {
        "--blink-settings=preferredColorScheme=0"
    } else {
        "--blink-settings=preferredColorScheme=1"
    }
}

impl Drop for Browser {
    /// The browser, too: killed alone, the driver would leave it behind.
    fn drop(&mut self) {
        let group = format!("-{}", self.driver.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.driver.wait();
    }
}
