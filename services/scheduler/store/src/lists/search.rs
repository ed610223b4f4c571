//! Load balancers by a text that a person remembers of them: a part of a name, an id, a tag, an address of theirs or of one of
//! their members. It is one condition of the list's statement, so pages of it are pages as of any list.

use std::net::IpAddr;

use sea_orm::{
    ColumnTrait as _, Condition, DbBackend, ExprTrait as _,
    sea_query::{Expr, Query},
};

use crate::entity::{load_balancer, member};

/// Stands before what is no wildcard in a pattern.
const ESCAPE: char = '!';

/// Those in which this text is.
pub(crate) fn load_balancers(backend: DbBackend, text: &str) -> Condition {
    use load_balancer::Column as C;
    let column = |column: C| Expr::col(column.as_column_ref());
    let has = Has { backend, pattern: pattern(text) };
    // Addresses are stored as they are written shortest.
    let address = text.trim().parse::<IpAddr>().map_or_else(|_| text.to_owned(), |address| address.to_string());
    let address = Has { backend, pattern: pattern(&address) };
    let members = Query::select()
        .column(member::Column::LoadBalancerId.as_column_ref())
        .from(member::Entity)
        .cond_where(address.text(Expr::col(member::Column::Address.as_column_ref())))
        .take();
    let found = Condition::any()
        .add(has.text(column(C::Name)))
        .add(has.tag(column(C::Tags)))
        .add(address.text(column(C::VipAddress)))
        .add(address.additional(&column(C::VipAdditional)))
        .add(column(C::Id).in_subquery(members));
    match digits(text) {
        Some(digits) => found.add(Has { backend, pattern: pattern(&digits) }.id(column(C::Id))),
        None => found,
    }
}

/// The digits of a part of an id, as the database writes it: without what parts them.
fn digits(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|character| *character != '-').collect();
    let is_one = !digits.is_empty() && digits.chars().all(|character| character.is_ascii_hexdigit());
    is_one.then(|| digits.to_ascii_lowercase())
}

fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// Texts that have something in them.
struct Has {
    backend: DbBackend,
    pattern: String,
}

impl Has {
    fn text(&self, column: Expr) -> Expr {
        self.of("lower(?) LIKE lower(?) ESCAPE '!'", "lower($1) LIKE lower($2) ESCAPE '!'", vec![column])
    }

    fn id(&self, column: Expr) -> Expr {
        let postgres = "replace($1::text, '-', '') LIKE $2 ESCAPE '!'";
        self.of("lower(hex(?)) LIKE ? ESCAPE '!'", postgres, vec![column])
    }

    /// One of a JSON array's texts.
    fn tag(&self, column: Expr) -> Expr {
        let sqlite = "EXISTS (SELECT 1 FROM json_each(?) AS tag WHERE lower(tag.value) LIKE lower(?) ESCAPE '!')";
        let postgres = "EXISTS (SELECT 1 FROM jsonb_array_elements_text($1::jsonb) AS tag(word) \
                        WHERE lower(tag.word) LIKE lower($2) ESCAPE '!')";
        self.of(sqlite, postgres, vec![column])
    }

    /// The address of one of a JSON array's objects; the array may be missing.
    fn additional(&self, column: &Expr) -> Expr {
        let sqlite = "EXISTS (SELECT 1 FROM json_each(CASE WHEN ? = '' THEN '[]' ELSE ? END) AS vip \
                      WHERE lower(json_extract(vip.value, '$.address')) LIKE lower(?) ESCAPE '!')";
        let postgres = "EXISTS (SELECT 1 FROM jsonb_array_elements((CASE WHEN $1 = '' THEN '[]' ELSE $2 END)::jsonb) \
                        AS vip(one) WHERE lower(vip.one->>'address') LIKE lower($3) ESCAPE '!')";
        self.of(sqlite, postgres, vec![column.clone(), column.clone()])
    }

    fn of(&self, sqlite: &'static str, postgres: &'static str, mut values: Vec<Expr>) -> Expr {
        values.push(Expr::val(self.pattern.clone()));
        match self.backend {
            DbBackend::Sqlite => Expr::cust_with_exprs(sqlite, values),
            _ => Expr::cust_with_exprs(postgres, values),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_it_is_and_no_pattern() {
        assert_eq!(pattern("a%b_c!"), "%a!%b!_c!!%");
        assert_eq!(digits("6A6f-4de5"), Some("6a6f4de5".to_owned()));
        assert_eq!((digits("shop"), digits("-"), digits("")), (None, None, None));
    }
}
