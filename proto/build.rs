//! Compiles the `.proto` files without `protoc`.

use std::{env, fs, path::PathBuf};

use tonic_prost_build::Config;

const FILES: [&str; 3] = ["lbaas/v1/lbaas.proto", "lbaas/agent/v1/agent.proto", "lbaas/driver/v1/driver.proto"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=lbaas");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let grpc = env::var_os("CARGO_FEATURE_GRPC").is_some();
    let files: &[&str] = if grpc { &FILES } else { &FILES[2..] };
    let descriptors = protox::compile(files, ["."])?;
    fs::write(out.join("descriptors.bin"), prost::Message::encode_to_vec(&descriptors))?;
    if grpc {
        tonic_prost_build::configure().compile_fds(descriptors)?;
    } else {
        Config::new().compile_fds(descriptors)?;
    }
    Ok(())
}
