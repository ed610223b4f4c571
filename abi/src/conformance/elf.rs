//! What can be said of the file without running any of its code.

use std::{collections::BTreeSet, fs};

use object::{
    LittleEndian,
    elf::{
        DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_TEXTREL, FileHeader64, PF_X, PT_GNU_STACK, SHN_UNDEF, SHT_DYNSYM,
        STB_LOCAL, STT_SECTION,
    },
    read::elf::{Dyn, FileHeader, ProgramHeader, SectionTable, Sym},
};

use super::{
    Bench,
    verdict::{Stop, Verdict, ensure},
};
use crate::host;

type Header = FileHeader64<LittleEndian>;

const ENDIAN: LittleEndian = LittleEndian;
/// What a driver exports, and what linkers define in any library.
const ALLOWED: [&str; 7] =
    ["_1as_0lib_1header_0root_bmodule_bloader", crate::c::SYMBOL, "_init", "_fini", "__bss_start", "_edata", "_end"];
/// More names than this are not listed.
const SHOWN: usize = 5;

struct File {
    bytes: Vec<u8>,
}

impl File {
    fn read(bench: &Bench) -> Result<Self, Stop> {
        let bytes = fs::read(&bench.file).map_err(|error| Stop::failed(format!("cannot be read: {error}")))?;
        Ok(Self { bytes })
    }

    fn header(&self) -> Result<&Header, Stop> {
        Header::parse(&*self.bytes).map_err(damaged)
    }

    fn sections(&self) -> Result<SectionTable<'_, Header>, Stop> {
        let sections = self.header()?.sections(ENDIAN, &*self.bytes).map_err(damaged)?;
        ensure(!sections.is_empty(), || {
            "its section headers are stripped, so that nobody can see what it exports: use plain `strip`".to_owned()
        })?;
        Ok(sections)
    }

    /// The values of entries of these kinds in the dynamic section, as texts.
    fn dynamic(&self, tags: &[i64]) -> Result<Vec<(i64, String)>, Stop> {
        let sections = self.sections()?;
        let Some((entries, strings)) = sections.dynamic(ENDIAN, &*self.bytes).map_err(damaged)? else {
            return Ok(Vec::new());
        };
        let strings = sections.strings(ENDIAN, &*self.bytes, strings).map_err(damaged)?;
        let wanted = entries.iter().map(|entry| (entry.tag(ENDIAN).0, entry)).filter(|(tag, _)| tags.contains(tag));
        let text = |entry: &<Header as FileHeader>::Dyn| {
            let text = entry.string(ENDIAN, strings).unwrap_or_default();
            String::from_utf8_lossy(text).into_owned()
        };
        Ok(wanted.map(|(tag, entry)| (tag, text(entry))).collect())
    }
}

fn damaged(error: object::Error) -> Stop {
    Stop::failed(format!("a damaged ELF file: {error}"))
}

/// What an agent looks at before it loads a file, and what no library should have.
pub(super) fn sane(bench: &Bench) -> Verdict {
    let note = host::preflight(&bench.file).map_err(|error| Stop::failed(error.to_string()))?;
    let file = File::read(bench)?;
    for segment in file.header()?.program_headers(ENDIAN, &*file.bytes).map_err(damaged)? {
        let executable_stack = segment.p_type(ENDIAN) == PT_GNU_STACK && segment.p_flags(ENDIAN).contains(PF_X);
        ensure(!executable_stack, || "it asks for an executable stack".to_owned())?;
    }
    ensure(file.dynamic(&[DT_TEXTREL.0])?.is_empty(), || {
        "it changes its own code when it is loaded (TEXTREL)".to_owned()
    })?;
    let needed: Vec<String> = file.dynamic(&[DT_NEEDED.0])?.into_iter().map(|(_, name)| name).collect();
    let (major, minor) = (note.abi_major, note.abi_minor);
    Ok(format!("ABI {major}.{minor}; needs {}", needed.join(", ")))
}

