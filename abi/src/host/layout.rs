//! Whether the frozen types of a driver and of this agent are the same.
//!
//! `abi_stable`'s stock check accepts a driver that is newer than the agent, but refuses an older one ("too many
//! fields"). A driver that is not newer is therefore checked once more with the sides swapped: then it is the one that
//! may lack what was appended.

use abi_stable::{
    StableAbi,
    abi_stability::check_layout_compatibility,
    library::{LibHeader, LibraryError, RootModule},
};

use crate::{ffi::ABI_MINOR, host::LoadError};

/// The lines of a layout error are hundreds; this many of its causes are shown.
const CAUSES: usize = 3;

/// The module of a library as type `M`, which is always [`DriverModuleRef`](crate::ffi::DriverModuleRef) but in tests.
pub(super) fn checked_module<M: RootModule>(header: &LibHeader, driver_minor: u32) -> Result<M, LoadError> {
    match header.init_root_module::<M>() {
        Ok(module) => Ok(module),
        Err(LibraryError::AbiInstability(difference)) if !is_newer(driver_minor) => {
            older_module(header).ok_or_else(|| differs(&difference.to_string()))
        }
        Err(LibraryError::AbiInstability(difference)) => Err(differs(&difference.to_string())),
        Err(error) => Err(LoadError::new(format!("the driver's module cannot be made: {error}"))),
    }
}

/// What the two checks say; the error is why not, in one line.
#[cfg(feature = "conformance")]
pub(crate) struct Compatibility {
    /// As an agent of this version sees the driver.
    pub(crate) stock: Result<(), String>,
    /// As an agent that is newer than the driver does: with the sides swapped.
    pub(crate) swapped: Result<(), String>,
}

#[cfg(feature = "conformance")]
pub(super) fn compatibility<M: RootModule>(header: &LibHeader) -> Compatibility {
    let Some(layout) = header.layout() else {
        let none = || Err("the driver carries no description of its types".to_owned());
        return Compatibility { stock: none(), swapped: none() };
    };
    let check = |ours, theirs| {
        check_layout_compatibility(ours, theirs).into_result().map_err(|found| differs(&found.to_string()).to_string())
    };
    let ours = <M as StableAbi>::LAYOUT;
    Compatibility { stock: check(ours, layout), swapped: check(layout, ours) }
}

fn is_newer(driver_minor: u32) -> bool {
    driver_minor > ABI_MINOR
}

fn older_module<M: RootModule>(header: &LibHeader) -> Option<M> {
    let layout = header.layout()?;
    check_layout_compatibility(layout, <M as StableAbi>::LAYOUT).into_result().ok()?;
    #[expect(unsafe_code, reason = "the stock check cannot express that the driver is the older side")]
    // SAFETY: the driver's layout was just found to be a prefix of ours, field by field and type by type; what it lacks
    // are appended root fields and methods, which abi_stable reads as absent.
    unsafe {
        header.init_root_module_with_unchecked_layout::<M>().ok()
    }
}

