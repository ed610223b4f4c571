//! Sessions, as a browser keeps them.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::{chromium::Chromium, load_balancer, shared_subnet};
use crate::{played::able, services::Services};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_out_of_reach_of_scripts_and_ends_where_it_began() {
    let test = "a_session_is_out_of_reach_of_scripts_and_ends_where_it_began";
    let services = Services::with_tokens(|_| {}).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    able(&services.channel, "h1").await;
    let subnet = shared_subnet(&services).await;
    let own = load_balancer(&services, "alice", &subnet, "own", &["10.0.0.11"]).await;
    let anothers = load_balancer(&services, "bob", &subnet, "anothers", &["10.0.0.12"]).await;
    let path = format!("/ui/load-balancers/{own}/listeners");
    page.goto(&path).await;
    page.until("location.pathname === '/ui/login'").await;
    page.js("document.querySelector('input[name=token]').focus()").await;
    page.press("rita\u{e007}").await;
    page.until(&format!("location.pathname === '{path}'")).await;
    let seen = page
        .js("return [document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage),
            document.documentElement.outerHTML.includes('read only: role reader'), location.href.includes('rita')]")
        .await;
    assert_eq!(seen, json!(["", "{}", "{}", true, false]));
    page.goto(&format!("/ui/load-balancers/{anothers}")).await;
    page.sees("Not found").await;
    assert!(page.complaints().await.iter().all(|line| line.contains("404")));
    page.goto("/ui/load-balancers").await;
    page.sees("own").await;
    assert_eq!(page.js("return document.body.textContent.includes('anothers')").await, json!(false));
    page.js("document.querySelector('form[action=\"/ui/logout\"] button').click()").await;
    page.until("location.pathname === '/ui/login'").await;
    page.goto(&path).await;
    page.until("location.pathname === '/ui/login'").await;
    page.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_revoked_ends_at_the_login_and_comes_back_to_the_same_page() {
    let test = "a_token_that_is_revoked_ends_at_the_login_and_comes_back_to_the_same_page";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens.toml");
    let write = |tokens: &[&str]| {
        let one = |token: &&str| {
            format!("[[token]]\ntoken = '{token}'\nproject_id = 'a'\nuser = 'ann'\nroles = ['member']\n")
        };
        std::fs::write(&file, tokens.iter().map(one).collect::<String>()).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    write(&["first"]);
    let services = Services::with_tokens(|settings| settings.auth.token_file.clone_from(&file)).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    page.log_in("first").await;
    page.goto("/ui/load-balancers?status=ERROR").await;
    page.is_live().await;
    write(&["second"]);
    // The open page notices by itself, at its next look.
    page.goto("/ui/").await;
    page.until("location.pathname === '/ui/login'").await;
    page.js("document.querySelector('input[name=token]').focus()").await;
    page.press("second\u{e007}").await;
    page.until("location.pathname === '/ui/'").await;
    page.is_live().await;
    write(&["third"]);
    page.until("location.pathname === '/ui/login'").await;
    page.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_theme_that_is_chosen_stays() {
    let test = "a_theme_that_is_chosen_stays";
    let services = Services::start().await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    page.goto("/ui/explain").await;
    let ground = "return getComputedStyle(document.body).backgroundColor";
    page.js("document.querySelector('form[action=\"/ui/theme\"] button').click()").await;
    page.until("document.documentElement.dataset.theme === 'dark' && location.pathname === '/ui/explain'").await;
    let dark = page.js(ground).await;
    page.goto("/ui/").await;
    assert_eq!(page.js(ground).await, dark);
    page.js("document.querySelector('form[action=\"/ui/theme\"] button').click()").await;
    page.until("document.documentElement.dataset.theme === 'light'").await;
    assert_ne!(page.js(ground).await, dark);
    page.end().await;
}
