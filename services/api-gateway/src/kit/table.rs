//! The routes as a table: what is served is what is documented and what the policy is tested by, because all three are
//! made from the same entries.

use axum::{
    Extension, Router,
    handler::Handler,
    routing::{MethodFilter, MethodRouter, on},
};
use serde_json::Value;

use super::attributes::Resource;
use crate::Gateway;

/// One method of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// As `/v2.0/lb/pools/{id}`.
    pub path: &'static str,
    /// What it does, unique: `get_pools`, `create_pool`, `get_pool`, `update_pool`, `delete_pool`, and so on.
    pub action: String,
}

/// What an operation takes and answers.
#[derive(Clone, Copy)]
pub(crate) enum Does {
    /// GET: objects, filtered, sorted and by pages.
    List(&'static Resource),
    /// GET: objects, filtered and sorted, always all of them.
    ListWhole(&'static Resource),
    /// GET: all objects; there is nothing to ask for.
    ListAll(&'static Resource),
    Show(&'static Resource),
    /// GET: the object, or null where there is none.
    ShowOrNull(&'static Resource),
    Create(&'static Resource),
    /// POST of the one resource with a bulk form. The replies are empty objects.
    Attach(&'static Resource),
    /// POST: what always is refused.
    Refuse(&'static Resource),
    Update(&'static Resource),
    /// PUT that is answered with 202 and the object.
    UpdateLater(&'static Resource),
    /// PUT of a collection, which is these objects from then on.
    Replace(&'static Resource),
    /// PUT without a body, which makes something happen.
    Act,
    Delete,
    /// DELETE that is answered with 202.
    Reset,
    /// GET: something that is no resource, with its JSON schema.
    Tell(fn() -> Value),
    /// GET: a stream of events, with the JSON schema of one's data.
    Stream(fn() -> Value),
    /// GET: plain text, and what it is.
    Text(&'static str),
}

impl Does {
    pub(crate) const fn method(self) -> &'static str {
        match self {
            Self::List(_)
            | Self::ListWhole(_)
            | Self::ListAll(_)
            | Self::Show(_)
            | Self::ShowOrNull(_)
            | Self::Tell(_)
            | Self::Stream(_)
            | Self::Text(_) => "GET",
            Self::Create(_) | Self::Attach(_) | Self::Refuse(_) => "POST",
            Self::Update(_) | Self::UpdateLater(_) | Self::Replace(_) | Self::Act => "PUT",
            Self::Delete | Self::Reset => "DELETE",
        }
    }

    /// The resource that it is about.
    pub(crate) const fn resource(self) -> Option<&'static Resource> {
        match self {
            Self::List(resource)
            | Self::ListWhole(resource)
            | Self::ListAll(resource)
            | Self::Show(resource)
            | Self::ShowOrNull(resource)
            | Self::Create(resource)
            | Self::Attach(resource)
            | Self::Refuse(resource)
            | Self::Update(resource)
            | Self::UpdateLater(resource)
            | Self::Replace(resource) => Some(resource),
            Self::Act | Self::Delete | Self::Reset | Self::Tell(_) | Self::Stream(_) | Self::Text(_) => None,
        }
    }

    fn filter(self) -> MethodFilter {
        match self.method() {
            "POST" => MethodFilter::POST,
            "PUT" => MethodFilter::PUT,
            "DELETE" => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        }
    }
}

/// The entry that a request is served by; a request has it within its route.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Served {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
}

/// An entry of the table.
pub(crate) struct Operation {
    pub(crate) path: &'static str,
    pub(crate) action: String,
    pub(crate) does: Does,
}

/// Routes, each served and in the table.
#[derive(Default)]
pub(crate) struct Routes {
    pub(crate) router: Router<Gateway>,
    pub(crate) operations: Vec<Operation>,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// One method of one path.
    pub(crate) fn serve<H, T>(mut self, path: &'static str, does: Does, action: &str, handler: H) -> Self
    where
        H: Handler<T, Gateway>,
        T: 'static,
    {
        let served = Extension(Served { method: does.method(), path });
        self.router = self.router.route(path, on(does.filter(), handler).layer(served));
        self.operations.push(Operation { path, action: action.to_owned(), does });
        self
    }

    /// What is always refused, and so is in no document.
    pub(crate) fn unlisted(mut self, path: &'static str, method: MethodRouter<Gateway>) -> Self {
        self.router = self.router.route(path, method);
        self
    }

    /// `GET` of a collection.
    pub(crate) fn list<H, T>(self, path: &'static str, resource: &'static Resource, handler: H) -> Self
    where
        H: Handler<T, Gateway>,
        T: 'static,
    {
        self.serve(path, Does::List(resource), &format!("get_{}", resource.many), handler)
    }

    /// `POST` of a collection.
    pub(crate) fn create<H, T>(self, path: &'static str, resource: &'static Resource, handler: H) -> Self
    where
        H: Handler<T, Gateway>,
        T: 'static,
    {
        self.serve(path, Does::Create(resource), &format!("create_{}", resource.one), handler)
    }

    /// `GET` of an item.
    pub(crate) fn show<H, T>(self, path: &'static str, resource: &'static Resource, handler: H) -> Self
    where
        H: Handler<T, Gateway>,
        T: 'static,
    {
        self.serve(path, Does::Show(resource), &format!("get_{}", resource.one), handler)
    }

    /// `PUT` of an item.
    pub(crate) fn update<H, T>(self, path: &'static str, resource: &'static Resource, handler: H) -> Self
    where
        H: Handler<T, Gateway>,
        T: 'static,
    {
        self.serve(path, Does::Update(resource), &format!("update_{}", resource.one), handler)
    }

    /// `DELETE` of an item.
    pub(crate) fn delete<H, T>(self, path: &'static str, resource: &'static Resource, handler: H) -> Self
    where
        H: Handler<T, Gateway>,
        T: 'static,
    {
        self.serve(path, Does::Delete, &format!("delete_{}", resource.one), handler)
    }

    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.operations.extend(other.operations);
        self
    }
}
