//! Chromium, driven.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use ballast_lab::{not_run, require_tool};
use serde_json::{Value, json};
use thirtyfour::{ChromiumLikeCapabilities as _, DesiredCapabilities, WebDriver};

use crate::services::{PATIENCE, Services};

/// What keeps it to loopback, and from what it does by itself.
const FLAGS: [&str; 8] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--window-size=1280,900",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/// The driver's process. Dropped, it ends, and the browser with it.
struct Driver {
    process: Child,
    /// Open as long as it writes to it.
    _output: BufReader<ChildStdout>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It has ended by itself, or it ends now.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A browser with one page of the dashboard.
pub(super) struct Chromium {
    pub(super) web: WebDriver,
    /// Of the dashboard.
    url: String,
    driver: Driver,
    at: String,
    test: &'static str,
    client: reqwest::Client,
}

impl Chromium {
    /// None: there is none here, which is said aloud.
    pub(super) async fn start(services: &Services, test: &'static str) -> Option<Self> {
        Self::with(services, test, true).await
    }

    /// One in which pages run no script.
    pub(super) async fn without_script(services: &Services, test: &'static str) -> Option<Self> {
        Self::with(services, test, false).await
    }

    async fn with(services: &Services, test: &'static str, has_script: bool) -> Option<Self> {
        if !require_tool("chromium", test) || !require_tool("chromedriver", test) {
            return None;
        }
        // Another test of this process may have done it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("chromedriver starts");
        let mut output = BufReader::new(process.stdout.take().expect("its output"));
        let port: u16 = output
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split("successfully on port ").nth(1)?.trim_end_matches('.').parse().ok())
            .expect("chromedriver says its port");
        let driver = Driver { process, _output: output };
        let at = format!("http://127.0.0.1:{port}");
        let mut wanted = DesiredCapabilities::chrome();
        for flag in FLAGS {
            wanted.add_arg(flag).expect("a flag");
        }
        if services.url.starts_with("https:") {
            // Its certificate is of no CA that a browser knows.
            wanted.add_arg("--ignore-certificate-errors").expect("a flag");
        }
        wanted.set_binary("/usr/bin/chromium").expect("a program");
        if !has_script {
            let refused = json!({ "profile.managed_default_content_settings.javascript": 2 });
            wanted.add_experimental_option("prefs", refused).expect("an option");
        }
        let wanted: thirtyfour::Capabilities = with_logs(wanted.into());
        // What the environment says of proxies is not for what is on this machine.
        let straight = reqwest::Client::builder().no_proxy().timeout(4 * PATIENCE).build().expect("a client");
        let web = WebDriver::builder(&at, wanted).client(straight).connect().await.expect("a session");
        let client = ballast_service::http::plain().unwrap();
        Some(Self { web, url: services.url.clone(), driver, at, test, client })
    }

    pub(super) async fn goto(&self, path: &str) {
        self.web.goto(format!("{}{path}", self.url)).await.expect("a page");
    }

    /// What a line of script says.
    pub(super) async fn js(&self, script: &str) -> Value {
        self.web.execute(script, Vec::new()).await.expect(script).json().clone()
    }

    /// What a script says that takes its time: its last argument takes the answer.
    pub(super) async fn js_async(&self, script: &str) -> Value {
        self.web.execute_async(script, Vec::new()).await.expect(script).json().clone()
    }

