//! The layer over the machine's files.

use std::fs;

use ballast_lab::{Lab, Overlay, in_lab, not_run};

#[test]
fn what_is_written_in_a_lab_with_a_layer_is_told_and_does_not_reach_the_machine() {
    let test = "what_is_written_in_a_lab_with_a_layer_is_told_and_does_not_reach_the_machine";
    in_lab(|lab| {
        let kept = lab.dir().join("kept");
        fs::create_dir(&kept)?;
        let overlay = match Overlay::over(&kept) {
            Ok(overlay) => overlay,
            // The kernel lets root alone put a layer over `/`.
            Err(error) if !fs::read_to_string("/proc/self/uid_map")?.contains("4294967295") => {
                not_run(test, &error.to_string());
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        assert_eq!(overlay.written(), [""; 0].map(std::path::PathBuf::from));
        fs::write("/etc/ballast-overlay-test", "new")?;
        fs::create_dir_all("/var/ballast-overlay-test/deep")?;
        fs::write("/tmp/ballast-overlay-test", "")?;
        fs::remove_file("/tmp/ballast-overlay-test")?;
        fs::remove_file("/etc/hostname")?;
        fs::write(kept.join("file"), "kept")?;
        let found: Vec<_> = overlay.written().iter().map(|path| path.display().to_string()).collect();
        let expected = [
            "/etc/ballast-overlay-test",
            "/etc/hostname",
            "/var/ballast-overlay-test",
            "/var/ballast-overlay-test/deep",
        ];
        assert_eq!(found, expected);
        assert_eq!(fs::read_to_string("/proc/1/comm")?, "sh\n", "/proc is another's");
        fs::write("/dev/null", "still a device")?;
        Ok(())
    });
    if Lab::current().is_some() {
        return;
    }
    assert!(!std::path::Path::new("/etc/ballast-overlay-test").exists());
    assert!(std::path::Path::new("/etc/hostname").exists());
}
