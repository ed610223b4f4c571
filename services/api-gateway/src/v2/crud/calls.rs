//! The scheduler's five calls, which are alike for each resource.

use ballast_proto::v2::{GetRequest, ListRequest, preview_request::Change};
use prost_types::FieldMask;
use tonic::Status;

use crate::{
    scheduler::Scheduler,
    v2::place::{Place, Terms},
};

/// The scheduler's five calls of a resource.
pub(crate) trait Calls: Sized + Send + Sync + 'static {
    type Create: Send;
    type Update: Send;
    type Delete: Send;

    fn creation(self, terms: Terms, validate_only: bool) -> Self::Create;
    fn change(self, mask: FieldMask, validate_only: bool) -> Self::Update;
    fn deletion(place: Place, terms: Terms, validate_only: bool) -> Self::Delete;

    /// The write as a change of what serves. None: it changes nothing that does.
    fn planned_creation(request: &Self::Create) -> Option<Change>;
    fn planned_change(request: &Self::Update) -> Option<Change>;
    fn planned_deletion(request: &Self::Delete) -> Option<Change>;

    fn create(
        scheduler: &Scheduler,
        request: tonic::Request<Self::Create>,
    ) -> impl Future<Output = Result<Self, Status>> + Send;

    fn get(
        scheduler: &Scheduler,
        request: tonic::Request<GetRequest>,
    ) -> impl Future<Output = Result<Self, Status>> + Send;

    fn list(
        scheduler: &Scheduler,
        request: tonic::Request<ListRequest>,
    ) -> impl Future<Output = Result<(Vec<Self>, String), Status>> + Send;

    fn update(
        scheduler: &Scheduler,
        request: tonic::Request<Self::Update>,
    ) -> impl Future<Output = Result<Self, Status>> + Send;

    fn delete(
        scheduler: &Scheduler,
        request: tonic::Request<Self::Delete>,
    ) -> impl Future<Output = Result<(), Status>> + Send;
}

/// Implements [`Calls`]: the noun, its message, the client, the names of fields in requests and replies, and what its
/// writes are called as changes of what serves.
macro_rules! calls {
    (
        $noun:ty = $message:ty: $client:ident, $create:ident { $one:ident $(, $request_id:ident)? }, $update:ident,
        $delete:ident { $($place:ident),+ $(; $etag:ident)? }, $many:ident
        $(; $creation:ident, $change:ident, $deletion:ident)?
    ) => {
        impl $crate::v2::crud::Calls for $noun {
            type Create = ::ballast_proto::v2::$create;
            type Update = ::ballast_proto::v2::$update;
            type Delete = ::ballast_proto::v2::$delete;

            fn creation(self, _terms: $crate::v2::place::Terms, validate_only: bool) -> Self::Create {
                let mut creation = Self::Create::default();
                creation.$one = Some(self.into());
                creation.validate_only = validate_only;
                $(creation.$request_id = _terms.$request_id;)?
                creation
            }

            fn change(self, mask: ::prost_types::FieldMask, validate_only: bool) -> Self::Update {
                Self::Update { $one: Some(self.into()), update_mask: Some(mask), validate_only }
            }

            fn deletion(
                place: $crate::v2::place::Place,
                _terms: $crate::v2::place::Terms,
                validate_only: bool,
            ) -> Self::Delete {
                let mut deletion = Self::Delete { validate_only, ..Default::default() };
                $(deletion.$place = place.$place;)+
                $(deletion.$etag = _terms.$etag;)?
                deletion
            }

            fn planned_creation(_request: &Self::Create) -> Option<::ballast_proto::v2::preview_request::Change> {
                vec![$(::ballast_proto::v2::preview_request::Change::$creation(_request.clone()))?].pop()
            }

            fn planned_change(_request: &Self::Update) -> Option<::ballast_proto::v2::preview_request::Change> {
                vec![$(::ballast_proto::v2::preview_request::Change::$change(_request.clone()))?].pop()
            }

            fn planned_deletion(_request: &Self::Delete) -> Option<::ballast_proto::v2::preview_request::Change> {
                vec![$(::ballast_proto::v2::preview_request::Change::$deletion(_request.clone()))?].pop()
            }

            fn create(
                scheduler: &$crate::scheduler::Scheduler,
                request: ::tonic::Request<Self::Create>,
            ) -> impl Future<Output = Result<Self, ::tonic::Status>> + Send {
                let mut client = scheduler.v2().$client();
                async move { Ok(client.create(request).await?.into_inner().into()) }
            }

            fn get(
                scheduler: &$crate::scheduler::Scheduler,
                request: ::tonic::Request<::ballast_proto::v2::GetRequest>,
            ) -> impl Future<Output = Result<Self, ::tonic::Status>> + Send {
                let mut client = scheduler.v2().$client();
                async move { Ok(client.get(request).await?.into_inner().into()) }
            }

            fn list(
                scheduler: &$crate::scheduler::Scheduler,
                request: ::tonic::Request<::ballast_proto::v2::ListRequest>,
            ) -> impl Future<Output = Result<(Vec<Self>, String), ::tonic::Status>> + Send {
                let mut client = scheduler.v2().$client();
                async move {
                    let found = client.list(request).await?.into_inner();
                    Ok((found.$many.into_iter().map(Into::into).collect(), found.next_page_token))
                }
            }

            fn update(
                scheduler: &$crate::scheduler::Scheduler,
                request: ::tonic::Request<Self::Update>,
            ) -> impl Future<Output = Result<Self, ::tonic::Status>> + Send {
                let mut client = scheduler.v2().$client();
                async move { Ok(client.update(request).await?.into_inner().into()) }
            }

            fn delete(
                scheduler: &$crate::scheduler::Scheduler,
                request: ::tonic::Request<Self::Delete>,
            ) -> impl Future<Output = Result<(), ::tonic::Status>> + Send {
                let mut client = scheduler.v2().$client();
                async move { client.delete(request).await.map(|_| ()) }
            }
        }
    };
}
pub(crate) use calls;
