//! A [`Page`] as the text of haproxy.cfg. Pure: the template decides nothing but the wording.

use std::sync::OnceLock;

use tera::{Context, Tera};

use crate::{failure::Failure, page::Page};

const TEMPLATE: &str = include_str!("haproxy.cfg.tera");

/// The text, ending in a line feed.
pub(crate) fn render(page: &Page) -> Result<String, Failure> {
    let defect = |error: tera::Error| Failure::Refused { who: "haproxy", said: format!("the template: {error:?}") };
    let context = Context::from_serialize(page).map_err(defect)?;
    template()?.render("haproxy.cfg", &context).map_err(defect)
}

fn template() -> Result<&'static Tera, Failure> {
    static TERA: OnceLock<Result<Tera, String>> = OnceLock::new();
    let parsed = TERA.get_or_init(|| {
        let mut tera = Tera::new();
        tera.autoescape_on(Vec::<&str>::new());
        tera.add_raw_template("haproxy.cfg", TEMPLATE).map_err(|error| format!("{error:?}"))?;
        Ok(tera)
    });
    parsed.as_ref().map_err(|said| Failure::Refused { who: "haproxy", said: format!("the template: {said}") })
}

#[cfg(test)]
mod tests;
