//! What can be said about a file without running any of its code.
//!
//! A truncated library is a SIGBUS inside `dlopen`, one for another machine reads "No such file", and one of another
//! ABI major has run its constructors before it can be refused. So all three are told here, from the file's bytes.

use std::{fs::File, io::Read, path::Path};

use object::{
    LittleEndian,
    elf::{EM_386, EM_AARCH64, EM_ARM, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64, ET_DYN, FileHeader64},
    read::elf::{FileHeader, ProgramHeader},
};

use crate::{
    ffi::ABI_MAJOR,
    host::LoadError,
    note::{self, Note},
};

type Header = FileHeader64<LittleEndian>;

const HEADER_LENGTH: usize = 64;
const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
/// Larger than any driver, and small enough not to fill the memory with a file that is none.
const SIZE_LIMIT: u64 = 512 << 20;

#[cfg(target_arch = "x86_64")]
const HOST: u16 = EM_X86_64.0;
#[cfg(target_arch = "aarch64")]
const HOST: u16 = EM_AARCH64.0;

/// Checks a file and reads its note: a 64-bit ELF library for this machine, whole, with a note of an ABI major that
/// this version speaks.
///
/// # Errors
/// One line saying what is wrong.
pub fn preflight(file: &Path) -> Result<Note, LoadError> {
    check(&read(file)?)
}

fn read(file: &Path) -> Result<Vec<u8>, LoadError> {
    let cannot = |error: std::io::Error| LoadError::of_machine(format!("cannot be read: {error}"));
    let mut open = File::open(file).map_err(cannot)?;
    let metadata = open.metadata().map_err(cannot)?;
    if !metadata.is_file() {
        return Err(LoadError::new("not a driver: not a regular file"));
    }
    if metadata.len() > SIZE_LIMIT {
        return Err(LoadError::new(format!("not a driver: {} MiB is too large", metadata.len() >> 20)));
    }
    let mut bytes = Vec::new();
    open.read_to_end(&mut bytes).map_err(cannot)?;
    Ok(bytes)
}

fn check(bytes: &[u8]) -> Result<Note, LoadError> {
    check_identity(bytes)?;
    let header = Header::parse(bytes).map_err(|error| LoadError::new(format!("not a driver: {error}")))?;
    check_machine(header.e_machine(LittleEndian).0)?;
    if header.e_type(LittleEndian) != ET_DYN {
        return Err(LoadError::new("not a driver: not a shared library"));
    }
    check_length(header, bytes)?;
    let note = find_note(header, bytes)?;
    check_abi(&note)?;
    Ok(note)
}

fn check_identity(bytes: &[u8]) -> Result<(), LoadError> {
    if !bytes.starts_with(b"\x7fELF") {
        return Err(LoadError::new("not a driver: not an ELF file"));
    }
    if bytes.len() < HEADER_LENGTH {
        return Err(LoadError::new(format!("truncated: {} bytes, less than an ELF header", bytes.len())));
    }
    if bytes[4] != CLASS_64 || bytes[5] != LITTLE_ENDIAN {
        let machine = machine_name(u16::from_le_bytes([bytes[18], bytes[19]]));
        return Err(LoadError::new(format!(
            "built for another kind of machine ({machine}), this host is 64-bit {}",
            machine_name(HOST)
        )));
    }
    Ok(())
}

fn check_machine(machine: u16) -> Result<(), LoadError> {
    if machine == HOST {
        return Ok(());
    }
    Err(LoadError::new(format!("built for {}, this host is {}", machine_name(machine), machine_name(HOST))))
}

fn machine_name(machine: u16) -> String {
    let known = [
        (EM_X86_64.0, "x86_64"),
        (EM_AARCH64.0, "aarch64"),
        (EM_386.0, "i386"),
        (EM_ARM.0, "arm"),
        (EM_RISCV.0, "riscv"),
        (EM_PPC64.0, "ppc64"),
        (EM_S390.0, "s390"),
    ];
    let name = known.iter().find(|(number, _)| *number == machine).map(|(_, name)| (*name).to_owned());
    name.unwrap_or_else(|| format!("machine {machine}"))
}

/// The file must hold all that its headers speak of. Section headers come last in a file, so they tell the smallest cut.
fn check_length(header: &Header, bytes: &[u8]) -> Result<(), LoadError> {
    let length = bytes.len() as u64;
    let truncated = |needed: u64| LoadError::new(format!("truncated: {length} bytes of at least {needed}"));
    let table = |offset: u64, entry: u16, count: u16| offset.saturating_add(u64::from(entry) * u64::from(count));
    let endian = LittleEndian;
    let tables = table(header.e_phoff(endian), header.e_phentsize(endian), header.e_phnum(endian)).max(table(
        header.e_shoff(endian),
        header.e_shentsize(endian),
        header.e_shnum(endian),
    ));
    if tables > length {
        return Err(truncated(tables));
    }
    let segments =
        header.program_headers(endian, bytes).map_err(|error| LoadError::new(format!("truncated: {error}")))?;
    for segment in segments {
        let end = segment.p_offset(endian).saturating_add(segment.p_filesz(endian));
        if end > length {
            return Err(truncated(end));
        }
    }
    Ok(())
}

fn find_note(header: &Header, bytes: &[u8]) -> Result<Note, LoadError> {
    let damaged = |error: object::Error| LoadError::new(format!("not a driver: damaged notes: {error}"));
    let owner = &note::OWNER[..note::OWNER.len() - 1];
    for segment in header.program_headers(LittleEndian, bytes).map_err(damaged)? {
        let Some(mut notes) = segment.notes(LittleEndian, bytes).map_err(damaged)? else { continue };
        while let Some(found) = notes.next().map_err(damaged)? {
            if found.name() == owner && found.n_type(LittleEndian).0 == note::TYPE {
                return Note::parse(found.desc())
                    .ok_or_else(|| LoadError::new("not a driver: unreadable ballast note"));
            }
        }
    }
    Err(LoadError::new("not a driver: no ballast note"))
}

fn check_abi(note: &Note) -> Result<(), LoadError> {
    if note.abi_major == ABI_MAJOR {
        return Ok(());
    }
    Err(LoadError::new(format!("ABI {}.{}, this agent speaks {ABI_MAJOR}.x", note.abi_major, note.abi_minor)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_damage_to_the_headers_of_a_file_is_more_than_an_error() {
        let mut bytes = read(&std::env::current_exe().unwrap()).unwrap();
        for at in 0..1024 {
            let whole = bytes[at];
            for damage in [0, 1, 0x7f, 0xff] {
                bytes[at] = damage;
                assert!(check(&bytes).is_err(), "byte {at} as {damage}");
            }
            bytes[at] = whole;
        }
    }
}
