//! Members: many at once, pasted; and those that were ticked drained, switched, weighed or taken away.

use ballast_proto::v2::{
    DeleteRequest, Member, Pool, ReplaceMembersRequest, UpdateMemberRequest, preview_request::Change,
};
use prost_types::FieldMask;

use super::{Asking, Draft};
use crate::{
    trouble::Trouble,
    view::{
        lines,
        parts::{name_or_id, path_of, socket},
        sheet::{Field, Group, Input, Sheet},
    },
};

/// The pool of this load balancer, with its members.
async fn pool(asking: &Asking<'_>, id: &str, part: &str) -> Result<(Pool, Vec<Member>), Trouble> {
    let reader = asking.reader();
    reader.load_balancer(id).await?;
    asking.must_write()?;
    let pool = reader.pools(id).await?.into_iter().find(|pool| pool.id == part).ok_or(Trouble::NotFound)?;
    let members = reader.members(pool.id.clone()).await?;
    Ok((pool, members))
}

fn shown(one: &Member) -> String {
    let port = u32::try_from(one.protocol_port.unwrap_or_default()).unwrap_or_default();
    let socket = socket(&one.address, port);
    if one.name.is_empty() { socket } else { format!("{socket} {}", one.name) }
}

/// Members of something new, many at once; `lines`: those that are copied.
pub(super) fn group(lines: &str) -> Group {
    let field = Field::new("members", "Members", Input::Lines)
        .hint("One in a line: 10.0.0.11:80, and a weight behind it where it is not 1, as 10.0.0.11:80 5.")
        .value(lines);
    Group::new("Members", vec![field])
}

/// What its lines say. What is no member is said at them.
pub(super) fn said(sheet: &mut Sheet) -> Vec<Member> {
    lines::members(&sheet.get("members")).unwrap_or_else(|why| {
        sheet.blame("members", &why);
        Vec::new()
    })
}

pub(super) async fn add(asking: &Asking<'_>, id: &str, part: &str) -> Result<Draft, Trouble> {
    let (pool, there) = pool(asking, id, part).await?;
    let mut sheet = Sheet::of(vec![group("")], asking.sent.as_ref());
    let members = lines::members(&sheet.get("members")).and_then(|members| fresh(members, &there));
    let members = members.unwrap_or_else(|why| {
        sheet.blame("members", &why);
        Vec::new()
    });
    let title = format!("Add members to pool {}", name_or_id(&pool.name, &pool.id));
    let mut draft = Draft::new(title, path_of(id), sheet);
    draft.verb = "Add";
    draft.idle = "No member is added.";
    draft.aliases = &[("address", "members"), ("protocol_port", "members"), ("weight", "members")];
    if !members.is_empty() {
        let request = ReplaceMembersRequest { pool_id: pool.id, members, additive_only: true, ..Default::default() };
        draft.writes = vec![Change::ReplaceMembers(request)];
    }
    Ok(draft)
}

/// Those that are not there yet. One that is there as it is asked for was added a moment ago, by the same form.
fn fresh(members: Vec<Member>, there: &[Member]) -> Result<Vec<Member>, String> {
    let (mut fresh, mut wrong) = (Vec::new(), Vec::new());
    for one in members {
        let same = |known: &&Member| known.address == one.address && known.protocol_port == one.protocol_port;
        match there.iter().find(same) {
            None => fresh.push(one),
            Some(known) if known.weight == one.weight => {}
            Some(known) => {
                wrong.push(format!(
                    "{} is a member already, with the weight {}",
                    shown(&one),
                    known.weight.unwrap_or(1)
                ));
            }
        }
    }
    if wrong.is_empty() { Ok(fresh) } else { Err(wrong.join("; ")) }
}

/// What is done with members that were ticked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Drain,
    Enable,
    Disable,
    Weight,
    Remove,
}

impl Act {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "drain" => Self::Drain,
            "enable" => Self::Enable,
            "disable" => Self::Disable,
            "weight" => Self::Weight,
            "remove" => Self::Remove,
            _ => return None,
        })
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Drain => "Drain",
            Self::Enable => "Enable",
            Self::Disable => "Disable",
            Self::Weight => "Set weight",
            Self::Remove => "Remove",
        }
    }

    const fn remark(self) -> &'static str {
        match self {
            Self::Drain => "They get the weight 0: no new clients, and who is connected stays.",
            Self::Enable => {
                "Their admin state goes up: they get traffic if their weight is not 0 and their checks pass."
            }
            Self::Disable => "Their admin state goes down: they get no traffic.",
            Self::Weight => "Traffic is shared by weight; 0 drains.",
            Self::Remove => "They are taken out of the pool. To let clients finish, drain them first.",
        }
    }

    /// The member as it would be, and the field that changes. None: it is so already, or taken away.
    fn apply(self, one: &Member, weight: Option<i32>) -> Option<(&'static str, Member)> {
        let (field, after) = match self {
            Self::Drain => ("weight", Member { weight: Some(0), ..one.clone() }),
            Self::Weight => ("weight", Member { weight: Some(weight?), ..one.clone() }),
            Self::Enable => ("admin_state_up", Member { admin_state_up: Some(true), ..one.clone() }),
            Self::Disable => ("admin_state_up", Member { admin_state_up: Some(false), ..one.clone() }),
            Self::Remove => return None,
        };
        (after != *one).then_some((field, after))
    }
}

