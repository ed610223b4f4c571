//! Certificates: those that are kept here, and what others keep and load balancers use.

use std::collections::BTreeSet;

use ballast_proto::v2::{Certificate, ListRequest, SecretUser, Sort, UsedSecret};

use super::{
    Making, Page,
    parts::{Reader, get, of_these},
};
use crate::{
    trouble::Trouble,
    view::certificates::{
        Known,
        list::{self, List, Looking, Wish},
        names,
        one::One,
        uses::{self, Names},
    },
};

/// With more of them, those that end first are looked at.
const MOST: u32 = 2_000;
/// How many users of one are shown by their names.
const USERS: usize = 500;

/// Those of a project, or of all: who ends first is first, and what was never issued is before them.
fn request(project_id: String, page_size: u32) -> ListRequest {
    let sorts = vec![Sort { field: "not_after".to_owned(), descending: false }];
    ListRequest { project_id, sorts, page_size, ..ListRequest::default() }
}

impl Reader<'_> {
    /// Those that are kept here, without their chains, and whether there are more.
    pub(crate) async fn certificates(&self, project: &str, most: u32) -> Result<(Vec<Certificate>, bool), Trouble> {
        let request = self.visitor.caller.request(request(project.to_owned(), most));
        let found = self.dashboard.scheduler.certificates().list(request).await?.into_inner();
        Ok((found.certificates, !found.next_page_token.is_empty()))
    }

    /// What listeners and pools use, and whether there is more.
    pub(crate) async fn secrets(&self, project: &str, most: u32) -> Result<(Vec<UsedSecret>, bool), Trouble> {
        let request = self.visitor.caller.request(request(project.to_owned(), most));
        let found = self.dashboard.scheduler.certificates().list_secrets(request).await?.into_inner();
        Ok((found.secrets, !found.next_page_token.is_empty()))
    }

    /// One with its chain.
    pub(crate) async fn certificate(&self, id: &str) -> Result<Certificate, Trouble> {
        let request = self.visitor.caller.request(get(id));
        Ok(self.dashboard.scheduler.certificates().get(request).await?.into_inner())
    }

    /// The references by which one is used, with who uses it.
    pub(crate) async fn users_of(&self, one: &Certificate) -> Result<Vec<UsedSecret>, Trouble> {
        let (mut used, _) = self.secrets(&one.project_id, MOST).await?;
        used.retain(|secret| names(&secret.reference, one));
        Ok(used)
    }

    /// All of both, as far as they are looked at, and whether there are more.
    pub(crate) async fn kept_and_used(
        &self,
        project: &str,
    ) -> Result<(Vec<Certificate>, Vec<UsedSecret>, bool), Trouble> {
        let all = tokio::try_join!(self.certificates(project, MOST), self.secrets(project, MOST));
        let ((kept, more), (used, more_used)) = all?;
        Ok((kept, used, more || more_used))
    }

    /// What these are called. What is gone meanwhile has no name.
    pub(crate) async fn names_of(&self, users: &[&SecretUser]) -> Result<Names, Trouble> {
        let ids = |wanted: &dyn Fn(&SecretUser) -> Option<&String>| {
            let all: BTreeSet<&String> = users.iter().filter_map(|user| wanted(user)).collect();
            all.into_iter().take(USERS).cloned().collect::<Vec<_>>()
        };
        let of_kind = |kind: &'static str| move |user: &SecretUser| user.kind == kind;
        let (is_listener, is_pool) = (of_kind("LISTENER"), of_kind("POOL"));
        let load_balancers = ids(&|user| Some(&user.load_balancer_id));
        let listeners = ids(&|user| is_listener(user).then_some(&user.id));
        let pools = ids(&|user| is_pool(user).then_some(&user.id));
        let (scheduler, caller) = (&self.dashboard.scheduler, &self.visitor.caller);
        let asked = |ids: Vec<String>| (!ids.is_empty()).then(|| caller.request(of_these("id", ids)));
        let (load_balancers, listeners, pools) = (asked(load_balancers), asked(listeners), asked(pools));
        let load_balancers = async {
            let Some(request) = load_balancers else { return Ok(Vec::new()) };
            Ok::<_, Trouble>(scheduler.load_balancers().list(request).await?.into_inner().load_balancers)
        };
        let listeners = async {
            let Some(request) = listeners else { return Ok(Vec::new()) };
            Ok::<_, Trouble>(scheduler.listeners().list(request).await?.into_inner().listeners)
        };
        let pools = async {
            let Some(request) = pools else { return Ok(Vec::new()) };
            Ok::<_, Trouble>(scheduler.pools().list(request).await?.into_inner().pools)
        };
        let (load_balancers, listeners, pools) = tokio::try_join!(load_balancers, listeners, pools)?;
        Ok(Names::of(&load_balancers, &listeners, &pools))
    }
}

pub(super) async fn all(making: Making<'_>) -> Result<Page, Trouble> {
    let (reader, visitor) = (making.reader(), making.visitor);
    let wish = Wish {
        state: making.query.get("state").to_owned(),
        filter: making.query.get("q").trim().to_owned(),
        from: making.query.get("from").parse().unwrap_or_default(),
    };
    if !wish.is_known() {
        return Err(Trouble::Faulty(format!("\"{}\" is no state of certificates.", wish.state)));
    }
    let (kept, used, is_cut) = reader.kept_and_used(&visitor.scope()).await?;
    let all = Known::all(&kept, &used);
    let found = list::fitting(&all, &wish, making.now);
    let users: Vec<&SecretUser> =
        list::of_page(&found, &wish).iter().flat_map(|(one, _)| list::few_users(one)).collect();
    let names = reader.names_of(&users).await?;
    let looking = Looking {
        has_projects: visitor.caller.is_admin() && visitor.scope().is_empty(),
        may_write: visitor.caller.roles().may_write(),
        is_cut,
        now: making.now,
    };
    let shown = List::of(&all, wish, &names, &looking);
    Ok(Page::of("Certificates", &shown)?.saying(shown.summary()))
}

/// Of those that are kept here.
pub(super) async fn one(making: Making<'_>, id: &str) -> Result<Page, Trouble> {
    let reader = making.reader();
    let kept = reader.certificate(id).await?;
    let (used, _) = reader.secrets(&kept.project_id, MOST).await?;
    let kept = [kept];
    let all = Known::all(&kept, &used);
    let known = all.first().ok_or(Trouble::NotFound)?;
    shown(&making, known).await
}

/// By the reference by which it is used, whoever keeps it.
pub(super) async fn secret(making: Making<'_>) -> Result<Page, Trouble> {
    let (reader, reference) = (making.reader(), making.query.get("reference"));
    let project = match making.query.get("project") {
        "" => making.visitor.caller.project().unwrap_or_default(),
        project => project,
    };
    let (kept, used, _) = reader.kept_and_used(project).await?;
    if !used.iter().any(|one| one.reference == reference) {
        return Err(Trouble::NotFound);
    }
    let all = Known::all(&kept, &used);
    shown(&making, Known::find(&all, reference, project).ok_or(Trouble::NotFound)?).await
}

async fn shown(making: &Making<'_>, known: &Known<'_>) -> Result<Page, Trouble> {
    let names = making.reader().names_of(&uses::users(known)).await?;
    let shown = One::of(known, &names, making.visitor.caller.roles().may_write(), making.now);
    let title = known.named().name;
    Ok(Page::of(title, &shown)?.saying(shown.summary()))
}