fn differs(difference: &str) -> LoadError {
    let causes: Vec<String> = difference
        .split("Error:")
        .skip(1)
        .take(CAUSES)
        .map(|cause| cause.lines().take(5).map(str::trim).collect::<Vec<_>>().join(" "))
        .collect();
    LoadError::new(format!("its ABI types differ from this agent's: {}", causes.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Capabilities, Context, Deployed, Driver, DriverError, LoadBalancer, ObjectFault, Observation, export::header,
        ffi::DriverModuleRef,
    };

    /// Our root module as a later minor and as another major would have it. The type's name is part of its layout.
    mod other {
        #![expect(unsafe_code, unreachable_pub, dead_code, reason = "what abi_stable's macros generate and need")]

        pub(super) mod minor {
            use abi_stable::{
                StableAbi, declare_root_module_statics,
                library::RootModule,
                sabi_types::VersionStrings,
                std_types::{RResult, RString},
            };

            use crate::ffi::{DynDriver, FfiError, HostContext};

            #[repr(C)]
            #[derive(StableAbi)]
            #[sabi(kind(Prefix(prefix_ref = DriverModuleRef)))]
            pub struct DriverModule {
                pub name: extern "C" fn() -> RString,
                pub version: extern "C" fn() -> RString,
                #[sabi(last_prefix_field)]
                pub new_driver: extern "C" fn(HostContext) -> RResult<DynDriver, FfiError>,
                pub self_test: extern "C" fn() -> u32,
            }

            impl RootModule for DriverModuleRef {
                declare_root_module_statics! {DriverModuleRef}
                const BASE_NAME: &'static str = "ballast_driver";
                const NAME: &'static str = "ballast_driver";
                const VERSION_STRINGS: VersionStrings = VersionStrings::new("1.9.0");
            }
        }

        pub(super) mod layout {
            use abi_stable::{
                StableAbi, declare_root_module_statics, library::RootModule, sabi_types::VersionStrings,
                std_types::RString,
            };

            #[repr(C)]
            #[derive(StableAbi)]
            #[sabi(kind(Prefix(prefix_ref = DriverModuleRef)))]
            pub struct DriverModule {
                pub name: extern "C" fn() -> RString,
                pub version: extern "C" fn(u32) -> RString,
                #[sabi(last_prefix_field)]
                pub new_driver: extern "C" fn() -> RString,
            }

            impl RootModule for DriverModuleRef {
                declare_root_module_statics! {DriverModuleRef}
                const BASE_NAME: &'static str = "ballast_driver";
                const NAME: &'static str = "ballast_driver";
                const VERSION_STRINGS: VersionStrings = VersionStrings::new("1.0.0");
            }
        }
    }

    struct Idle;

    impl Driver for Idle {
        const NAME: &'static str = "idle";
        const VERSION: &'static str = "1.2.3";
        type Config = ();

        fn new(_: Context<()>) -> Result<Self, DriverError> {
            Ok(Self)
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities::default()
        }

        fn deploy(&self, _: &LoadBalancer, _: u64) -> Result<Vec<ObjectFault>, DriverError> {
            Ok(Vec::new())
        }

        fn undeploy(&self, _: &str) -> Result<(), DriverError> {
            Ok(())
        }

        fn observe(&self, _: &[String]) -> Result<Vec<Observation>, DriverError> {
            Ok(Vec::new())
        }

        fn deployed(&self) -> Result<Vec<Deployed>, DriverError> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn the_packages_version_is_one_that_drivers_of_every_minor_agree_with() {
        // abi_stable refuses types of packages whose versions cargo would call incompatible.
        assert_eq!(env!("CARGO_PKG_VERSION"), format!("0.1.{ABI_MINOR}"));
    }

    static IDLE: LibHeader = header::<Idle>();

    #[test]
    fn a_driver_of_this_minor_is_accepted() {
        let module: DriverModuleRef = checked_module(&IDLE, ABI_MINOR).unwrap();
        assert_eq!(module.name()().as_str(), "idle");
    }

    #[test]
    fn an_agent_of_a_later_minor_accepts_this_driver_and_sees_that_a_field_is_absent() {
        let module: other::minor::DriverModuleRef = checked_module(&IDLE, ABI_MINOR).unwrap();
        assert_eq!(module.version()().as_str(), "1.2.3");
        assert!(module.self_test().is_none());
    }

    #[test]
    fn the_swapped_check_is_not_tried_on_a_driver_that_says_it_is_newer() {
        assert!(checked_module::<other::minor::DriverModuleRef>(&IDLE, ABI_MINOR + 1).is_err());
    }

    #[test]
    fn a_driver_with_other_types_is_refused_in_one_line() {
        let Err(refused) = checked_module::<other::layout::DriverModuleRef>(&IDLE, ABI_MINOR) else {
            panic!("accepted")
        };
        let text = refused.to_string();
        assert!(text.starts_with("its ABI types differ from this agent's: "), "{text}");
        assert!(text.len() < 1500 && !text.contains('\n'), "{text}");
    }
}
