//! Compiles the `.proto` files without `protoc`.

use std::{env, fs, path::PathBuf};

use tonic_prost_build::Config;

const FILES: [&str; 9] = [
    "lbaas/v1/lbaas.proto",
    "lbaas/v2/balancing.proto",
    "lbaas/v2/operate.proto",
    "lbaas/v2/events.proto",
    "lbaas/v2/overview.proto",
    "lbaas/v2/history.proto",
    "lbaas/v2/certificates.proto",
    "lbaas/agent/v1/agent.proto",
    DRIVER,
];
const DRIVER: &str = "lbaas/driver/v1/driver.proto";
const SECRET_CONTENT: &str = "lbaas.driver.v1.SecretContent";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=lbaas");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    if env::var_os("CARGO_FEATURE_GRPC").is_some() {
        let descriptors = protox::compile(FILES, ["."])?;
        fs::write(out.join("descriptors.bin"), prost::Message::encode_to_vec(&descriptors))?;
        // Clients are made from channels: the generated `connect` would clash with AgentSession's.
        let mut names = Config::new();
        names.enable_type_names();
        // They have private keys: what they show for debugging is written by hand.
        names.skip_debug(["lbaas.v2.Certificate", SECRET_CONTENT]);
        tonic_prost_build::configure().build_transport(false).compile_fds_with_config(descriptors, names)?;
    } else {
        Config::new().skip_debug([SECRET_CONTENT]).compile_fds(protox::compile([DRIVER], ["."])?)?;
    }
    Ok(())
}