    /// What the browser itself is told, beside its pages.
    pub(super) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let url = format!("{}/session/{}/goog/cdp/execute", self.at, self.web.session_id());
        let asked = json!({ "cmd": command, "params": parameters });
        let said = self.client.post(url).json(&asked).send().await.expect(command);
        let said: Value = serde_json::from_slice(&said.bytes().await.expect(command)).expect("JSON");
        assert!(said["value"]["error"].is_null(), "{command}: {said}");
        said["value"].clone()
    }

    /// Waits until a condition of script holds.
    pub(super) async fn until(&self, condition: &str) {
        let end = tokio::time::Instant::now() + 3 * PATIENCE;
        let script = format!("return Boolean({condition})");
        while !self.holds(&script).await {
            if tokio::time::Instant::now() > end {
                self.leave().await;
                panic!("{condition} did not become true; see {}", self.folder().display());
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// A page that is just going away holds nothing.
    async fn holds(&self, script: &str) -> bool {
        let said = self.web.execute(script, Vec::new()).await;
        said.is_ok_and(|said| said.json().as_bool().unwrap_or_default())
    }

    /// Waits until a text is on the page.
    pub(super) async fn sees(&self, text: &str) {
        self.until(&format!("document.querySelector('main').textContent.includes({})", json!(text))).await;
    }

    /// Waits until the page is told what changes.
    pub(super) async fn is_live(&self) {
        self.until("document.getElementById('state').dataset.state === 'live'").await;
    }

    /// Presses keys, as a person does.
    pub(super) async fn press(&self, keys: &str) {
        let pressed = self.web.action_chain().send_keys(keys).perform().await;
        let Err(error) = pressed else { return };
        // A key that leads to another page can be answered when that page is there already. It was pressed then, and is let go.
        let text = error.to_string();
        assert!(text.contains("aborted by navigation"), "keys: {text}");
        self.web.action_chain().reset_actions().await.expect("no key is pressed");
    }

    pub(super) async fn log_in(&self, token: &str) {
        self.goto("/ui/login").await;
        self.js("document.querySelector('input[name=token]').focus()").await;
        self.press(token).await;
        self.press("\u{e007}").await;
        self.until("document.querySelector('h1').textContent === 'Overview'").await;
    }

    /// What axe finds wrong with the page, as WCAG 2.2 A and AA have it: in the theme that it has all of it, and in the
    /// dark one its colours.
    pub(super) async fn faults(&self, axe: &str) -> Vec<String> {
        self.js(axe).await;
        let mut found = self.run_axe("['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']").await;
        self.js("document.documentElement.dataset.theme = 'dark'").await;
        found.extend(self.run_axe("['color-contrast']").await);
        found
    }

    async fn run_axe(&self, rules: &str) -> Vec<String> {
        let run = format!(
            "const done = arguments[arguments.length - 1];
            axe.run(document, {{ runOnly: {rules}, resultTypes: ['violations'] }})
                .then((found) => done(found.violations.map((one) =>
                    one.id + ': ' + one.nodes.map((node) => node.html + ' ' + node.failureSummary).join(' | '))),
                    (error) => done([String(error)]));"
        );
        let found = self.web.execute_async(run, Vec::new()).await.expect("axe").json().clone();
        found.as_array().expect("a list").iter().map(|one| one.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The size of the window, of which the page has nearly all.
    pub(super) async fn resize(&self, width: u32, height: u32) {
        self.web.set_window_rect(0, 0, width, height).await.expect("another size");
    }

    pub(super) async fn picture(&self) -> Vec<u8> {
        self.web.screenshot_as_png().await.expect("a picture")
    }

    /// What the browser has complained of since it was asked last.
    pub(super) async fn complaints(&self) -> Vec<String> {
        let url = format!("{}/session/{}/se/log", self.at, self.web.session_id());
        let said = self.client.post(url).json(&json!({ "type": "browser" })).send().await.expect("its log");
        let said: Value = serde_json::from_slice(&said.bytes().await.expect("its log")).expect("JSON");
        let lines = said["value"].as_array().cloned().unwrap_or_default();
        let is_severe = |line: &Value| line["level"] == "SEVERE" || line["level"] == "WARNING";
        lines.iter().filter(|line| is_severe(line)).map(|line| line["message"].to_string()).collect()
    }

    /// The end of a test: nothing was complained of, and nothing asked for elsewhere.
    pub(super) async fn end(self) {
        let elsewhere = format!(
            "return performance.getEntriesByType('resource').map((one) => one.name)
                .filter((name) => !name.startsWith({}))",
            json!(format!("{}/", self.url))
        );
        let elsewhere = self.js(&elsewhere).await;
        let complaints = self.complaints().await;
        if elsewhere != json!([]) || !complaints.is_empty() {
            self.leave().await;
        }
        let Self { web, driver, .. } = self;
        web.quit().await.expect("the browser ends");
        drop(driver);
        assert_eq!((elsewhere, complaints), (json!([]), Vec::<String>::new()));
    }

    fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser").join(self.test)
    }

    /// What a person would look at first when a test has failed.
    async fn leave(&self) {
        let folder = self.folder();
        let _ = std::fs::create_dir_all(&folder);
        if let Ok(picture) = self.web.screenshot_as_png().await {
            let _ = std::fs::write(folder.join("page.png"), picture);
        }
        if let Ok(source) = self.web.source().await {
            let _ = std::fs::write(folder.join("page.html"), source);
        }
        let _ = std::fs::write(folder.join("console.txt"), self.complaints().await.join("\n"));
    }
}

/// With the console's log kept.
fn with_logs(mut wanted: thirtyfour::Capabilities) -> thirtyfour::Capabilities {
    wanted.set("goog:loggingPrefs", json!({ "browser": "ALL" })).expect("a wish");
    wanted
}

/// axe-core's script. None: it is not installed, which is said aloud.
pub(super) fn axe(test: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let packages = std::fs::read_dir(root.join(".venv-axe/lib")).ok();
    let found = packages.into_iter().flatten().flatten().find_map(|python| {
        std::fs::read_to_string(python.path().join("site-packages/axe_playwright_python/axe.min.js")).ok()
    });
    if found.is_none() {
        not_run(test, "axe-core is not installed: run `make deps`");
    }
    found
}
