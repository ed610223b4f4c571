//! Round robin is exact.

use std::collections::BTreeMap;

use ballast_lab::{in_lab, require_tool};
use ballast_tests::site::{Plan, Site};

#[test]
fn a_hundred_requests_to_two_members_are_fifty_and_fifty() {
    let test = "a_hundred_requests_to_two_members_are_fifty_and_fifty";
    if !require_tool("haproxy", test) || !require_tool("curl", test) {
        return;
    }
    in_lab(|lab| {
        let site = Site::start(lab, &Plan { webs: 2, ..Plan::default() })?;
        let pool = site.make_pool("web");
        site.add_members(&pool);
        let vip = site.make_vip(&pool);
        site.wait_for_status(&format!("/v2.0/lb/vips/{}", vip.id()), "ACTIVE");
        let address = vip.object()["address"].as_str().unwrap_or_default();
        // What is behind # is not sent: it only makes a hundred of one.
        let url = format!("http://{address}/#[1-100]");
        let said = site.client.output("curl", ["-sf", "--max-time", "60", "-H", "Connection: close", &url])?;
        let mut answers = BTreeMap::new();
        for line in said.lines() {
            *answers.entry(line.to_owned()).or_insert(0) += 1;
        }
        let fair = ["web-1", "web-2"].map(|name| (name.to_owned(), 50));
        assert_eq!(answers, BTreeMap::from(fair));
        Ok(())
    });
}