pub(super) async fn change(asking: &Asking<'_>, id: &str, part: &str) -> Result<Draft, Trouble> {
    let (pool, there) = pool(asking, id, part).await?;
    let act = Act::named(asking.get("act")).ok_or_else(|| Trouble::Faulty("Nothing is said to be done.".to_owned()))?;
    let ids = asking.all("member");
    let chosen: Vec<Member> = there.iter().filter(|member| ids.contains(&member.id)).cloned().collect();
    let groups = match act {
        Act::Weight => vec![Group::new("Weight", vec![weight_field(&chosen)])],
        Act::Drain | Act::Enable | Act::Disable | Act::Remove => Vec::new(),
    };
    let mut sheet = Sheet::of(groups, asking.sent.as_ref());
    let weight = sheet.number("weight");
    let title = format!("{} members of pool {}", act.verb(), name_or_id(&pool.name, &pool.id));
    let mut draft = Draft::new(title, path_of(id), sheet);
    draft.remarks = vec![act.remark().to_owned()];
    draft.objects = chosen.iter().map(shown).collect();
    draft.hidden = chosen.iter().map(|one| ("member", one.id.clone())).collect();
    draft.hidden.push(("act", asking.get("act").to_owned()));
    draft.verb = act.verb();
    draft.is_danger = act == Act::Remove;
    draft.idle =
        if chosen.is_empty() { "No member is ticked: tick some on the page before." } else { "Nothing changes." };
    let changed: Vec<_> = chosen.iter().filter_map(|one| act.apply(one, weight)).collect();
    draft.foreseen = foreseen(&pool.id, act, &there, (&chosen[..], &changed[..]));
    draft.writes = match act {
        Act::Remove => chosen.iter().map(removal).collect(),
        Act::Drain | Act::Enable | Act::Disable | Act::Weight => changed.into_iter().map(update).collect(),
    };
    Ok(draft)
}

fn weight_field(chosen: &[Member]) -> Field {
    let first = chosen.first().and_then(|one| one.weight).unwrap_or(1);
    Field::new("weight", "Weight", Input::Number).hint("0 to 256.").value(first.to_string())
}

fn removal(one: &Member) -> Change {
    Change::DeleteMember(DeleteRequest {
        id: one.id.clone(),
        parent_id: one.pool_id.clone(),
        ..DeleteRequest::default()
    })
}

/// Nothing but the one field, so that what others change meanwhile stays.
fn update((field, after): (&'static str, Member)) -> Change {
    let update_mask = Some(FieldMask { paths: vec![field.to_owned()] });
    let member = Some(Member { status: None, ..after });
    Change::UpdateMember(UpdateMemberRequest { member, update_mask, validate_only: false })
}

/// Several changes as one: what the pool's members would be.
fn foreseen(
    pool_id: &str,
    act: Act,
    there: &[Member],
    (chosen, changed): (&[Member], &[(&'static str, Member)]),
) -> Option<Change> {
    if chosen.len() < 2 {
        return None;
    }
    let (members, additive_only) = match act {
        Act::Remove => (there.iter().filter(|one| !chosen.contains(one)).cloned().collect(), false),
        Act::Drain | Act::Enable | Act::Disable | Act::Weight => {
            (changed.iter().map(|(_, member)| member.clone()).collect(), true)
        }
    };
    let request = ReplaceMembersRequest { pool_id: pool_id.to_owned(), members, additive_only, ..Default::default() };
    Some(Change::ReplaceMembers(request))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(address: &str, weight: i32) -> Member {
        let (address, protocol_port) = (address.to_owned(), Some(80));
        Member { id: address.clone(), address, protocol_port, weight: Some(weight), ..Member::default() }
    }

    #[test]
    fn what_is_there_as_it_is_asked_for_is_added_once() {
        let there = [member("10.0.0.1", 1), member("10.0.0.2", 5)];
        assert_eq!(fresh(vec![member("10.0.0.1", 1), member("10.0.0.3", 1)], &there), Ok(vec![member("10.0.0.3", 1)]));
        let why = fresh(vec![member("10.0.0.2", 1)], &there).unwrap_err();
        assert_eq!(why, "10.0.0.2:80 is a member already, with the weight 5");
    }

    #[test]
    fn a_member_that_is_as_it_is_to_be_is_left_alone() {
        let one = Member { admin_state_up: Some(true), ..member("10.0.0.1", 0) };
        assert_eq!(Act::Drain.apply(&one, None), None);
        assert_eq!(Act::Enable.apply(&one, None), None);
        assert_eq!(
            Act::Weight.apply(&one, Some(3)).map(|(field, after)| (field, after.weight)),
            Some(("weight", Some(3)))
        );
        assert_eq!(Act::Weight.apply(&one, None), None);
        assert_eq!(Act::Disable.apply(&one, None).map(|(field, _)| field), Some("admin_state_up"));
    }
}
