//! Files as the archive that a task unpacks. The same files give the same bytes on every machine.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};

use crate::compose::survey::Content;

/// The largest archive, in bytes: as Base64 it is what Secrets Manager takes.
pub(in crate::ecs) const LARGEST: usize = 49_142;

/// One file, folder or link.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::ecs) struct Entry {
    /// Relative to where the archive is unpacked.
    pub(in crate::ecs) path: String,
    pub(in crate::ecs) content: Content,
    pub(in crate::ecs) mode: u32,
    pub(in crate::ecs) owner: (u64, u64),
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({:o})", self.path, self.mode)
    }
}

/// A compressed tar archive, without times, in the order of the entries.
pub(in crate::ecs) fn pack(entries: &[Entry]) -> Vec<u8> {
    let pack = || -> io::Result<Vec<u8>> {
        let mut archive = tar::Builder::new(GzBuilder::new().write(Vec::new(), Compression::best()));
        for entry in entries {
            append(&mut archive, entry)?;
        }
        archive.into_inner()?.finish()
    };
    pack().expect("writing to memory does not fail, and every path is relative")
}

fn append(archive: &mut tar::Builder<impl Write>, entry: &Entry) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(entry.mode);
    header.set_uid(entry.owner.0);
    header.set_gid(entry.owner.1);
    header.set_mtime(0);
    header.set_size(0);
    match &entry.content {
        Content::Folder => {
            header.set_entry_type(tar::EntryType::Directory);
            archive.append_data(&mut header, format!("{}/", entry.path), io::empty())
        }
        Content::File(content) => {
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, &entry.path, content.as_slice())
        }
        Content::Link(to) => {
            header.set_entry_type(tar::EntryType::Symlink);
            archive.append_link(&mut header, &entry.path, to)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_unpacks_to_what_was_packed() {
        let entry = |path: &str, content: Content, mode: u32| Entry {
            path: path.to_owned(),
            content,
            mode,
            owner: (7, 8),
        };
        let long = format!("1/{}/name", "folder/".repeat(30).trim_end_matches('/'));
        let entries = [
            entry("1", Content::Folder, 0o755),
            entry("1/file", Content::File(b"text".to_vec()), 0o640),
            entry("1/link", Content::Link("file".into()), 0o777),
            entry(&long, Content::File(vec![0; 100_000]), 0o444),
        ];
        let packed = pack(&entries);
        assert_eq!(packed, pack(&entries));
        assert!(packed.len() < 2_000, "{}", packed.len());
        // What tells ECS's text from an archive: an archive is no text.
        assert!(std::str::from_utf8(&packed).is_err());

        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed.as_slice()));
        let mut seen = Vec::new();
        for (entry, expected) in archive.entries().unwrap().zip(&entries) {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!(header.mode().unwrap(), expected.mode);
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), expected.owner);
            assert_eq!(header.mtime().unwrap(), 0);
            seen.push(entry.path().unwrap().to_string_lossy().trim_end_matches('/').to_owned());
        }
        assert_eq!(seen, ["1", "1/file", "1/link", &long]);
    }
}