fn exported(bench: &Bench) -> Result<BTreeSet<String>, Stop> {
    let file = File::read(bench)?;
    let symbols = file.sections()?.symbols(ENDIAN, &*file.bytes, SHT_DYNSYM).map_err(damaged)?;
    let mut names = BTreeSet::new();
    for symbol in symbols.iter() {
        let exported = symbol.st_shndx(ENDIAN) != SHN_UNDEF && symbol.st_bind() != STB_LOCAL;
        if exported && symbol.st_type() != STT_SECTION {
            names.insert(
                String::from_utf8_lossy(symbol.name(ENDIAN, symbols.strings()).unwrap_or_default()).into_owned(),
            );
        }
    }
    Ok(names)
}

/// It has a table of C functions.
pub(super) fn is_in_c(bench: &Bench) -> Result<bool, Stop> {
    Ok(exported(bench)?.contains(crate::c::SYMBOL))
}

pub(super) fn exports(bench: &Bench) -> Verdict {
    let mut others = exported(bench)?;
    others.retain(|name| !ALLOWED.contains(&name.as_str()));
    ensure(others.is_empty(), || {
        let first: Vec<&str> = others.iter().take(SHOWN).map(String::as_str).collect();
        let more = others.len() - first.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("it also exports {}{more}, which can get in the way of others", first.join(", "))
    })?;
    Ok(String::new())
}

pub(super) fn paths(bench: &Bench) -> Verdict {
    let found = File::read(bench)?.dynamic(&[DT_RPATH.0, DT_RUNPATH.0])?;
    ensure(found.is_empty(), || {
        let name = |tag: i64| if tag == DT_RPATH.0 { "RPATH" } else { "RUNPATH" };
        let paths: Vec<_> = found.iter().map(|(tag, path)| format!("{} {path}", name(*tag))).collect();
        format!("it has {}: libraries would come from there", paths.join(", "))
    })?;
    Ok(String::new())
}

pub(super) fn glibc(bench: &Bench) -> Verdict {
    let file = File::read(bench)?;
    let sections = file.sections()?;
    let mut newest = None;
    if let Some((mut libraries, strings)) = sections.gnu_verneed(ENDIAN, &*file.bytes).map_err(damaged)? {
        let strings = sections.strings(ENDIAN, &*file.bytes, strings).map_err(damaged)?;
        while let Some((_, mut versions)) = libraries.next().map_err(damaged)? {
            while let Some(version) = versions.next().map_err(damaged)? {
                let name = version.name(ENDIAN, strings).map_err(damaged)?;
                newest = newest.max(glibc_version(&String::from_utf8_lossy(name)));
            }
        }
    }
    let Some((major, minor)) = newest else { return Ok("it needs no glibc".to_owned()) };
    let (baseline_major, baseline_minor) = bench.glibc;
    ensure((major, minor) <= bench.glibc, || {
        format!(
            "it needs glibc {major}.{minor}, and the baseline is {baseline_major}.{baseline_minor}: build it on an older system"
        )
    })?;
    Ok(format!("glibc {major}.{minor}"))
}

/// `GLIBC_2.34`; none of other names, as `GLIBC_PRIVATE`.
fn glibc_version(name: &str) -> Option<(u32, u32)> {
    let mut numbers = name.strip_prefix("GLIBC_")?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next().unwrap_or(Ok(0)).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_glibc_are_compared_as_numbers() {
        assert_eq!(glibc_version("GLIBC_2.4"), Some((2, 4)));
        assert_eq!(glibc_version("GLIBC_2.2.5"), Some((2, 2)));
        assert!(glibc_version("GLIBC_2.34") > glibc_version("GLIBC_2.4"));
        assert_eq!(glibc_version("GLIBC_PRIVATE"), None);
        assert_eq!(glibc_version("GCC_3.0"), None);
    }
}
